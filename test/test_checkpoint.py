from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from test_model import SMALL, scene

from locate3d_ros.errors import InputError
from locate3d_ros.model.checkpoint import TrainedOn, load_checkpoint, load_encoder, save_checkpoint
from locate3d_ros.model.locate3d_model import Locate3DModel

TRAINED_ON = TrainedOn((("image", 10),), "abc")


@pytest.fixture
def model() -> Locate3DModel:
    torch.manual_seed(1)
    return Locate3DModel(SMALL).eval()


@pytest.fixture
def folder(tmp_path: Path, model: Locate3DModel) -> Path:
    save_checkpoint(tmp_path / "model", model, TRAINED_ON)
    return tmp_path / "model"


def same_weights(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    first, second = a.state_dict(), b.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_saved_checkpoint_loads_with_its_configuration(folder: Path, model: Locate3DModel) -> None:
    loaded = load_checkpoint(folder)
    assert loaded.model.config == SMALL
    assert loaded.trained_on == TRAINED_ON
    assert same_weights(loaded.model, model)
    assert not loaded.model.training


def test_dtype_is_chosen_at_load(folder: Path) -> None:
    assert load_checkpoint(folder, dtype=torch.bfloat16).model.encoder.zero_token.dtype is torch.bfloat16


@pytest.mark.parametrize("container", ["model_state_dict", "state_dict"])
def test_released_wrappers_are_taken_off(folder: Path, model: Locate3DModel, container: str) -> None:
    (folder / "model.safetensors").unlink()
    wrapped = {f"module.{key}": tensor for key, tensor in model.state_dict().items()}
    torch.save({container: wrapped, "epoch": 3}, folder / "pytorch_model.bin")
    assert same_weights(load_checkpoint(folder).model, model)


def test_encoder_loads_from_a_jepa_checkpoint_and_from_a_whole_model(folder: Path, model: Locate3DModel) -> None:
    assert same_weights(load_encoder(folder), model.encoder)
    (folder / "model.safetensors").unlink()
    target = {f"module.backbone.{key}": tensor for key, tensor in model.encoder.state_dict().items()}
    torch.save({"target_encoder": target}, folder / "checkpoint.pt")
    assert same_weights(load_encoder(folder), model.encoder)
    xyz, rgb, features = scene(20)
    assert torch.isfinite(load_encoder(folder)(xyz, rgb, features)).all()


def test_missing_unexpected_and_misshapen_keys_are_named(folder: Path, model: Locate3DModel) -> None:
    state = dict(model.state_dict())
    del state["encoder.zero_token"]
    state["extra"] = torch.zeros(1)
    state["encoder.feat_norm.bias"] = torch.zeros(3)
    save_file(state, folder / "model.safetensors")
    with pytest.raises(InputError) as caught:
        load_checkpoint(folder)
    message = str(caught.value)
    assert "1 missing keys (encoder.zero_token)" in message
    assert "1 unexpected keys (extra)" in message
    assert "encoder.feat_norm.bias [3] instead of [10]" in message
    assert "\n" not in message


def test_encoder_alone_is_recognised_where_a_whole_model_is_wanted(folder: Path, model: Locate3DModel) -> None:
    save_file(model.encoder.state_dict(), folder / "model.safetensors")
    with pytest.raises(InputError, match="seems to be a 3D-JEPA encoder alone"):
        load_checkpoint(folder)


@pytest.mark.parametrize("keep", [0, 7, 100, 5000])
@pytest.mark.parametrize("name", ["model.safetensors", "model.pt"])
def test_truncated_file_is_refused(folder: Path, model: Locate3DModel, name: str, keep: int) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").unlink()
    if name.endswith(".pt"):
        torch.save(model.state_dict(), folder / name)
        content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:keep])
    with pytest.raises(InputError, match="damaged or no weight file|holds more than tensors"):
        load_checkpoint(folder)


class Payload:
    """Would create a file where a pickle is executed."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_code_in_a_checkpoint_is_refused_and_not_run(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"model_state_dict": Payload(tmp_path / "run")}, folder / "model.pt")
    with pytest.raises(InputError, match="holds more than tensors"):
        load_checkpoint(folder)
    assert not (tmp_path / "run").exists()


def test_missing_places_and_broken_configurations_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_checkpoint(tmp_path / "nowhere.safetensors")
    with pytest.raises(InputError, match="holds none of model.safetensors"):
        load_checkpoint(tmp_path)
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        load_checkpoint(folder)
    (folder / "config.json").write_text(json.dumps({"model": {"encoder": {"depth": 3}}}))
    with pytest.raises(InputError, match="unknown fields"):
        load_checkpoint(folder)
    (folder / "config.json").write_text(json.dumps({"encoder": {}}))
    with pytest.raises(InputError, match="not a model configuration"):
        load_checkpoint(folder)

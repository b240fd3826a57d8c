"""Checkpoints: the released state dicts and our own, strictly checked, never unpickled. Source: MODEL_SPEC §10."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from locate3d_ros.errors import InputError
from locate3d_ros.files import write_file
from locate3d_ros.model.config import ModelConfig
from locate3d_ros.model.config_io import config_from_json
from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.weights.state_dict import differences, read_content, require_tensors

SCHEMA = "locate3d/model@1"
CONFIG_NAME = "config.json"
WEIGHT_NAMES = ("model.safetensors", "pytorch_model.bin", "model.pt", "checkpoint.pt")
CONTAINERS = ("model_state_dict", "target_encoder", "state_dict", "model")  # of the released wrappers
PREFIXES = ("module.", "backbone.")


@dataclass(frozen=True)
class TrainedOn:
    """Which features a model was trained with; others are refused."""

    slots: tuple[tuple[str, int], ...] = ()
    digest: str = ""  # of the extractor; "" accepts any with the same slots


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model and what it expects."""

    name: str
    model: Locate3DModel
    trained_on: TrainedOn


def load_checkpoint(
    path: Path | str, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Checkpoint:
    """Load a folder (config.json beside its weights) or a weight file of the released size.

    Weights are memory-mapped and moved once. Raises InputError, one line, for a file that is missing, damaged, carries
    code, or whose keys or shapes are not the model's.
    """
    path = Path(path)
    config, trained_on = read_config(path)
    state = read_state(weight_file(path))
    with torch.device("meta"):
        model = Locate3DModel(config)
    load_strict(model, state, path)
    return Checkpoint(path.stem, model.to(device=device, dtype=dtype).eval(), trained_on)


def load_encoder(path: Path | str, device: torch.device | str = "cpu") -> Encoder3DJepa:
    """Load the encoder alone, from a 3D-JEPA checkpoint or from a whole model. Errors as `load_checkpoint`."""
    path = Path(path)
    config, _ = read_config(path)
    state = read_state(weight_file(path))
    own = {key.removeprefix("encoder."): tensor for key, tensor in state.items() if not key.startswith("decoder.")}
    with torch.device("meta"):
        encoder = Encoder3DJepa(config.encoder)
    load_strict(encoder, own, path)
    return encoder.to(device).eval()


def save_checkpoint(folder: Path | str, model: Locate3DModel, trained_on: TrainedOn) -> None:
    """Write config.json and model.safetensors into a folder, each whole or not at all."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    write_file(folder / WEIGHT_NAMES[0], save(tensors))
    write_file(folder / CONFIG_NAME, json.dumps(description_of(model.config, trained_on), indent=1).encode())


def description_of(config: ModelConfig, trained_on: TrainedOn) -> dict[str, object]:
    """Return the content of a model folder's configuration."""
    return {"schema": SCHEMA, "model": asdict(config), "trained_on": asdict(trained_on)}


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict from safetensors, or from a .pt or .bin file with weights only; wrappers are taken off."""
    return _unwrap(read_content(path), path)


def _unwrap(content: object, path: Path) -> dict[str, Tensor]:
    for name in CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    return {_strip(key): tensor for key, tensor in require_tensors(content, path).items()}


def _strip(key: str) -> str:
    for prefix in PREFIXES:
        key = key.removeprefix(prefix)
    return key


def load_strict(module: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Give a module (on the meta device) exactly these tensors. Raises InputError naming the first keys that differ."""
    found = differences(module, state)
    if found:
        raise InputError(f"{path}: not this model's weights: {found}; it seems to be {_guess(state)}")
    module.load_state_dict(dict(state), strict=True, assign=True)


def _guess(state: Mapping[str, Tensor]) -> str:
    marks = {
        "decoder.bbox_head.query_projector.weight": "a Locate 3D model of another size (give its folder)",
        "point_transformer_v3.embedding.stem.conv.weight": "a 3D-JEPA encoder alone",
        "encoder.point_transformer_v3.embedding.stem.conv.weight": "an encoder without its decoder",
        "text_model.embeddings.token_embedding.weight": "a CLIP text tower",
        "visual.class_embedding": "a CLIP model",
        "register_tokens": "a DINOv2 model",
        "image_encoder.pos_embed": "a SAM model",
    }
    return next((name for key, name in marks.items() if key in state), "something else")


def weight_file(path: Path) -> Path:
    """Return the file of weights that a path names. Raises InputError where a folder holds none."""
    if not path.is_dir():
        return path
    found = next((path / name for name in WEIGHT_NAMES if (path / name).is_file()), None)
    if found is None:
        raise InputError(f"{path}: holds none of {', '.join(WEIGHT_NAMES)}; give a model folder")
    return found


def read_config(path: Path) -> tuple[ModelConfig, TrainedOn]:
    """Return the configuration beside the weights; a bare file counts as the released size."""
    file = path / CONFIG_NAME if path.is_dir() else path.parent / CONFIG_NAME
    if not file.is_file():
        return ModelConfig(), TrainedOn()
    try:
        description: Any = json.loads(file.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not JSON ({error}); restore the model's configuration") from None
    trained_on = description.get("trained_on", {}) if isinstance(description, dict) else {}
    slots = tuple((str(name), int(width)) for name, width in trained_on.get("slots", ()))
    return config_from_json(description, file), TrainedOn(slots, str(trained_on.get("digest", "")))

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_model import SMALL
from toy_scene import toy_snapshot

from locate3d_ros.build import SHIPPED, build_extractor, build_localizer
from locate3d_ros.config import Config
from locate3d_ros.errors import InputError
from locate3d_ros.model.checkpoint import TrainedOn, save_checkpoint
from locate3d_ros.model.config import TextConfig
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.model.proposal_checkpoint import load_proposal_checkpoint
from locate3d_ros.types import LocalizeOptions, Status

EVERYTHING = LocalizeOptions(0.0, 10)
MODELS = ("auto", "locate3d-tiny")
CPU = torch.device("cpu")
OF_THE_TOY = replace(
    SMALL,
    encoder=replace(SMALL.encoder, feature_dim=8),
    decoder=replace(SMALL.decoder, text=TextConfig("minilm", width=384)),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "toy", Locate3DModel(OF_THE_TOY), TrainedOn((("image", 8),)))
    return tmp_path / "toy"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_path_of_a_checkpoint_becomes_a_localizer_that_answers(folder: Path, precision: str) -> None:
    localizer = build_localizer(Config(model=str(folder), precision=precision), CPU)
    assert localizer.name == "toy"
    answer = localizer.localize(toy_snapshot((), floor=1.0), "the white mug", LocalizeOptions(0.0, 10))
    assert answer.status in (Status.FOUND, Status.NOT_FOUND)
    assert answer.message or answer.instances


def test_model_that_is_no_path_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="model = 'locate4d': none of auto, similarity, .* path that exists") as caught:
        build_localizer(Config(model="locate4d"), CPU)
    assert "\n" not in str(caught.value)


def test_released_model_that_is_not_here_is_named_with_its_source(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="locate-3d: .*huggingface.co/facebook/locate-3d .*is not here"):
        build_localizer(Config(model="locate3d", weights=str(tmp_path)), CPU)


def test_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds none of model.safetensors"):
        build_localizer(Config(model=str(tmp_path)), CPU)


@pytest.mark.parametrize(("model", "name"), [("auto", "locate3d-tiny"), ("similarity", "similarity")])
def test_the_embedded_backend_answers_with_the_shipped_model_unless_told_otherwise(model, name):
    assert build_localizer(Config(model=model), CPU).name == name


def test_a_map_with_other_features_is_answered_by_similarity_but_refused_to_the_model_that_was_asked_for():
    bare = toy_snapshot((), floor=1.0)
    snapshot = replace(bare, features={"image": torch.zeros(len(bare), 256)}, digest="another version's")
    answers = {m: build_localizer(Config(model=m), CPU).localize(snapshot, "the floor", EVERYTHING) for m in MODELS}
    assert answers["auto"].status is not Status.FAILED
    assert "answered by similarity" in answers["auto"].message
    assert answers["locate3d-tiny"].status is Status.FAILED


def test_shipped_model_reads_the_embedded_features():
    localizer = build_localizer(Config(model="locate3d-tiny"), CPU)
    assert localizer.name == "locate3d-tiny"
    extractor = build_extractor(Config(), CPU)
    trained_on = load_proposal_checkpoint(SHIPPED["locate3d-tiny"]).trained_on
    assert trained_on == TrainedOn(tuple(map(tuple, extractor.slots)), extractor.digest)

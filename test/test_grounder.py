"""A checkpoint with CLIP's vocabulary, from its folder to instances, and through the product's own door."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal

import pytest
import torch
from test_model import SMALL, scene
from toy_scene import toy_snapshot

import locate3d_ros
from locate3d_ros import Locate3D, load_recording
from locate3d_ros.config import LocalizationConfig
from locate3d_ros.errors import InputError
from locate3d_ros.features.embedded import EmbeddedExtractor
from locate3d_ros.localization.model_localizer import ModelLocalizer
from locate3d_ros.model.checkpoint import TrainedOn, load_checkpoint, save_checkpoint
from locate3d_ros.model.config import LOCATE3D, ModelConfig
from locate3d_ros.model.grounder import Grounder
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.model.text import MiniLm
from locate3d_ros.types import LocalizeOptions, Status

pytest.importorskip("open_clip", reason="the CLIP vocabulary comes with open_clip_torch")

DEMO = Path(locate3d_ros.__file__).parent / "data" / "demo_room" / "recording"
CPU = torch.device("cpu")
TEXT = replace(SMALL.decoder.text, width=4, feedforward=8, projection=4, vocabulary=49408)
WITH_CLIP = replace(SMALL, decoder=replace(SMALL.decoder, text=TEXT))


def saved(folder: Path, config: ModelConfig, trained_on: TrainedOn) -> Path:
    torch.manual_seed(0)
    save_checkpoint(folder, Locate3DModel(config), trained_on)
    return folder


@pytest.fixture
def grounder(tmp_path: Path) -> Grounder:
    folder = saved(tmp_path / "clip", WITH_CLIP, TrainedOn((("image", 10),)))
    return Grounder(load_checkpoint(folder), torch.float32)


@pytest.mark.parametrize("boxes", ["head", "mask"])
def test_checkpoint_says_whose_boxes_its_instances_have(tmp_path: Path, boxes: Literal["head", "mask"]) -> None:
    config = replace(WITH_CLIP, decoder=replace(WITH_CLIP.decoder, boxes=boxes))
    checkpoint = load_checkpoint(saved(tmp_path / boxes, config, TrainedOn((("image", 10),))))
    assert checkpoint.model.config.decoder.boxes == boxes
    for head in checkpoint.model.decoder.text_alignment_head:
        head.text_alignment_head[-1].bias.data.fill_(5.0)  # every query stands for every word
    grounder = Grounder(checkpoint, torch.float32)
    instances = grounder.ground(grounder.encode(voxels(), compact=False), "the white mug").instances
    assert len(instances) == SMALL.decoder.queries
    assert all((instance.box is None) == (boxes == "mask") for instance in instances)


def test_released_sizes_answer_with_the_box_heads_boxes() -> None:
    assert LOCATE3D.decoder.boxes == "head"


def voxels(n: int = 120) -> tuple[torch.Tensor, ...]:
    xyz, rgb, features = scene(n)
    return xyz, rgb, features, (xyz / 0.05).floor().int()


def test_sentence_is_read_by_the_checkpoints_own_tower(grounder: Grounder) -> None:
    encoding = grounder.encode(voxels(), compact=False)
    grounding = grounder.ground(encoding, "the white mug")
    assert grounding.offsets == ((0, 0), (0, 3), (4, 9), (10, 13), (0, 0))
    assert grounding.probability.shape == (SMALL.decoder.queries, 77)
    other = grounder.ground(encoding, "a door").probability
    assert (grounding.probability - other).abs().max() > 1e-4
    for instance in grounding.instances:
        assert (grounding.probability[instance.query, list(instance.tokens)] > 0.5).all()
        assert instance.mask.shape == (120,)


def test_compact_encoding_gives_the_same_numbers(grounder: Grounder) -> None:
    whole, compact = (grounder.encode(voxels(), compact=compact) for compact in (False, True))
    assert compact.scene is None
    torch.testing.assert_close(
        grounder.ground(compact, "the mug").probability, grounder.ground(whole, "the mug").probability
    )


def test_tower_with_another_vocabulary_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = saved(tmp_path / "foreign", SMALL, TrainedOn())
    with pytest.raises(InputError, match="its text tower knows 50 tokens, not CLIP's"):
        Grounder(load_checkpoint(folder), torch.float32)


def test_spconv_without_cuda_is_refused_before_the_first_scene(tmp_path: Path) -> None:
    folder = saved(tmp_path / "clip", WITH_CLIP, TrainedOn())
    with pytest.raises(InputError, match="give convolution = 'portable'"):
        Grounder(load_checkpoint(folder), torch.float32, convolution="spconv")


def test_map_of_other_features_is_refused_by_name(grounder: Grounder) -> None:
    snapshot = toy_snapshot((), floor=1.0)
    with pytest.raises(InputError, match=r"trained on the features image \(10\), the map has image \(8\)"):
        grounder.features_of(snapshot)


def test_compressed_map_is_refused_in_one_line(grounder: Grounder) -> None:
    snapshot = replace(toy_snapshot((), floor=1.0), projections={"image": torch.eye(10)[:, :8]})
    answer = ModelLocalizer(grounder, LocalizationConfig()).localize(snapshot, "the mug", LocalizeOptions(0.0, 5))
    assert answer.status is Status.FAILED
    assert "this map is compressed" in answer.message
    assert "\n" not in answer.message


def test_path_of_a_model_makes_the_whole_product_answer_with_it(tmp_path: Path) -> None:
    extractor = EmbeddedExtractor("fast", CPU)
    slots = tuple((slot.name, slot.width) for slot in extractor.slots)
    encoder = replace(SMALL.encoder, feature_dim=sum(width for _, width in slots))
    text = replace(TEXT, kind="minilm", width=MiniLm(CPU).token_states("mug").states.shape[1])
    config = replace(SMALL, encoder=encoder, decoder=replace(SMALL.decoder, text=text))
    folder = saved(tmp_path / "mine", config, TrainedOn(slots, extractor.digest))
    robot = Locate3D.create(model=str(folder), threads=1)
    assert robot.localize("the chair").status is Status.MAP_EMPTY
    frames = list(islice(load_recording(DEMO), 3))
    for frame in frames:
        robot.add(frame)
    answer = robot.localize("the chair", LocalizeOptions(0.0, 5))
    assert answer.status in (Status.FOUND, Status.NOT_FOUND)
    assert answer.revision == len(frames)
    assert answer.message or answer.instances

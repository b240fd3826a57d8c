from __future__ import annotations

import pytest
import torch
from toy_scene import ToyBox, ToyClassHead, toy_snapshot

from locate3d_ros.config import LocalizationConfig
from locate3d_ros.geometry.boxes import box_iou, box_tensor
from locate3d_ros.localization.similarity import SimilarityLocalizer
from locate3d_ros.model.text import MiniLm
from locate3d_ros.types import LocalizeOptions, Role, Status

OPTIONS = LocalizeOptions(min_score=0.0, max_instances=5)
DESK = ToyBox((1.0, 1.0, 0.0), (2.2, 1.7, 0.74), (0.5, 0.35, 0.2), "desk")
MUG = ToyBox((1.2, 1.2, 0.74), (1.3, 1.3, 0.84), (0.9, 0.1, 0.1), "coffee mug")
LAPTOP = ToyBox((1.7, 1.3, 0.74), (2.05, 1.55, 0.76), (0.1, 0.1, 0.1), "laptop")
WARDROBE = ToyBox((3.0, 3.2, 0.0), (4.0, 3.8, 2.0), (0.8, 0.7, 0.5), "wardrobe")
ROOM = (DESK, MUG, LAPTOP, WARDROBE)


@pytest.fixture(scope="module")
def localizer():
    encoder = MiniLm(torch.device("cpu"))
    return SimilarityLocalizer(encoder, ToyClassHead(encoder), LocalizationConfig())


@pytest.fixture(scope="module")
def room(localizer):
    return localizer.prepare(toy_snapshot(ROOM))


@pytest.mark.parametrize(("text", "box"), [("the desk", DESK), ("the wardrobe", WARDROBE), ("a mug", MUG)])
def test_named_thing_is_found_where_it_stands(localizer, room, text, box):
    answer = localizer.answer(room, text, OPTIONS)
    assert answer.status is Status.FOUND
    assert box_iou(box_tensor(answer.best.box)[None], box.tensor[None]).item() > 0.5
    assert answer.best.role is Role.TARGET
    assert answer.best.mask.any()
    assert answer.revision == 1


def test_floor_is_answered_with_the_plane(localizer, room):
    best = localizer.answer(room, "the floor", OPTIONS).best
    assert best.box.max[2] < 0.1
    assert best.box.size[0] > 3.5


def test_empty_map_is_said(localizer):
    answer = localizer.localize(toy_snapshot((), floor=0.0), "a mug", OPTIONS)
    assert answer.status is Status.MAP_EMPTY
    assert answer.message


def test_text_without_a_noun_is_a_bad_request(localizer, room):
    assert localizer.answer(room, "  ", OPTIONS).status is Status.BAD_REQUEST


def test_refine_is_answered_without(localizer, room):
    answer = localizer.answer(room, "the desk", LocalizeOptions(0.0, 5, refine=True))
    assert answer.status is Status.FOUND
    assert "refine" in answer.message


def test_unreachable_score_is_not_found_with_a_sentence(localizer, room):
    answer = localizer.answer(room, "the desk", LocalizeOptions(1.0, 5))
    assert answer.status is Status.NOT_FOUND
    assert "desk" in answer.message
    assert not answer.instances

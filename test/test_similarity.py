from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from toy_scene import ToyBox, ToyClassHead, toy_snapshot

from locate3d_ros.config import LocalizationConfig
from locate3d_ros.geometry.boxes import box_iou, box_tensor
from locate3d_ros.localization.similarity import SimilarityLocalizer
from locate3d_ros.mapping.compression import compressed, fit_projections
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


class WideClassHead(ToyClassHead):
    """Reads classes out of many channels."""

    def __init__(self, encoder) -> None:
        super().__init__(encoder)
        generator = torch.Generator().manual_seed(0)
        self.basis = torch.linalg.qr(torch.randn(96, len(self.names), generator=generator))[0]

    def logits(self, features):
        return super().logits(features @ self.basis)

    def snapshot(self, boxes):
        """The toy room with these channels, and noise in all of them."""
        plain = toy_snapshot(boxes)
        values = plain.features["image"].float() @ self.basis.T
        noise = 0.02 * torch.randn(values.shape, generator=torch.Generator().manual_seed(1))
        return replace(plain, features={"image": (values + noise).half()})


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


def test_refine_without_keyframes_answers_unrefined_and_says_so(localizer, room):
    answer = localizer.answer(room, "the desk", LocalizeOptions(0.0, 5, refine=True))
    plain = localizer.answer(room, "the desk", LocalizeOptions(0.0, 5))
    assert answer.status is Status.FOUND
    assert "keyframes" in answer.message
    assert [i.box for i in answer.instances] == [i.box for i in plain.instances]


def test_unreachable_score_is_not_found_with_a_sentence(localizer, room):
    answer = localizer.answer(room, "the desk", LocalizeOptions(1.0, 5))
    assert answer.status is Status.NOT_FOUND
    assert "desk" in answer.message
    assert not answer.instances


def found_box(localizer, boxes, text):
    answer = localizer.localize(toy_snapshot(boxes), text, OPTIONS)
    assert answer.status is Status.FOUND
    return box_tensor(answer.best.box)[None], answer


def test_colour_chooses_between_two_of_a_kind(localizer):
    blue = ToyBox((1.8, 1.2, 0.74), (1.9, 1.3, 0.84), (0.1, 0.15, 0.9), "coffee mug")
    for text, wanted in (("the red mug", MUG), ("the blue mug", blue)):
        box, _ = found_box(localizer, (DESK, MUG, blue), text)
        assert box_iou(box, wanted.tensor[None]).item() > 0.5


def test_wrong_colour_lowers_the_score(localizer, room):
    right = localizer.answer(room, "the red mug", OPTIONS).best.score
    wrong = localizer.answer(room, "the green mug", OPTIONS)
    assert wrong.best.score < 0.7 * right


def test_relation_chooses_between_two_of_a_kind(localizer):
    other = ToyBox((3.4, 3.4, 2.0), (3.5, 3.5, 2.1), (0.9, 0.1, 0.1), "coffee mug")
    for text, wanted in (("the mug on the desk", MUG), ("the mug on the wardrobe", other)):
        box, answer = found_box(localizer, (*ROOM, other), text)
        assert box_iou(box, wanted.tensor[None]).item() > 0.5
        assert any(instance.role is Role.ANCHOR for instance in answer.instances)


def test_absent_thing_is_not_found_and_the_sentence_says_so(localizer, room):
    answer = localizer.answer(room, "the bicycle", LocalizeOptions(min_score=0.5, max_instances=5))
    assert answer.status is Status.NOT_FOUND
    assert answer.instances == ()
    assert "bicycle" in answer.message


def test_things_that_are_there_are_surer_than_things_that_are_not(localizer, room):
    there = [
        localizer.answer(room, f"the {name}", OPTIONS).best.score for name in ("desk", "wardrobe", "mug", "laptop")
    ]
    not_there = [localizer.answer(room, f"the {name}", OPTIONS).best.score for name in ("bicycle", "guitar", "dog")]
    assert min(there) > max(not_there) + 0.1


def test_same_question_has_the_same_answer(localizer, room):
    first, second = (localizer.answer(room, "the mug on the desk", OPTIONS) for _ in range(2))
    assert [each.box for each in first.instances] == [each.box for each in second.instances]
    assert first.best.score == second.best.score


def test_compressed_map_has_the_answers_of_the_whole_one():
    encoder = MiniLm(torch.device("cpu"))
    head = WideClassHead(encoder)
    localizer = SimilarityLocalizer(encoder, head, LocalizationConfig())
    whole = head.snapshot(ROOM)
    small = compressed(whole, fit_projections(whole, 8))
    assert small.features["image"].shape[1] == 12
    scenes = [localizer.prepare(snapshot) for snapshot in (whole, small)]
    for text in ("the desk", "a mug", "the laptop on the desk", "the wardrobe", "the floor", "a bicycle"):
        a, b = (localizer.answer(scene, text, OPTIONS) for scene in scenes)
        assert a.status is b.status, text
        assert box_iou(box_tensor(a.best.box)[None], box_tensor(b.best.box)[None]).item() > 0.9, text
        assert a.best.score == pytest.approx(b.best.score, abs=0.05), text

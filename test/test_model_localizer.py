from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import pytest
import torch
from toy_scene import ToyBox, toy_snapshot

from locate3d_ros.config import LocalizationConfig
from locate3d_ros.errors import InputError
from locate3d_ros.localization.found import extent
from locate3d_ros.localization.model_localizer import ModelLocalizer
from locate3d_ros.types import LocalizeOptions, Role, Status

OPTIONS = LocalizeOptions(min_score=0.5, max_instances=10)
SENTENCE = "the white mug next to the coffee table"
WORDS = SENTENCE.split()  # the fake's tokens: a start mark, then one token a word


@dataclass(frozen=True)
class FakeInstance:
    query: int
    tokens: tuple[int, ...]
    confidence: float
    mask: torch.Tensor
    box: torch.Tensor | None


@dataclass(frozen=True)
class FakeGrounded:
    offsets: tuple[tuple[int, int], ...]
    probability: torch.Tensor
    instances: tuple[FakeInstance, ...]


def words_of(text):
    offsets, start = [(0, 0)], 0
    for word in text.split():
        start = text.index(word, start)
        offsets.append((start, start + len(word)))
        start += len(word)
    return tuple(offsets)


class FakeModel:
    """Answers with instances given as (words, probability on each, place): a cube of 30 cm at that place."""

    name = "fake"
    boxes = True  # False: leaves the boxes to the masks

    def __init__(self, *instances):
        self.instances = instances
        self.encoded = []

    def features_of(self, snapshot):
        return snapshot.features["image"]

    def encode(self, scene, compact):
        self.encoded.append((len(scene.xyz), compact))
        return scene.xyz

    def ground(self, encoding, text):
        offsets = words_of(text)
        probability = torch.zeros(len(self.instances), 77)
        found = []
        for query, (words, sureness, place) in enumerate(self.instances):
            tokens = tuple(1 + text.split().index(word) for word in words.split())
            probability[query, list(tokens)] = sureness
            low = torch.tensor(place)
            mask = ((encoding >= low) & (encoding <= low + 0.3)).all(dim=1).float()
            box = torch.cat((low, low + 0.3)) if self.boxes else None
            found.append(FakeInstance(query, tokens, sureness, mask, box))
        return FakeGrounded(offsets, probability, tuple(found))


NEAR, FAR, MIDDLE = (0.5, 0.5, -0.1), (3.0, 3.0, -0.1), (2.0, 2.0, -0.1)


def ask(*instances, text=SENTENCE, options=OPTIONS, snapshot=None):
    snapshot = toy_snapshot(()) if snapshot is None else snapshot
    return ModelLocalizer(FakeModel(*instances), LocalizationConfig()).localize(snapshot, text, options)


def test_target_is_the_surest_of_the_head_noun_and_the_other_phrase_is_the_anchor():
    answer = ask(("coffee table", 0.99, FAR), ("white mug", 0.8, NEAR), ("next", 0.9, MIDDLE))
    assert answer.status is Status.FOUND
    assert [i.role for i in answer.instances] == [Role.TARGET, Role.ANCHOR, Role.OTHER]
    assert [i.phrase for i in answer.instances] == ["white mug", "coffee table", "next"]
    assert answer.best.score == pytest.approx(0.8)
    assert answer.best.box.min == pytest.approx(NEAR)
    assert answer.message == ""
    assert answer.revision == 1


def test_phrase_keeps_the_spaces_between_first_and_last_word():
    assert ask(("white mug", 0.9, NEAR), text="the white   mug").best.phrase == "white   mug"


def test_points_and_mask_are_those_of_the_voxels():
    snapshot = toy_snapshot(())
    best = ask(("mug", 0.9, NEAR), snapshot=snapshot).best
    inside = ((snapshot.xyz >= torch.tensor(NEAR)) & (snapshot.xyz <= torch.tensor(NEAR) + 0.3)).all(dim=1)
    assert torch.equal(best.mask, inside)
    assert len(best.xyz) == len(best.rgb) > int(inside.sum())  # the finer grid has more points than the voxels


def test_box_that_the_model_leaves_to_its_mask_is_the_one_around_its_points():
    model = FakeModel(("mug", 0.9, NEAR))
    model.boxes = False
    best = ModelLocalizer(model, LocalizationConfig()).localize(toy_snapshot(()), SENTENCE, OPTIONS).best
    low, high = best.xyz.amin(dim=0), best.xyz.amax(dim=0)
    assert (torch.tensor(best.box.min) - low).abs().max() < 0.01
    assert (torch.tensor(best.box.max) - high).abs().max() < 0.01


def test_few_stray_points_do_not_widen_the_box_of_a_mask():
    things = torch.rand(1000, 3, generator=torch.Generator().manual_seed(0))
    strays = torch.tensor([[-3.0, 0.5, 0.5], [0.5, 9.0, 0.5], [0.5, 0.5, 4.0]])
    corners = extent(torch.cat((things, strays)))
    assert (corners - torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])).abs().max() < 0.03
    assert torch.equal(extent(things[:1]), things[0].repeat(2))


def test_equally_good_targets_all_come_back_and_are_counted():
    answer = ask(("mug", 0.9, NEAR), ("mug", 0.85, FAR), ("mug", 0.6, MIDDLE))
    assert [i.role for i in answer.instances] == [Role.TARGET, Role.TARGET, Role.OTHER]
    assert answer.message == "2 equally good answers"


def test_limit_holds_the_best_ones():
    answer = ask(("mug", 0.85, NEAR), ("mug", 0.9, FAR), options=LocalizeOptions(0.5, 1))
    assert [i.score for i in answer.instances] == [pytest.approx(0.9)]
    assert answer.message == "2 equally good answers"


def test_second_of_two_phrases_with_the_same_words_is_the_anchor():
    text = "the chair near the chair"
    answer = ask(("chair", 0.9, NEAR), text=text)
    assert answer.best.role is Role.TARGET


def test_nothing_found_and_nothing_sure_are_not_found_with_a_sentence():
    assert ask().status is Status.NOT_FOUND
    assert "white mug" in ask().message
    unsure = ask(("mug", 0.6, NEAR), options=LocalizeOptions(0.7, 5))
    assert unsure.status is Status.NOT_FOUND
    assert "0.60" in unsure.message
    assert ask(("mug", 0.9, (50.0, 50.0, 0.0))).status is Status.NOT_FOUND  # a mask without a voxel


def test_empty_map_and_empty_text_have_their_status():
    assert ask(("mug", 0.9, NEAR), snapshot=toy_snapshot((), floor=0.0)).status is Status.MAP_EMPTY
    assert ask(text="  ").status is Status.BAD_REQUEST


def test_refine_without_keyframes_says_so():
    answer = ask(("mug", 0.9, NEAR), options=replace(OPTIONS, refine=True))
    assert answer.status is Status.FOUND
    assert "keyframes" in answer.message


@pytest.mark.parametrize("error", [InputError("model: wants 8"), ValueError("encode: nan"), torch.OutOfMemoryError()])
def test_map_that_the_model_cannot_read_fails_with_one_sentence(error):
    model = FakeModel(("mug", 0.9, NEAR))
    model.encode = lambda scene, compact: raise_(error)  # noqa: ARG005
    answer = ModelLocalizer(model, LocalizationConfig()).localize(toy_snapshot(()), SENTENCE, OPTIONS)
    assert answer.status is Status.FAILED
    assert answer.message
    assert "\n" not in answer.message


def raise_(error):
    raise error


def test_map_is_encoded_once_however_many_threads_ask():
    model = FakeModel(("mug", 0.9, NEAR))
    localizer, snapshot = ModelLocalizer(model, LocalizationConfig()), toy_snapshot(())
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(localizer.localize(snapshot, SENTENCE, OPTIONS)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(model.encoded) == 1
    assert [a.status for a in answers] == [Status.FOUND] * 8
    localizer.localize(toy_snapshot(()), SENTENCE, OPTIONS)
    assert len(model.encoded) == 2


def test_object_that_two_tiles_see_is_one_instance():
    snapshot = toy_snapshot((ToyBox((2.0, 2.0, 0.0), (2.3, 2.3, 0.3), (0.9, 0.9, 0.9)),), floor=5.0)
    model = FakeModel(("mug", 0.9, (2.45, 1.0, -0.1)), ("table", 0.8, (0.1, 0.1, -0.1)))
    localizer = ModelLocalizer(model, LocalizationConfig(max_voxels=9000))
    answer = localizer.localize(snapshot, SENTENCE, OPTIONS)
    assert len(model.encoded) > 1
    assert all(voxels <= 9000 and compact for voxels, compact in model.encoded)
    assert [(i.role, i.phrase) for i in answer.instances] == [(Role.TARGET, "mug"), (Role.ANCHOR, "table")]
    low = torch.tensor((2.45, 1.0, -0.1))
    whole = ((snapshot.xyz >= low) & (snapshot.xyz <= low + 0.3)).all(dim=1)
    assert torch.equal(answer.best.mask, whole)

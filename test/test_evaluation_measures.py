"""The measures of grounding against counts by brute force and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from locate3d_ros.evaluation.contestants import Guess
from locate3d_ros.evaluation.measures import Resamples, auroc, mask_iou, refusal_curve
from locate3d_ros.evaluation.outcomes import Outcome, grade
from locate3d_ros.evaluation.questions import Question
from locate3d_ros.evaluation.summary import Record, summarise
from locate3d_ros.types import Box, Instance, Role

scores = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), min_size=1, max_size=12)
ids = st.lists(st.integers(0, 3), min_size=30, max_size=30)


@given(scores, scores)
def test_auroc_counts_pairs(present, absent):
    pairs = [1.0 if p > a else 0.5 if p == a else 0.0 for p in present for a in absent]
    assert auroc(np.array(present), np.array(absent)) == pytest.approx(sum(pairs) / len(pairs))


def test_auroc_needs_both_kinds():
    assert auroc(np.array([0.4]), np.array([])) is None
    assert auroc(np.array([]), np.array([0.4])) is None
    assert refusal_curve(np.array([]), np.array([0.4])) == []


@given(scores, scores)
def test_refusal_curve_counts_answers_and_its_area_is_auroc(present, absent):
    curve = refusal_curve(np.array(present), np.array(absent))
    for point in curve:
        assert point.answered_present == sum(p >= point.min_score for p in present) / len(present)
        assert point.answered_absent == sum(a >= point.min_score for a in absent) / len(absent)
    x, y = [0.0, *(p.answered_absent for p in curve)], [0.0, *(p.answered_present for p in curve)]
    area = sum((x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2 for i in range(1, len(x)))
    assert (x[-1], y[-1]) == (1.0, 1.0)
    assert area == pytest.approx(auroc(np.array(present), np.array(absent)))


def test_a_long_refusal_curve_is_thinned():
    generator = np.random.default_rng(0)
    curve = refusal_curve(generator.random(500), generator.random(400), points=21)
    assert 15 <= len(curve) <= 21
    assert curve[-1].answered_present == curve[-1].answered_absent == 1.0


@given(ids, ids)
def test_mask_iou_counts_voxels(a, b):
    ours, theirs = {i for i, v in enumerate(a) if v == 1}, {i for i, v in enumerate(b) if v == 1}
    expected = len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0
    assert mask_iou(torch.tensor(a) == 1, torch.tensor(b) == 1) == pytest.approx(expected)


def question(kind="class", scene_id="a", boxes=((0, 0, 0, 1, 1, 1),), distractors=0):
    targets = tuple(range(1, len(boxes) + 1))
    return Question(scene_id, "the thing", kind, targets, torch.tensor(boxes).float().reshape(-1, 6), distractors)


def guess(box, mask, score=0.5):
    empty = torch.zeros((0, 3))
    return Guess(Instance(0, "", Role.TARGET, score, Box(box[:3], box[3:]), torch.tensor(mask), empty, empty), score)


def test_an_answer_is_graded_by_its_best_target():
    asked = question(boxes=((0, 0, 0, 1, 1, 1), (5, 0, 0, 6, 1, 1)))
    shifted = guess((5.5, 0.0, 0.0, 6.5, 1.0, 1.0), [True, True, False, False])  # overlap 0.5 of 1.5
    outcome = grade(asked, shifted, torch.tensor([0, 2, 2, 1]), 0.1)
    assert outcome.iou == pytest.approx(1 / 3)
    assert outcome.right == (1.0, 0.0)
    assert outcome.mask_iou == pytest.approx(1 / 3)


def test_no_answer_and_targets_without_voxels_are_graded():
    assert grade(question(), Guess(None, 0.0), torch.tensor([1, 0]), 0.1).mask_iou == 0.0
    assert grade(question(), guess((0, 0, 0, 1, 1, 1), [True, True]), torch.tensor([0, 0]), 0.1).mask_iou is None
    absent = grade(question(boxes=()), guess((0, 0, 0, 1, 1, 1), [True, True]), torch.tensor([0, 0]), 0.1)
    assert (absent.right, absent.mask_iou, absent.score) == ((0.0, 0.0), None, 0.5)


def outcome(asked, right, score, mask=0.5):
    return Outcome(asked, 0.0, right, mask if asked.present else None, score, 0.01)


def test_figures_of_a_small_record_by_hand():
    record = Record("model", preparing=[1.0, 3.0])
    record.outcomes = [
        outcome(question("class"), (1, 1), 0.9, 0.8),
        outcome(question("class", distractors=1), (1, 0), 0.3, 0.4),
        outcome(question("relation", "b", distractors=7), (0, 0), 0.6, 0.0),
        outcome(question("absent", "b", boxes=()), (0, 0), 0.5),
        outcome(question("absent", "a", boxes=()), (0, 0), 0.1),
    ]
    found = summarise(record, 0.4, seed=0)
    assert (found.n, found.present) == (5, 3)
    assert found.acc25.value == pytest.approx(2 / 3)
    assert found.acc50.value == pytest.approx(1 / 3)
    assert found.mask_iou.value == pytest.approx(0.4)
    assert found.found25.value == pytest.approx(1 / 3)  # the second is right but refused
    assert found.answered.value == pytest.approx(2 / 3)
    assert found.refused.value == 0.5
    assert found.refusal_auroc.value == pytest.approx(5 / 6)  # only 0.3 against 0.5 is lost
    assert {kind: (g.n, g.acc25.value) for kind, g in found.by_kind.items()} == {
        "class": (2, 1.0),
        "relation": (1, 0.0),
    }
    assert {name: g.acc25.value for name, g in found.by_distractors.items()} == {"0": 1.0, "1": 1.0, "3+": 0.0}
    assert (found.seconds_per_request, found.seconds_to_prepare) == (0.01, 2.0)


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    values = np.random.default_rng(1).random(40)
    scene_ids = [str(i // 8) for i in range(40)]
    first, again, other = (
        Resamples(scene_ids, seed).interval(lambda rows: float(values[rows].mean())) for seed in (5, 5, 6)
    )
    assert first == again != other
    assert first[0] < values.mean() < first[1]


def test_the_interval_of_sentences_of_one_scene_is_that_of_the_binomial():
    values = np.array([1.0] * 60 + [0.0] * 40)
    low, high = Resamples(["a"] * 100, 0).interval(lambda rows: float(values[rows].mean()))
    spread = 1.96 * (0.6 * 0.4 / 100) ** 0.5
    assert (low, high) == pytest.approx((0.6 - spread, 0.6 + spread), abs=0.02)


def test_alike_sentences_of_a_scene_do_not_narrow_the_interval():
    values = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0, 1.0], 50)
    by_scene = Resamples(np.repeat(list("abcdef"), 50).tolist(), 0).interval(lambda rows: float(values[rows].mean()))
    pooled = Resamples(["a"] * 300, 0).interval(lambda rows: float(values[rows].mean()))
    assert by_scene[1] - by_scene[0] > 3 * (pooled[1] - pooled[0])


def test_few_sentences_have_no_interval():
    for count, has in ((4, False), (5, True)):
        found = summarise(Record("model", [outcome(question(), (1, 0), 0.5)] * count, [1.0]), 0.4, seed=0)
        assert (found.acc25.interval is not None) == has


def test_what_cannot_be_measured_is_none():
    record = Record("model", [outcome(question(), (1, 1), None)], [1.0])
    found = summarise(record, 0.4, seed=0)
    assert found.refused.value is found.refusal_auroc.value is found.found25.value is None
    assert found.refusal_roc == []

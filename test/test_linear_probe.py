"""The probe of benchmarks/jepa_probe.py: classes that features hold are found on other scenes, others are not."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from locate3d_ros.training.toy_scenes import ToySource

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
from jepa_probe import Thing, common_categories, rows_of, whole_objects
from linear_probe import Rows, confusion, fit, macro_f1, mean_recall, measured, predict, probe

CLASSES = 3


def rows(seed: int, informative: bool, count: int = 240) -> Rows:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    features = torch.randn(count, 5, generator=generator)
    if informative:
        # Far from standardised: another mean and spread in every column.
        features[:, 1] += 3.0 * labels
        features = features * torch.tensor([1.0, 20.0, 0.1, 1.0, 5.0]) + 7.0
    return Rows(features, labels, torch.arange(count) % 8)


@pytest.mark.parametrize(("informative", "low", "high"), [(True, 0.85, 1.0), (False, 0.2, 0.5)])
def test_classes_are_told_apart_where_features_hold_them(informative, low, high):
    held_out = rows(1, informative)
    predicted = probe(rows(0, informative), held_out, CLASSES)
    assert low <= mean_recall(confusion(predicted, held_out.labels, CLASSES)) <= high


def test_a_rare_class_counts_as_much_as_a_common_one():
    generator = torch.Generator().manual_seed(0)
    labels = torch.cat((torch.zeros(400, dtype=torch.int64), torch.ones(10, dtype=torch.int64)))
    features = torch.randn(410, 1, generator=generator) + 2.0 * labels[:, None]
    predicted = predict(fit(Rows(features, labels, labels), 2, 1e-4), features)
    assert (predicted[labels == 1] == 1).float().mean() > 0.7  # by number alone nearly all would be class 0


def test_scores_are_averaged_over_the_classes_that_occur():
    counts = np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]])
    assert mean_recall(counts) == pytest.approx((3 / 4 + 1) / 2)
    assert macro_f1(counts) == pytest.approx((6 / 7 + 4 / 5) / 2)


def test_the_interval_is_over_scenes_and_holds_the_value():
    held_out = rows(1, informative=True)
    predicted = probe(rows(0, informative=True), held_out, CLASSES)
    wrong = held_out.scenes == 0  # all that is wrong is in one scene of eight
    mixed = torch.where(wrong, (held_out.labels + 1) % CLASSES, held_out.labels)
    figure = measured(lambda counts: mean_recall(counts[0]), [mixed], held_out, CLASSES)
    assert figure.low < figure.value < figure.high
    assert figure.high == 1.0
    same = measured(lambda c: mean_recall(c[0]) - mean_recall(c[1]), [predicted, predicted], held_out, CLASSES)
    assert (same.low, same.value, same.high) == (0.0, 0.0, 0.0)


def test_rows_are_voxels_or_the_means_of_objects():
    things = [Thing(0, "chair", {"raw": torch.arange(6.0).reshape(3, 2)}), Thing(1, "bed", {"raw": torch.ones(2, 2)})]
    voxels, objects = (rows_of(things, "raw", unit, ["bed", "chair"]) for unit in ("voxel", "object"))
    assert voxels.labels.tolist() == [1, 1, 1, 0, 0]
    assert voxels.scenes.tolist() == [0, 0, 0, 1, 1]
    assert objects.features.tolist() == [[2.0, 3.0], [1.0, 1.0]]


def test_categories_are_those_with_enough_objects_on_both_sides():
    def some(**counts: int) -> list[Thing]:
        return [Thing(0, name, {}) for name, count in counts.items() for _ in range(count)]

    assert common_categories(some(chair=9, bed=9, sofa=2), some(chair=9, bed=1, sofa=9)) == ["chair"]


def test_objects_that_a_part_cuts_in_two_are_not_named():
    home = ToySource(1).voxels("toy0-000")
    first = torch.nonzero(home.object_ids == 1)[:, 0]
    kept = torch.ones(len(home), dtype=torch.bool)
    kept[first[: len(first) // 2 + 1]] = False
    part = whole_objects(home, home.rows(kept))
    assert not bool((part.object_ids == 1).any())
    for number in (2, 3, 4, 5):
        assert int((part.object_ids == number).sum()) == int((home.object_ids == number).sum())
    assert torch.equal(whole_objects(home, replace(home)).object_ids, home.object_ids)

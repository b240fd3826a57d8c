from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from locate3d_ros.localization.consensus import expected_overlap
from locate3d_ros.localization.suppression import sure_iou

ALONE = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
PARTLY = [[5.0, 0.0, 0.0, 6.0, 1.0, 1.0], [5.1, 0.0, 0.0, 6.1, 1.0, 1.0], [4.9, 0.0, 0.0, 5.9, 1.0, 1.0]]
seeds = st.integers(0, 2**32 - 1)


def overlaps_among(boxes):
    return sure_iou(boxes, boxes)


def random_boxes(seed, count=6):
    generator = torch.Generator().manual_seed(seed)
    low = 2 * torch.rand(count, 3, generator=generator)
    return torch.cat((low, low + 0.01 + torch.rand(count, 3, generator=generator)), dim=1)


def test_several_views_of_one_thing_win_against_a_likelier_single_one():
    probability = torch.tensor([0.3, 0.25, 0.2, 0.25])
    expected = expected_overlap(probability.log(), overlaps_among(torch.tensor([ALONE, *PARTLY])))
    assert int(probability.argmax()) == 0
    assert int(expected.argmax()) == 1  # in the middle of the three


def test_where_nothing_overlaps_the_probability_is_what_is_expected():
    probability = torch.tensor([[0.7, 0.3], [0.1, 0.9]])
    expected = expected_overlap(probability.log(), overlaps_among(torch.tensor([ALONE, PARTLY[0]])))
    torch.testing.assert_close(expected, probability)


def test_two_sheets_at_one_height_but_for_noise_are_the_same():
    sheets = torch.tensor([[0.0, 0.0, 0.000, 2.0, 1.0, 0.002], [0.0, 0.0, 0.004, 2.0, 1.0, 0.006]])
    assert overlaps_among(sheets)[0, 1] > 0.8


@given(seeds, seeds)
def test_expected_overlap_is_a_mean_of_overlaps(seed, other):
    logits = torch.randn(3, 6, generator=torch.Generator().manual_seed(other))
    expected = expected_overlap(logits, overlaps_among(random_boxes(seed)))
    assert (expected >= 0).all()
    assert (expected <= 1 + 1e-5).all()
    assert (expected >= logits.softmax(dim=1) - 1e-5).all()  # each overlaps itself wholly

"""The terms of the grounding loss, the matching, and what a sentence's spans become."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from locate3d_ros.data.annotations import GroundedExpression, Span
from locate3d_ros.model.decoder import Prediction
from locate3d_ros.model.heads import TOKEN_COLUMNS
from locate3d_ros.training.config import LossConfig
from locate3d_ros.training.criterion import SentenceTargets, grounding_terms, match, sentence_terms, weighted
from locate3d_ros.training.losses import box_costs, dice_costs, generalised_iou, mask_costs, token_costs
from locate3d_ros.training.targets import object_columns, targets_of, word_places


def boxes(seed, count):
    rng = np.random.default_rng(seed)
    low = rng.uniform(-2, 2, (count, 3))
    return torch.tensor(np.concatenate((low, low + rng.uniform(0.05, 2, (count, 3))), axis=1), dtype=torch.float32)


def giou_of_two(a, b):
    """Generalised IoU of two boxes, from its definition."""
    volume = lambda box: float(np.prod(np.maximum(box[3:] - box[:3], 0)))  # noqa: E731
    both = np.concatenate((np.maximum(a[:3], b[:3]), np.minimum(a[3:], b[3:])))
    hull = np.concatenate((np.minimum(a[:3], b[:3]), np.maximum(a[3:], b[3:])))
    union = volume(a) + volume(b) - volume(both)
    return volume(both) / union - (volume(hull) - union) / volume(hull)


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_generalised_iou_is_its_definition(seed, n, m):
    a, b = boxes(seed, n), boxes(seed + 5000, m)
    expected = [[giou_of_two(x.double().numpy(), y.double().numpy()) for y in b] for x in a]
    np.testing.assert_allclose(generalised_iou(a, b).numpy(), expected, atol=2e-5)


def test_generalised_iou_of_known_pairs():
    unit = torch.tensor([[0.0, 0, 0, 1, 1, 1]])
    apart = torch.tensor([[3.0, 0, 0, 4, 1, 1]])
    assert float(generalised_iou(unit, unit)) == pytest.approx(1)
    assert float(generalised_iou(unit, apart)) == pytest.approx(-0.5)  # a hull of 4, half of it empty


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_matching_is_the_cheapest_of_all(seed, queries, targets):
    costs = torch.tensor(np.random.default_rng(seed).normal(size=(queries, targets)))
    rows, columns = match(costs)
    count = min(queries, targets)
    assert len(rows) == len(set(rows.tolist())) == len(set(columns.tolist())) == count
    every = (
        sum(float(costs[r, c]) for r, c in zip(chosen, order, strict=True))
        for chosen in itertools.permutations(range(queries), count)
        for order in itertools.combinations(range(targets), count)
    )
    assert float(costs[rows, columns].sum()) == pytest.approx(min(every))


def test_matching_refuses_what_is_not_finite():
    with pytest.raises(ValueError, match="not finite"):
        match(torch.tensor([[float("nan")]]))


def test_mask_terms_are_cross_entropy_and_dice():
    generator = torch.Generator().manual_seed(1)
    logits = 3 * torch.randn(3, 40, generator=generator)
    masks = torch.rand(2, 40, generator=generator) > 0.7
    for q, t in itertools.product(range(3), range(2)):
        entropy = functional.binary_cross_entropy_with_logits(logits[q], masks[t].float())
        torch.testing.assert_close(mask_costs(logits, masks)[q, t], entropy)
        p, y = logits[q].sigmoid(), masks[t].float()
        torch.testing.assert_close(
            dice_costs(logits, masks)[q, t], 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)
        )


def test_token_and_box_costs():
    logits, columns = torch.tensor([[0.0, 4.0, -4.0]]), torch.tensor([[True, True, False], [False, False, True]])
    entropy = functional.binary_cross_entropy_with_logits
    expected = [entropy(logits[0, :2], torch.ones(2)), entropy(logits[0, 2:], torch.ones(1))]
    torch.testing.assert_close(token_costs(logits, columns)[0], torch.stack(expected))
    a, b = torch.tensor([[0.0, 0, 0, 1, 1, 1]]), torch.tensor([[1.0, 0, 0, 3, 1, 1]])
    assert float(box_costs(a, b)) == pytest.approx(1.5 + 1)  # the centre moves by 1.5, the size grows by 1


def prediction(queries=5, points=30, seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = (
        torch.randn(queries, TOKEN_COLUMNS, generator=generator),
        torch.randn(queries, points, generator=generator),
        boxes(seed, queries),
    )
    return Prediction(*(tensor.requires_grad_() for tensor in made))


def targets(count, points=30, seed=3):
    generator = torch.Generator().manual_seed(seed)
    columns = torch.zeros(count, TOKEN_COLUMNS, dtype=torch.bool)
    for i in range(count):
        columns[i, i + 1] = True
    return SentenceTargets(columns, torch.rand(count, points, generator=generator) > 0.5, boxes(seed, count))


def test_without_targets_all_queries_are_to_say_no_and_nothing_else_counts():
    made = prediction()
    terms = sentence_terms(made, targets(0), LossConfig())
    expected = functional.softplus(made.token_logits).sum()
    torch.testing.assert_close(terms["token"], expected)
    assert all(float(terms[name]) == 0 for name in ("mask", "dice", "box", "giou"))
    weighted(terms, LossConfig()).backward()
    assert float(made.token_logits.grad.abs().sum()) > 0
    assert float(made.mask_logits.grad.abs().sum()) == float(made.boxes.grad.abs().sum()) == 0


@pytest.mark.parametrize("count", [1, 2, 5, 7])
def test_as_many_queries_learn_an_object_as_there_are(count):
    made = prediction()
    weighted(sentence_terms(made, targets(count), LossConfig()), LossConfig()).backward()
    assert int((made.mask_logits.grad.abs().sum(dim=1) > 0).sum()) == min(count, 5)


def test_perfect_answer_costs_next_to_nothing():
    wanted = targets(2)
    tokens = torch.full((3, TOKEN_COLUMNS), -30.0)
    tokens[:2][wanted.columns] = 30.0
    masks = torch.full((3, 30), -30.0)
    masks[:2][wanted.masks] = 30.0
    perfect = Prediction(tokens, masks, torch.cat((wanted.boxes, boxes(9, 1))))
    assert float(weighted(sentence_terms(perfect, wanted, LossConfig()), LossConfig())) < 1e-4


def test_every_layer_is_supervised():
    layers = [[prediction(seed=layer)] for layer in range(3)]
    weighted(grounding_terms(layers, [targets(1)], LossConfig()), LossConfig()).backward()
    assert all(float(layer[0].boxes.grad.abs().sum()) > 0 for layer in layers)


def expression(text, spans, target_ids=(1,)):
    words = tuple(text.split())
    return GroundedExpression(text, words, tuple(Span(*span) for span in spans), target_ids, "s", "class")


def test_words_are_found_in_order():
    assert word_places(expression("the mug on the shelf", ())) == [(0, 3), (4, 7), (8, 10), (11, 14), (15, 20)]


def test_spans_become_the_columns_of_their_tokens():
    said = expression("the mugs near a mug", [((1,), (7,)), ((4,), (9, 7))])
    offsets = [(0, 0), (0, 3), (4, 7), (7, 8), (9, 13), (14, 15), (16, 19), (0, 0)]
    columns = object_columns(said, offsets)
    assert columns[7].nonzero().flatten().tolist() == [2, 3, 6]
    assert columns[9].nonzero().flatten().tolist() == [6]


def test_objects_that_no_voxel_shows_are_left_out():
    said = expression("the mug near a chair", [((1,), (1,)), ((4,), (2,))])
    offsets = [(0, 0), (0, 3), (4, 7), (8, 12), (13, 14), (15, 20), (0, 0)]
    found = targets_of(said, offsets, torch.tensor([0, 1, 1, 0]), {1: torch.zeros(6), 2: torch.ones(6)})
    assert found.masks.tolist() == [[False, True, True, False]]
    assert len(targets_of(said, offsets, torch.zeros(4, dtype=torch.int32), {1: torch.zeros(6)})) == 0

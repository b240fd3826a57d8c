"""The grounding loss: every term against a plain computation, matching against all permutations."""

from __future__ import annotations

import itertools
from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from locate3d_ros.model.decoder import Prediction
from locate3d_ros.training.config import LossConfig
from locate3d_ros.training.criterion import (
    SentenceTargets,
    grounding_terms,
    match,
    pair_costs,
    sentence_terms,
    weighted,
)
from locate3d_ros.training.losses import box_costs, dice_costs, generalised_iou, mask_costs, token_costs, token_loss

QUERIES, POINTS, COLUMNS = 5, 40, 77
WEIGHTS = LossConfig()


def boxes(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 3, generator=generator)
    return torch.cat((low, low + 0.05 + torch.rand(count, 3, generator=generator)), dim=1)


def prediction(seed: int = 0) -> Prediction:
    generator = torch.Generator().manual_seed(seed)
    tokens, masks = (torch.randn(QUERIES, width, generator=generator) for width in (COLUMNS, POINTS))
    return Prediction(tokens, masks, boxes(QUERIES, seed))


def learning(each: Prediction) -> Prediction:
    return Prediction(*(getattr(each, field.name).requires_grad_() for field in fields(Prediction)))


def targets(count: int, seed: int = 1) -> SentenceTargets:
    generator = torch.Generator().manual_seed(seed)
    columns = torch.zeros(count, COLUMNS, dtype=torch.bool)
    for i in range(count):
        columns[i, 1 + 2 * i : 3 + 2 * i] = True
    return SentenceTargets(columns, torch.rand(count, POINTS, generator=generator) < 0.3, boxes(count, seed))


def plain_giou(a: list[float], b: list[float]) -> float:
    """Compute the generalised IoU of two boxes, axis by axis."""
    volume = intersection = hull = 1.0
    other = 1.0
    for axis in range(3):
        volume *= a[axis + 3] - a[axis]
        other *= b[axis + 3] - b[axis]
        intersection *= max(0.0, min(a[axis + 3], b[axis + 3]) - max(a[axis], b[axis]))
        hull *= max(a[axis + 3], b[axis + 3]) - min(a[axis], b[axis])
    union = volume + other - intersection
    return intersection / union - (hull - union) / hull


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_generalised_iou_is_that_of_a_plain_computation(seed):
    a, b = boxes(3, seed), boxes(4, seed + 1)
    expected = [[plain_giou(x, y) for y in b.double().tolist()] for x in a.double().tolist()]
    assert torch.allclose(generalised_iou(a, b), torch.tensor(expected), atol=1e-5)


def test_generalised_iou_of_known_pairs():
    unit = torch.tensor([[0.0, 0, 0, 1, 1, 1]])
    shifted = torch.tensor([[0.0, 0, 0, 1, 1, 1], [1.0, 0, 0, 2, 1, 1], [3.0, 0, 0, 4, 1, 1], [0.0, 0, 0, 1, 1, 0]])
    assert torch.allclose(generalised_iou(unit, shifted), torch.tensor([[1.0, 0.0, -0.5, 0.0]]), atol=1e-6)


@pytest.mark.parametrize("term", ["token", "mask", "dice", "box"])
def test_pairwise_costs_are_those_of_each_pair_alone(term):
    predicted, wanted = prediction(), targets(3)
    compute = {
        "token": lambda q, t: functional.binary_cross_entropy_with_logits(
            predicted.token_logits[q][wanted.columns[t]], torch.ones(int(wanted.columns[t].sum()))
        ),
        "mask": lambda q, t: functional.binary_cross_entropy_with_logits(
            predicted.mask_logits[q], wanted.masks[t].float()
        ),
        "dice": lambda q, t: (
            1
            - (2 * predicted.mask_logits[q].sigmoid()[wanted.masks[t]].sum() + 1)
            / (predicted.mask_logits[q].sigmoid().sum() + wanted.masks[t].sum() + 1)
        ),
        "box": lambda q, t: sum(
            abs(float((a[i] + a[i + 3]) / 2 - (b[i] + b[i + 3]) / 2)) + abs(float(a[i + 3] - a[i] - b[i + 3] + b[i]))
            for a, b in [(predicted.boxes[q], wanted.boxes[t])]
            for i in range(3)
        ),
    }[term]
    pairs = {
        "token": token_costs(predicted.token_logits, wanted.columns),
        "mask": mask_costs(predicted.mask_logits, wanted.masks),
        "dice": dice_costs(predicted.mask_logits, wanted.masks),
        "box": box_costs(predicted.boxes, wanted.boxes),
    }[term]
    for q, t in itertools.product(range(QUERIES), range(3)):
        assert float(pairs[q, t]) == pytest.approx(float(compute(q, t)), abs=1e-5)


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_matching_is_the_cheapest_of_all(seed, queries, wanted):
    costs = torch.rand(queries, wanted, generator=torch.Generator().manual_seed(seed))
    rows, columns = match(costs)
    assert len(rows) == min(queries, wanted)
    assert len(set(rows.tolist())) == len(rows)
    wide = costs if queries <= wanted else costs.T
    least = min(
        sum(float(wide[i, chosen[i]]) for i in range(len(wide)))
        for chosen in itertools.permutations(range(wide.shape[1]), len(wide))
    )
    assert float(costs[rows, columns].sum()) == pytest.approx(least, abs=1e-5)


def test_matching_refuses_costs_that_are_not_finite():
    with pytest.raises(ValueError, match="finite"):
        match(torch.tensor([[0.0, float("nan")]]))


def test_a_perfect_answer_costs_next_to_nothing_and_any_other_more():
    wanted = targets(2)
    tokens, masks = torch.full((QUERIES, COLUMNS), -20.0), torch.full((QUERIES, POINTS), -20.0)
    tokens[[3, 1]], masks[[3, 1]] = 40.0 * wanted.columns - 20, 40.0 * wanted.masks - 20
    placed = boxes(QUERIES, 9)
    placed[[3, 1]] = wanted.boxes
    terms = sentence_terms(Prediction(tokens, masks, placed), wanted, WEIGHTS)
    assert all(float(term) < 1e-3 for term in terms.values())
    swapped = sentence_terms(Prediction(tokens, masks.roll(1, dims=0), placed), wanted, WEIGHTS)
    assert float(weighted(swapped, WEIGHTS)) > 1


def test_a_sentence_about_nothing_asks_every_query_for_no():
    predicted = learning(prediction())
    terms = sentence_terms(predicted, targets(0), WEIGHTS)
    no = token_loss(predicted.token_logits, torch.zeros(QUERIES, COLUMNS, dtype=torch.bool))
    assert float(terms["token"].detach()) == pytest.approx(float(no.detach()))
    assert all(float(term.detach()) == 0 for name, term in terms.items() if name != "token")
    weighted(terms, WEIGHTS).backward()
    assert float(predicted.mask_logits.grad.abs().max()) == 0
    assert float(predicted.token_logits.grad.min()) > 0


def test_more_targets_than_queries_match_as_many_as_there_are():
    terms = sentence_terms(prediction(), targets(QUERIES + 2), WEIGHTS)
    assert all(bool(torch.isfinite(term)) for term in terms.values())


def test_one_target_is_matched_with_its_cheapest_query():
    predicted, wanted = prediction(), targets(1)
    costs = weighted(pair_costs(predicted, wanted), WEIGHTS)
    terms = sentence_terms(predicted, wanted, WEIGHTS)
    best = int(costs[:, 0].argmin())
    assert float(terms["mask"]) == pytest.approx(float(mask_costs(predicted.mask_logits, wanted.masks)[best, 0]))


def test_every_layer_counts_alike():
    wanted = [targets(1), targets(2)]
    layers = [[prediction(1), prediction(2)], [prediction(3), prediction(4)]]
    together = grounding_terms(layers, wanted, WEIGHTS)
    single = [grounding_terms([layer], wanted, WEIGHTS) for layer in layers]
    for name, value in together.items():
        assert float(value) == pytest.approx((float(single[0][name]) + float(single[1][name])) / 2, rel=1e-5)


def test_the_mask_has_the_papers_weight_and_every_term_one():
    terms = pair_costs(prediction(), targets(1))
    assert WEIGHTS.mask_weight == 6.0
    assert {field.name for field in fields(LossConfig)} == {f"{name}_weight" for name in terms}

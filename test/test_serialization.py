"""Worked examples of MODEL_SPEC §16.1 and §16.2, and what any space-filling curve must hold."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locate3d_ros.model.config import ORDERS
from locate3d_ros.model.serialization import bit_depth, curve_codes, invert_permutation, window_positions

CELLS = torch.tensor(
    [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (2, 0, 0), (3, 1, 2), (5, 6, 7), (7, 0, 3), (4, 4, 4)]
)
FAR_CELLS = torch.tensor([(287, 16, 12), (256, 0, 511), (300, 200, 100)])


@pytest.mark.parametrize(
    ("order", "depth", "codes"),
    [
        ("z", 3, [0, 4, 2, 1, 7, 32, 46, 477, 301, 448]),
        ("z", 5, [0, 4, 2, 1, 7, 32, 46, 477, 301, 448]),
        ("z-trans", 3, [0, 2, 4, 1, 7, 16, 30, 491, 155, 448]),
        ("hilbert", 3, [0, 1, 7, 3, 5, 30, 36, 342, 448, 320]),
        ("hilbert", 6, [0, 1, 7, 3, 5, 30, 36, 342, 448, 320]),
        ("hilbert", 4, [0, 7, 3, 1, 5, 8, 22, 368, 226, 320]),
        ("hilbert", 5, [0, 3, 1, 7, 5, 60, 48, 356, 118, 320]),
        ("hilbert-trans", 3, [0, 7, 1, 3, 5, 8, 50, 370, 210, 320]),
        ("hilbert-trans", 4, [0, 3, 7, 1, 5, 60, 38, 358, 82, 320]),
        ("hilbert-trans", 5, [0, 1, 3, 7, 5, 30, 20, 340, 502, 320]),
    ],
)
def test_codes_of_near_cells(order: str, depth: int, codes: list[int]) -> None:
    assert curve_codes(CELLS, [order], depth)[0].tolist() == codes


@pytest.mark.parametrize(
    ("order", "codes"),
    [
        ("z", [67136356, 86282825, 72256832]),
        ("z-trans", [33580754, 52728393, 43355328]),
        ("hilbert", [126445741, 112647021, 128460818]),
        ("hilbert-trans", [64687551, 35951177, 66193826]),
    ],
)
def test_codes_of_far_cells(order: str, codes: list[int]) -> None:
    assert bit_depth(FAR_CELLS) == 9
    assert curve_codes(FAR_CELLS, [order], 9)[0].tolist() == codes


@settings(max_examples=25, deadline=None)
@given(order=st.sampled_from(ORDERS), depth=st.integers(1, 4))
def test_curve_visits_every_cell_once_and_hilbert_moves_by_one(order: str, depth: int) -> None:
    side = torch.arange(1 << depth)
    cells = torch.cartesian_prod(side, side, side)
    codes = curve_codes(cells, [order], depth)[0]
    assert codes.sort().values.tolist() == list(range(len(cells)))
    if order.startswith("hilbert"):
        steps = cells[codes.argsort()].diff(dim=0).abs().sum(dim=1)
        assert steps.max() == 1


@settings(max_examples=25, deadline=None)
@given(order=st.sampled_from(ORDERS), seed=st.integers(0, 1000))
def test_parent_code_is_the_code_shifted_by_one_level(order: str, seed: int) -> None:
    cells = torch.randint(0, 512, (50, 3), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(curve_codes(cells, [order], 9) >> 3, curve_codes(cells >> 1, [order], 8))


@pytest.mark.parametrize(
    ("n", "size", "positions"),
    [
        (10, 4, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 6, 7]),
        (9, 4, [0, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7]),
        (11, 4, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 7]),
        (8, 4, [0, 1, 2, 3, 4, 5, 6, 7]),
        (3, 4, [0, 1, 2]),
    ],
)
def test_last_window_is_filled_from_one_window_earlier(n: int, size: int, positions: list[int]) -> None:
    assert window_positions(n, size).tolist() == positions


def test_inverse_permutation_undoes_the_order() -> None:
    order = torch.stack([torch.randperm(20) for _ in range(3)])
    assert torch.equal(order.gather(1, invert_permutation(order)), torch.arange(20).expand(3, 20))


def test_cells_beyond_sixteen_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 16 bits"):
        bit_depth(torch.tensor([[1 << 16, 0, 0]]))


def test_orders_computed_together_equal_one_by_one() -> None:
    cells, orders = torch.randint(0, 2**16, (100, 3)), ("hilbert-trans", "z", "hilbert", "z-trans", "z")
    together = curve_codes(cells, orders, 16)
    assert all(
        torch.equal(code, curve_codes(cells, [order], 16)[0]) for code, order in zip(together, orders, strict=True)
    )

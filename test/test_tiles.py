from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locate3d_ros.localization.tiles import OVERLAP, tile_rows


@st.composite
def maps(draw):
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    extent = torch.tensor([draw(st.floats(0.1, 30.0)), draw(st.floats(0.1, 30.0)), 3.0])
    return torch.rand(draw(st.integers(1, 3000)), 3, generator=generator) * extent - extent / 2


@settings(max_examples=40, deadline=None)
@given(maps(), st.integers(50, 2000))
def test_every_row_is_in_a_tile_and_no_tile_is_too_large(xyz: torch.Tensor, max_points: int) -> None:
    tiles = tile_rows(xyz, max_points)
    assert torch.equal(torch.unique(torch.cat(tiles)), torch.arange(len(xyz)))
    assert all(0 < len(rows) <= max_points for rows in tiles)
    assert all(len(torch.unique(rows)) == len(rows) for rows in tiles)


def floor_of(width: float, depth: float) -> torch.Tensor:
    x, y = torch.arange(0, width, 0.05), torch.arange(0, depth, 0.05)
    return torch.cat((torch.cartesian_prod(x, y), torch.zeros(len(x) * len(y), 1)), dim=1)


def test_object_smaller_than_half_the_overlap_is_whole_in_one_tile() -> None:
    xyz = floor_of(12.0, 4.0)
    tiles = tile_rows(xyz, 8000)
    assert len(tiles) > 1
    for place in torch.arange(0.5, 11.0, 0.25):
        inside = ((xyz[:, 0] >= place) & (xyz[:, 0] <= place + OVERLAP / 2)).nonzero()[:, 0]
        assert any(torch.isin(inside, rows).all() for rows in tiles), place


def test_robot_stands_in_the_first_tile() -> None:
    xyz = floor_of(12.0, 4.0)
    for x in (1.0, 6.5, 11.0):
        first = tile_rows(xyz, 8000, torch.tensor([x, 2.0, 1.2], dtype=torch.float64))[0]
        near = ((xyz[:, :2] - torch.tensor([x, 2.0])).norm(dim=1) < 0.9).nonzero()[:, 0]
        assert torch.isin(near, first).all()


def test_dense_column_is_dealt_out_evenly() -> None:
    xyz = torch.rand(1000, 3) * torch.tensor([0.2, 0.2, 3.0])
    tiles = tile_rows(xyz, 300)
    assert [len(rows) for rows in tiles] == [250] * 4
    assert all(xyz[rows, 2].max() - xyz[rows, 2].min() > 2.5 for rows in tiles)


def test_200_thousand_voxels_are_tiled_within_bounds() -> None:
    xyz = torch.cat([floor_of(22.0, 22.0) + torch.tensor([0.0, 0.0, height]) for height in (0.0, 1.0)])[:200_000]
    tiles = tile_rows(xyz, 60_000)
    assert max(map(len, tiles)) <= 60_000
    assert sum(map(len, tiles)) < 2 * len(xyz)

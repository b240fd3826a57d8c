"""Large maps in pieces that fit a model: overlapping tiles, the robot's own first."""

from __future__ import annotations

import torch
from torch import Tensor

OVERLAP = 2.0  # metres that neighbouring tiles share, so that an object is whole in one of them
SMALLEST = 0.5  # metres: a core narrower than this is thinned instead of split


def tile_rows(xyz: Tensor, max_points: int, robot: Tensor | None = None) -> list[Tensor]:
    """Return the rows (int64) of each tile of a map xyz (n, 3) metres; every row is in one at least.

    Cores are halved along their longer horizontal axis until core and overlap hold `max_points` or fewer. The tile
    whose core is nearest to the robot (3,) comes first. A column too dense to be halved is thinned evenly over tiles.
    """
    if len(xyz) <= max_points:
        return [torch.arange(len(xyz), device=xyz.device)]
    low, high = xyz.min(dim=0).values, xyz.max(dim=0).values
    cores = _split(xyz, low, high, max_points)
    if robot is not None:
        place = robot.to(xyz)
        cores.sort(key=lambda core: float((place - place.clamp(*core))[:2].norm()))
    return [piece for core in cores for piece in _thinned(_rows_around(xyz, *core), max_points)]


def _split(xyz: Tensor, low: Tensor, high: Tensor, max_points: int) -> list[tuple[Tensor, Tensor]]:
    extent = (high - low)[:2]
    if len(_rows_around(xyz, low, high)) <= max_points or float(extent.max()) < SMALLEST:
        return [(low, high)]
    axis = int(extent.argmax())
    middle = (low[axis] + high[axis]) / 2
    left_high, right_low = high.clone(), low.clone()
    left_high[axis], right_low[axis] = middle, middle
    return _split(xyz, low, left_high, max_points) + _split(xyz, right_low, high, max_points)


def _rows_around(xyz: Tensor, low: Tensor, high: Tensor) -> Tensor:
    margin = OVERLAP / 2
    inside = ((xyz[:, :2] >= low[:2] - margin) & (xyz[:, :2] <= high[:2] + margin)).all(dim=1)
    return inside.nonzero()[:, 0]


def _thinned(rows: Tensor, max_points: int) -> list[Tensor]:
    """Deal rows out to as few tiles as hold `max_points` each, so that every tile sees the whole column."""
    pieces = -(-len(rows) // max_points)
    return [rows[i::pieces] for i in range(pieces)]

"""Thins a fine cloud to what proposals can be made from in time: points of a coarser grid, where there are too many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.types import FineCloud

MAX_POINTS = 300_000
GROWTH = 1.15  # of the cell's edge per attempt


@dataclass(frozen=True)
class ThinCloud:
    """M points that stand for F points of a fine cloud; all in the map frame."""

    xyz: NDArray[np.float32]  # [M, 3] metres
    rgb: NDArray[np.float32]  # [M, 3] in [0, 1]
    owner: NDArray[np.int64]  # [F] which point stands for each fine point
    voxel_size: float  # metres


def thin(fine: FineCloud) -> ThinCloud:
    """Average the points of each cell, the cells as small as MAX_POINTS allows; a small cloud stays as it is."""
    xyz = np.ascontiguousarray(fine.xyz.cpu().numpy(), dtype=np.float32)
    rgb = np.ascontiguousarray(fine.rgb.cpu().numpy(), dtype=np.float32)
    if len(xyz) <= MAX_POINTS:
        return ThinCloud(xyz, rgb, np.arange(len(xyz)), fine.voxel_size)
    # A surface's points fall with the square of the edge.
    edge = fine.voxel_size * float(np.sqrt(len(xyz) / MAX_POINTS))
    while True:
        owner, count = _cells(xyz, edge)
        if len(count) <= MAX_POINTS:
            return ThinCloud(_means(xyz, owner, count), _means(rgb, owner, count), owner, edge)
        edge *= GROWTH


def _cells(xyz: NDArray[np.float32], edge: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cell of each point (F,) and the number of points of each cell (M,)."""
    cells = np.floor(xyz / edge).astype(np.int64) + (1 << 20)  # 21 bits an axis
    keys = (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]
    _, owner, count = np.unique(keys, return_inverse=True, return_counts=True)
    return owner.reshape(-1), count


def _means(values: NDArray[np.float32], owner: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.float32]:
    sums = [np.bincount(owner, weights=values[:, axis], minlength=len(count)) for axis in range(3)]
    return (np.stack(sums, axis=1) / count[:, None]).astype(np.float32)

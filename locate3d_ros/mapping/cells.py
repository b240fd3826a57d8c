"""Cells of a fixed grid, floor(p / voxel_size), and their 64-bit keys."""

from __future__ import annotations

import torch
from torch import Tensor

_BITS = 21
CELL_LIMIT = 1 << (_BITS - 1)
"""Cells reach from -CELL_LIMIT + 1 to CELL_LIMIT - 1 on every axis: 52 km either way at 5 cm."""


def cells_of_points(xyz: Tensor, voxel_size: float) -> Tensor:
    """Return the cells (n, 3) int64 of points (n, 3), metres."""
    return torch.floor(xyz.to(torch.float64) / voxel_size).to(torch.int64)


def cell_centers(cells: Tensor, voxel_size: float) -> Tensor:
    """Return the middles (n, 3) float64 of cells (n, 3), metres."""
    return (cells.to(torch.float64) + 0.5) * voxel_size


def pack_cells(cells: Tensor) -> Tensor:
    """Return keys (n,) int64 of cells (n, 3); their order is x first, then y, then z."""
    x, y, z = (cells.to(torch.int64) + CELL_LIMIT).unbind(dim=1)
    return (x << (2 * _BITS)) | (y << _BITS) | z


def unpack_cells(keys: Tensor) -> Tensor:
    """Return the cells (n, 3) int32 of keys (n,)."""
    mask = (1 << _BITS) - 1
    xyz = torch.stack((keys >> (2 * _BITS), (keys >> _BITS) & mask, keys & mask), dim=1)
    return (xyz - CELL_LIMIT).to(torch.int32)


def first_of_each(keys: Tensor) -> Tensor:
    """Return (n,) bool: no earlier key is the same."""
    ordered, order = torch.sort(keys, stable=True)
    first = torch.ones_like(keys, dtype=torch.bool)
    first[order[1:]] = ordered[1:] != ordered[:-1]
    return first


class CellIndex:
    """Finds the row of a key: sorted runs that are merged when they grow alike, so that a key moves O(log n) times."""

    def __init__(self) -> None:
        """Start empty."""
        self._runs: list[tuple[Tensor, Tensor]] = []

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return sum(keys.nbytes + rows.nbytes for keys, rows in self._runs)

    def find(self, keys: Tensor) -> Tensor:
        """Return the rows (n,) int64 of keys (n,); -1 where a key is unknown."""
        found = torch.full_like(keys, -1)
        for run_keys, run_rows in self._runs:
            place = torch.searchsorted(run_keys, keys).clamp_(max=len(run_keys) - 1)
            found = torch.where(run_keys[place] == keys, run_rows[place], found)
        return found

    def insert(self, keys: Tensor, rows: Tensor) -> None:
        """Add sorted keys (n,) that are not yet known, with their rows (n,)."""
        if len(keys) == 0:
            return
        self._runs.append((keys, rows))
        while len(self._runs) > 1 and len(self._runs[-2][0]) <= 2 * len(self._runs[-1][0]):
            young, old = self._runs.pop(), self._runs.pop()
            self._runs.append(_merge(old, young))


def _merge(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Merge two sorted runs without sorting: every key of b knows its place among those of a."""
    count = len(a[0]) + len(b[0])
    place = torch.searchsorted(a[0], b[0]) + torch.arange(len(b[0]), device=b[0].device)
    from_a = torch.ones(count, dtype=torch.bool, device=a[0].device)
    from_a[place] = False
    merged = []
    for column_a, column_b in zip(a, b, strict=True):
        column = torch.empty(count, dtype=column_a.dtype, device=column_a.device)
        column[place] = column_b
        column[from_a] = column_a
        merged.append(column)
    return merged[0], merged[1]

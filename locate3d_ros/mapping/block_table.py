"""Where a cell's row is: a hash-free index of blocks, and per block a table of its 512 cells."""

from __future__ import annotations

import torch
from torch import Tensor

from locate3d_ros.mapping.cells import BLOCK_CELLS, cells_in_block
from locate3d_ros.mapping.row_pool import NO_ROW

GROWTH = 1.125
"""Tensors grow by this factor: few copies, and no more than this beyond what is used."""
NO_BLOCK = -1


class KeyIndex:
    """Finds the number of a key: sorted runs, merged when they grow alike, so that a key moves O(log n) times."""

    def __init__(self) -> None:
        """Start empty."""
        self._runs: list[tuple[Tensor, Tensor]] = []

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return sum(keys.nbytes + numbers.nbytes for keys, numbers in self._runs)

    def find(self, keys: Tensor) -> Tensor:
        """Return the numbers (n,) int64 of keys (n,); -1 where a key is unknown."""
        found = torch.full_like(keys, -1)
        for run_keys, run_numbers in self._runs:
            place = torch.searchsorted(run_keys, keys).clamp_(max=len(run_keys) - 1)
            found = torch.where(run_keys[place] == keys, run_numbers[place], found)
        return found

    def insert(self, keys: Tensor, numbers: Tensor) -> None:
        """Add ascending keys (n,) that are not yet known, with their numbers (n,)."""
        if len(keys) == 0:
            return
        self._runs.append((keys, numbers))
        while len(self._runs) > 1 and len(self._runs[-2][0]) <= 2 * len(self._runs[-1][0]):
            young, old = self._runs.pop(), self._runs.pop()
            self._runs.append(_merge(old, young))


class BlockTable:
    """The blocks of a grid. Block numbers are dense; a block stays, even empty, until it is dropped."""

    def __init__(self, device: torch.device) -> None:
        """Start empty."""
        self._index = KeyIndex()
        self.count = 0
        self._columns = {
            "key": torch.empty(0, dtype=torch.int64, device=device),
            "rows": torch.empty((0, BLOCK_CELLS), dtype=torch.int32, device=device),
            "revision": torch.empty(0, dtype=torch.int64, device=device),
            "last_seen": torch.empty(0, dtype=torch.float64, device=device),
        }

    @property
    def bytes_per_block(self) -> int:
        """Bytes of one block."""
        return 16 + sum(column.element_size() * column.shape[1:].numel() for column in self._columns.values())

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return self._index.nbytes + sum(column.nbytes for column in self._columns.values())

    def allocated(self, blocks: int) -> float:
        """Return the bytes of its tensors once they have taken in so many new blocks."""
        capacity = len(self._columns["key"])
        grown = self._capacity_for(self.count + blocks) if self.count + blocks > capacity else capacity
        return self.nbytes + (grown - capacity) * self.bytes_per_block

    @property
    def keys(self) -> Tensor:
        """The block keys [B] int64."""
        return self._columns["key"][: self.count]

    @property
    def rows(self) -> Tensor:
        """The rows [B, 512] int32 of the blocks' cells; NO_ROW where there is no voxel."""
        return self._columns["rows"][: self.count]

    @property
    def revision(self) -> Tensor:
        """The map's revision [B] int64 at which each block changed last."""
        return self._columns["revision"][: self.count]

    @property
    def last_seen(self) -> Tensor:
        """The stamp [B] float64 of the frame that saw each block last, seconds."""
        return self._columns["last_seen"][: self.count]

    def find(self, keys: Tensor) -> Tensor:
        """Return the numbers [n] of the blocks with these block keys [n]; NO_BLOCK where there is none."""
        return self._index.find(keys)

    def insert(self, keys: Tensor) -> Tensor:
        """Add blocks with ascending new block keys [n] and return their numbers [n]."""
        first, self.count = self.count, self.count + len(keys)
        self._reserve(self.count)
        numbers = torch.arange(first, self.count, device=keys.device)
        for column in self._columns.values():
            column[first : self.count] = 0
        self._columns["key"][first : self.count] = keys
        self._index.insert(keys, numbers)
        return numbers

    def find_rows(self, blocks: Tensor, keys: Tensor) -> Tensor:
        """Return the rows [n] int64 of cell keys [n] in blocks [n]; NO_ROW where there is no voxel."""
        if self.count == 0:
            return torch.full_like(keys, NO_ROW)
        rows = self.rows.view(-1)[blocks.clamp(min=0) * BLOCK_CELLS + cells_in_block(keys)]
        return rows.to(torch.int64).masked_fill_(blocks < 0, NO_ROW)

    def set_rows(self, places: Tensor, rows: Tensor) -> None:
        """Write rows [n] at places [n] int64 = block * BLOCK_CELLS + cell in block."""
        self.rows.view(-1)[places] = rows.to(torch.int32)

    def keep(self, kept: Tensor) -> None:
        """Drop the blocks that are not in kept [B] bool; the others are numbered anew."""
        for name in tuple(self._columns):
            self._columns[name] = self._columns[name][: self.count][kept]
        self.count = len(self._columns["key"])
        self._index = KeyIndex()
        keys, numbers = torch.sort(self._columns["key"])
        self._index.insert(keys, numbers)

    def _capacity_for(self, count: int) -> int:
        return max(count, int(len(self._columns["key"]) * GROWTH))

    def _reserve(self, count: int) -> None:
        capacity = len(self._columns["key"])
        if count <= capacity:
            return
        capacity = self._capacity_for(count)
        for name in tuple(self._columns):
            self._columns[name] = grown(self._columns[name], capacity)


def grown(column: Tensor, capacity: int) -> Tensor:
    """Return a copy of a column with room for `capacity` rows; the new ones are zero."""
    larger = column.new_zeros((capacity, *column.shape[1:]))
    larger[: len(column)] = column
    return larger


def _merge(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Merge two sorted runs without sorting: every key of b knows its place among those of a."""
    count = len(a[0]) + len(b[0])
    place = torch.searchsorted(a[0], b[0]) + torch.arange(len(b[0]), device=b[0].device)
    of_a = torch.searchsorted(b[0], a[0]) + torch.arange(len(a[0]), device=a[0].device)
    merged = []
    for column_a, column_b in zip(a, b, strict=True):
        column = torch.empty(count, dtype=column_a.dtype, device=column_a.device)
        column[place] = column_b
        column[of_a] = column_a
        merged.append(column)
    return merged[0], merged[1]

"""Rows of a storage: handed out, shared with snapshots without a copy, and taken back when nobody needs them.

A row that a snapshot sees is never written again: what changes goes to a new row. So a snapshot is the set of rows
that were alive when it was taken, one byte a row, and its readers need no lock.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

import torch
from torch import Tensor

NO_ROW = 0
"""Row 0 is never handed out: it stands for none, and holds zeros."""
_RETIRED_SHARE = 16
"""Retired rows are collected once they could be one in so many: collecting looks at every row's byte."""


class RowSet:
    """Rows that a snapshot sees; they stay as they are while this object lives."""

    def __init__(self, mask: Tensor) -> None:
        """Hold mask [capacity] bool."""
        self.mask = mask


class RowPool:
    """Which rows are alive, which are shared with snapshots, and which are free."""

    def __init__(self, device: torch.device, resize: Callable[[int], int]) -> None:
        """Start with row 0 alone. `resize` makes room for at least so many rows and returns how many there are."""
        self.alive = torch.zeros(0, dtype=torch.bool, device=device)
        self.shared = torch.zeros(0, dtype=torch.bool, device=device)
        self.removed = torch.zeros((), dtype=torch.int64, device=device)
        """How many rows died since the host last counted them, by `retire`."""
        self._resize = resize
        self._free = torch.empty(0, dtype=torch.int64)
        self._retired = 0
        self._sets: weakref.WeakSet[RowSet] = weakref.WeakSet()
        self._grow(1)

    @property
    def capacity(self) -> int:
        """Rows that there is room for."""
        return len(self.alive)

    @property
    def nbytes(self) -> int:
        """Bytes of its own tensors."""
        return self.alive.nbytes + self.shared.nbytes + self._free.nbytes

    def count(self) -> int:
        """Count the rows that are alive."""
        return int(self.alive.sum())

    def lacking(self, count: int) -> int:
        """Return how many rows there are too few to take `count`."""
        return max(0, count - len(self._free))

    def take(self, count: int) -> Tensor:
        """Return `count` rows (CPU, int64, ascending in the main); the caller marks them alive."""
        if count > len(self._free) and self._retired * _RETIRED_SHARE >= self.capacity:
            self.collect()
        if count > len(self._free):
            self._grow(self.capacity + count - len(self._free))
        rows, self._free = self._free[:count], self._free[count:]
        return rows

    def retire(self, count: int) -> None:
        """Note that up to `count` rows died; which ones the masks tell."""
        self._retired += count

    def share(self) -> RowSet:
        """Return the rows alive now; until the result is gone they are not written."""
        rows = RowSet(self.alive.clone())
        self._sets.add(rows)
        self._mark_shared()
        return rows

    def collect(self) -> None:
        """Find the rows that neither the map nor a snapshot needs. Asks the device once."""
        self._mark_shared()
        free = ~(self.alive | self.shared)
        free[NO_ROW] = False
        self._free = free.nonzero().squeeze(1).cpu()
        self._retired = 0

    def only_shared(self) -> int:
        """Count the rows that snapshots alone still need."""
        return int((self.shared & ~self.alive).sum())

    def _mark_shared(self) -> None:
        self.shared = torch.zeros_like(self.alive)
        for rows in list(self._sets):
            self.shared[: len(rows.mask)] |= rows.mask

    def _grow(self, needed: int) -> None:
        before, after = self.capacity, self._resize(needed)
        added = torch.zeros(after - before, dtype=torch.bool, device=self.alive.device)
        self.alive, self.shared = torch.cat((self.alive, added)), torch.cat((self.shared, added))
        self._free = torch.cat((self._free, torch.arange(max(before, NO_ROW + 1), after)))

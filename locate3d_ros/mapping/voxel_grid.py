"""One sparse voxel grid: append-only rows of running means, found through an index of cell keys."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.mapping.cells import CellIndex, cell_centers, unpack_cells
from locate3d_ros.mapping.frame_voxels import FrameVoxels
from locate3d_ros.types import Slot

GROWTH = 1.25
"""Columns grow by this factor: few copies, and no more than this beyond what is used."""
_INDEX_BYTES = 16  # a key and a row number

_layouts = itertools.count()


@dataclass(frozen=True)
class GridChange:
    """The rows of a grid that changed, as readers see them. Rows move only where `layout` changes."""

    layout: int
    count: int  # rows in all
    rows: Tensor  # [n] int64, those that changed
    columns: Mapping[str, Tensor]  # name -> [n, …]: cells, xyz, rgb, weight, last_seen, has_features, each slot


class VoxelGrid:
    """Means per cell, in float32; as means rather than sums they stay exact over many updates.

    Points are kept as offsets from the middle of their cell: as exact far from the origin as near it.
    A voxel's feature is the mean over the pixels of frames that brought features; other frames do not dilute it.
    """

    def __init__(self, voxel_size: float, slots: tuple[Slot, ...], device: torch.device) -> None:
        """Start empty."""
        self.voxel_size = voxel_size
        self._slots = slots
        self._layout = next(_layouts)
        self._count = 0
        self._index = CellIndex()
        self._columns = _empty_columns(slots, device)

    def __len__(self) -> int:
        """Count the voxels."""
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return self._index.nbytes + sum(column.nbytes for column in self._columns.values())

    @property
    def bytes_per_voxel(self) -> float:
        """The most bytes that one voxel takes, spare capacity included."""
        return GROWTH * (_INDEX_BYTES + _bytes_per_row(self._columns))

    def centroids(self) -> Tensor:
        """Return the mean points (n, 3) float64, map frame, metres."""
        middles = cell_centers(unpack_cells(self._columns["key"][: self._count]), self.voxel_size)
        return middles + self._columns["offset"][: self._count]

    def add(self, voxels: FrameVoxels, stamp: float | Tensor) -> None:
        """Average voxels in; stamp: seconds, one or one each. Voxels without features keep theirs."""
        rows = self._rows_of(voxels.keys)
        share = self._advance("weight", rows, voxels.weight)
        self._move("offset", rows, voxels.offset, share)
        self._move("rgb", rows, voxels.rgb, share)
        if voxels.features:
            share = self._advance("feature_weight", rows, voxels.feature_weight)
            for slot in self._slots:
                self._move(slot_column(slot.name), rows, voxels.features[slot.name], share)
        self._columns["last_seen"][rows] = stamp
        self._columns["changed"][rows] = True

    def keep(self, kept: Tensor) -> None:
        """Drop the voxels that are not in kept (n,) bool; the others move to other rows."""
        for name in tuple(self._columns):
            self._columns[name] = self._columns[name][: self._count][kept]
        self._count = int(kept.sum())
        self._layout = next(_layouts)
        self._columns["changed"].fill_(True)
        self._index = CellIndex()
        keys, rows = torch.sort(self._columns["key"])
        self._index.insert(keys, rows)

    def take_change(self) -> GridChange:
        """Return what changed since the last call, as copies."""
        changed = self._columns["changed"][: self._count]
        rows = changed.nonzero().squeeze(1)
        changed.fill_(False)
        row = {name: column[rows] for name, column in self._columns.items() if not name.startswith("features.")}
        cells = unpack_cells(row["key"])
        columns = {
            "cells": cells,
            "xyz": self._points(cells, row["offset"]),
            "rgb": row["rgb"],
            "weight": row["weight"].to(torch.float32),
            "last_seen": row["last_seen"],
            "has_features": row["feature_weight"] > 0,
        }
        for slot in self._slots:
            columns[slot_column(slot.name)] = self._columns[slot_column(slot.name)][rows].to(torch.float16)
        return GridChange(self._layout, self._count, rows, columns)

    def _points(self, cells: Tensor, offset: Tensor) -> Tensor:
        """Return float32 points (n, 3) that stay in their cells: rounding must not move one over the border."""
        most = self.voxel_size / 2 * (1 - 1e-4)
        return (cell_centers(cells, self.voxel_size) + offset.clamp(-most, most)).to(torch.float32)

    def _rows_of(self, keys: Tensor) -> Tensor:
        """Return the rows (n,) of distinct keys (n,), appending zero rows for unknown ones in their order."""
        rows = self._index.find(keys)
        new = rows < 0
        new_keys = keys[new]
        new_rows = torch.arange(self._count, self._count + len(new_keys), device=keys.device)
        self._reserve(self._count + len(new_keys))
        for column in self._columns.values():
            column[self._count : self._count + len(new_keys)] = 0
        self._columns["key"][new_rows] = new_keys
        self._count += len(new_keys)
        order = torch.argsort(new_keys)
        self._index.insert(new_keys[order], new_rows[order])
        rows[new] = new_rows
        return rows

    def _reserve(self, count: int) -> None:
        """Make room for `count` rows in all."""
        capacity = len(self._columns["key"])
        if count <= capacity:
            return
        capacity = max(count, int(capacity * GROWTH))
        for name in tuple(self._columns):
            old = self._columns[name]
            column = old.new_empty((capacity, *old.shape[1:]))
            column[: self._count] = old[: self._count]
            self._columns[name] = column

    def _advance(self, name: str, rows: Tensor, weight: Tensor) -> Tensor:
        """Add weight (n,) to a weight column -> the share (n, 1) float32 that new values have in the mean."""
        total = self._columns[name][rows] + weight
        self._columns[name][rows] = total
        return (weight / total.clamp(min=1e-12)).to(torch.float32)[:, None]

    def _move(self, name: str, rows: Tensor, values: Tensor, share: Tensor) -> None:
        """Move the means of rows (n,) towards values (n, c) by share (n, 1)."""
        self._columns[name][rows] = torch.lerp(self._columns[name][rows], values, share)


def slot_column(slot: str) -> str:
    """Return the name of a slot's column, here and in map files."""
    return f"features.{slot}"


def _empty_columns(slots: tuple[Slot, ...], device: torch.device) -> dict[str, Tensor]:
    columns = {
        "key": torch.empty(0, dtype=torch.int64),
        "offset": torch.empty((0, 3), dtype=torch.float32),
        "rgb": torch.empty((0, 3), dtype=torch.float32),
        "weight": torch.empty(0, dtype=torch.float64),
        "feature_weight": torch.empty(0, dtype=torch.float64),
        "last_seen": torch.empty(0, dtype=torch.float64),
        "changed": torch.empty(0, dtype=torch.bool),
    }
    columns |= {slot_column(slot.name): torch.empty((0, slot.width), dtype=torch.float32) for slot in slots}
    return {name: column.to(device) for name, column in columns.items()}


def _bytes_per_row(columns: Mapping[str, Tensor]) -> int:
    return sum(column.element_size() * column.shape[1:].numel() for column in columns.values())

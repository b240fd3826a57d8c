"""Groups of equal rows, without asking the device how many there are.

Counting costs nothing on the CPU: there, results are as long as they have to be. On CUDA a count would stall the host,
so results are as long as they could be; what is behind the last group is padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.mapping.cells import NO_CELL


@dataclass(frozen=True)
class Groups:
    """Which group each of P rows is in, and where the groups begin; G groups with padding."""

    of_row: Tensor  # [P] int64
    first: Tensor  # [G] int64: the first row of each group; anything in the padding
    count: Tensor  # [] int64: groups without padding

    def pad(self, values: Tensor, filler: float) -> Tensor:
        """Return values [G, …] with the padding filled."""
        if len(values) == 0 or values.is_cpu:
            return values
        padding = torch.arange(len(values), device=values.device) >= self.count
        return values.masked_fill(padding.reshape(-1, *[1] * (values.ndim - 1)), filler)

    def sum(self, values: Tensor) -> Tensor:
        """Add values [P] or [P, c] up per group, in float64 -> [G] or [G, c]."""
        return sum_by(values, self.of_row, len(self.first))


def sum_by(values: Tensor, group: Tensor, count: int) -> Tensor:
    """Add values [P] or [P, c] up per group [P] -> [count] or [count, c] float64."""
    if values.ndim == 2:
        return torch.stack([sum_by(column, group, count) for column in values.unbind(dim=1)], dim=1)
    if values.is_cpu:
        return torch.bincount(group, values.to(torch.float64), count)
    return torch.zeros(count, dtype=torch.float64, device=values.device).index_add_(0, group, values.to(torch.float64))


def runs(*columns: Tensor) -> Groups:
    """Group consecutive rows that are alike in all columns [P]."""
    change = columns[0][1:] != columns[0][:-1]
    for column in columns[1:]:
        change = change | (column[1:] != column[:-1])
    starts = torch.cat((change.new_ones(min(1, len(columns[0]))), change))
    of_row = starts.cumsum(dim=0) - 1
    return Groups(of_row, compact(starts), starts.sum())


def compact(mask: Tensor, count: int | None = None) -> Tensor:
    """Return the places of the true entries of mask [P].

    count: how many there are, where the host knows it; otherwise the result is padded to P entries on CUDA.
    """
    if mask.is_cpu:
        return mask.nonzero().squeeze(1)
    size = len(mask)
    place = torch.where(mask, mask.cumsum(dim=0) - 1, size)
    found = torch.zeros(size + 1, dtype=torch.int64, device=mask.device)
    found.scatter_(0, place, torch.arange(size, device=mask.device))
    return found[: size if count is None else count]


def group_keys(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct keys [G], ascending and padded with NO_CELL, and which of them each key [P] is.

    Neighbouring pixels mostly share a voxel: only one key a run has to be sorted.
    """
    run = runs(keys)
    ordered, order = torch.sort(run.pad(keys.index_select(0, run.first), NO_CELL))
    group = runs(ordered)
    group_of_run = torch.empty_like(order).scatter_(0, order, group.of_row)
    distinct = group.pad(ordered.index_select(0, group.first), NO_CELL)
    return distinct, group_of_run.index_select(0, run.of_row)

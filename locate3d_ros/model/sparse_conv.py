"""Submanifold convolution in portable torch. Source: MODEL_SPEC §4."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class NeighbourTable:
    """The occupied neighbours of every cell, once per level, shared by all convolutions of one kernel size.

    Pairs are sorted by kernel offset; `counts[o]` of them belong to offset o (in the weight's own order x, y, z). The
    centre has none: there every row sees itself.
    """

    rows_out: Tensor  # [pairs] int64
    rows_in: Tensor  # [pairs] int64
    counts: tuple[int, ...]  # k³, on the host: each offset is one matrix product of known size


def neighbour_table(cells: Tensor, kernel_size: int) -> NeighbourTable:
    """Find the occupied neighbours of cells (n, 3) int64 within a cube of kernel_size³.

    Where several rows share a cell, neighbours see one of them and each row sees itself (MODEL_SPEC §2).
    """
    radius = kernel_size // 2
    low = cells.min(dim=0).values - radius
    extent = cells.max(dim=0).values - low + radius + 1
    strides = torch.stack((extent[1] * extent[2], extent[2], torch.ones_like(extent[2])))
    keys, row_of_key = torch.sort(((cells - low) * strides).sum(dim=1), stable=True)
    steps = torch.arange(-radius, radius + 1, device=cells.device)
    offsets = torch.cartesian_prod(steps, steps, steps)  # [k³, 3], x slowest: the weight's layout
    # Sorted queries walk the sorted keys in step, which the cache likes.
    wanted = keys[None] + (offsets * strides).sum(dim=1)[:, None]  # [k³, n]
    found = torch.searchsorted(keys, wanted).clamp(max=len(cells) - 1)
    occupied = keys[found] == wanted
    occupied[len(offsets) // 2] = False
    offset, place = occupied.nonzero(as_tuple=True)
    counts = tuple(occupied.sum(dim=1).tolist())
    return NeighbourTable(row_of_key[place], row_of_key[found[offset, place]], counts)


class SubmanifoldConv(nn.Module):
    """Sparse convolution whose output sites are its input sites; weight [out, k, k, k, in]."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, bias: bool) -> None:
        super().__init__()
        k = kernel_size
        self.weight = nn.Parameter(torch.empty(out_channels, k, k, k, in_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        nn.init.trunc_normal_(self.weight, std=(in_channels * k**3) ** -0.5)

    def forward(self, features: Tensor, table: NeighbourTable) -> Tensor:
        """Convolve features (n, in) -> (n, out): one gather and one matrix product per occupied kernel offset."""
        kernels = self.weight.flatten(1, 3).permute(1, 2, 0)  # [k³, in, out]
        features = features.to(self.weight.dtype)
        # Sums stay in float32 where the products are computed in less.
        output = (features @ kernels[len(kernels) // 2]).float()
        counts = list(table.counts)
        rows_in, rows_out = torch.split(table.rows_in, counts), torch.split(table.rows_out, counts)
        for kernel, source, target in zip(kernels, rows_in, rows_out, strict=True):
            if len(source):
                output.index_add_(0, target, (features.index_select(0, source) @ kernel).float())
        return output if self.bias is None else output + self.bias.float()

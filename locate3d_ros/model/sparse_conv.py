"""Submanifold convolution in portable torch. Source: MODEL_SPEC §4."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class NeighbourTable:
    """The occupied neighbours of every cell, once per level, shared by all convolutions of one kernel size.

    Pairs are sorted by kernel offset; `counts[o]` of them belong to offset o (in the weight's own order x, y, z).
    """

    rows_out: Tensor  # [pairs] int64
    rows_in: Tensor  # [pairs] int64
    counts: tuple[int, ...]  # k³, on the host: each offset is one matrix product of known size


def neighbour_table(cells: Tensor, kernel_size: int) -> NeighbourTable:
    """Find the occupied neighbours of cells (n, 3) int64 within a cube of kernel_size³.

    Where several rows share a cell, neighbours see one of them and each row sees itself (MODEL_SPEC §2).
    """
    n, device = len(cells), cells.device
    radius = kernel_size // 2
    low = cells.min(dim=0).values - radius
    extent = cells.max(dim=0).values - low + radius + 1
    strides = torch.stack((extent[1] * extent[2], extent[2], torch.ones_like(extent[2])))
    keys = ((cells - low) * strides).sum(dim=1)
    sorted_keys, row_of_key = torch.sort(keys, stable=True)
    steps = torch.arange(-radius, radius + 1, device=device)
    offsets = torch.cartesian_prod(steps, steps, steps)  # [k³, 3], x slowest: the weight's layout
    wanted = keys[None] + (offsets * strides).sum(dim=1)[:, None]  # [k³, n]
    found = torch.searchsorted(sorted_keys, wanted).clamp(max=n - 1)
    occupied = sorted_keys[found] == wanted
    rows_in = row_of_key[found]
    rows_in[len(offsets) // 2] = torch.arange(n, device=device)
    offset, rows_out = occupied.nonzero(as_tuple=True)
    return NeighbourTable(rows_out, rows_in[offset, rows_out], tuple(occupied.sum(dim=1).tolist()))


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
        out_channels = self.weight.shape[0]
        kernels = self.weight.reshape(out_channels, -1, features.shape[1]).permute(1, 2, 0)  # [k³, in, out]
        # Sums stay in float32 where the products are computed in less.
        output = torch.zeros(len(features), out_channels, device=features.device)
        features = features.to(self.weight.dtype)
        counts = list(table.counts)
        rows_in, rows_out = torch.split(table.rows_in, counts), torch.split(table.rows_out, counts)
        for kernel, source, target in zip(kernels, rows_in, rows_out, strict=True):
            if len(source):
                output.index_add_(0, target, (features[source] @ kernel).float())
        return output if self.bias is None else output + self.bias.float()

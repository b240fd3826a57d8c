"""Submanifold convolution: one parameter layout, three ways to compute it. Source: MODEL_SPEC §4.

On a CPU the cheapest is one product per kernel offset over the occupied pairs alone; on a GPU, which computes faster
than it launches, one gather and one product per convolution. spconv is a third way, for CUDA alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from locate3d_ros.model.spconv_backend import SpconvTable

ConvolutionBackend = Literal["portable", "spconv"]

GATHERED = 2**28  # elements that one piece of a gather holds: a gigabyte of float32


class Neighbours(Protocol):
    """Which occupied cells see each other: found once per level and kernel size, shared by its convolutions."""

    def convolve(self, features: Tensor, weight: Tensor) -> Tensor:
        """Convolve features (n, in) with a weight [out, k, k, k, in] -> (n, out)."""


class SubmanifoldConv(nn.Module):
    """Sparse convolution whose output sites are its input sites; weight [out, k, k, k, in]."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, bias: bool) -> None:
        super().__init__()
        k = kernel_size
        self.weight = nn.Parameter(torch.empty(out_channels, k, k, k, in_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        nn.init.trunc_normal_(self.weight, std=(in_channels * k**3) ** -0.5)

    def forward(self, features: Tensor, neighbours: Neighbours) -> Tensor:
        """Convolve features (n, in) -> (n, out)."""
        output = neighbours.convolve(features.to(self.weight.dtype), self.weight)
        return output if self.bias is None else output + self.bias


def find_neighbours(cells: Tensor, kernel_size: int, backend: ConvolutionBackend = "portable") -> Neighbours:
    """Find the occupied neighbours of cells (n, 3) int64 within a cube of kernel_size³.

    Where several rows share a cell, neighbours see one of them and each row sees itself (MODEL_SPEC §2). Raises
    InputError where spconv is asked for and cannot run.
    """
    if backend == "spconv":
        return SpconvTable.of(cells, kernel_size)
    if cells.device.type == "cpu":
        return PairTable.of(cells, kernel_size)
    return GatherTable.of(cells, kernel_size)


@dataclass(frozen=True)
class PairTable:
    """The pairs of rows that see each other, sorted by kernel offset (x slowest, as in the weight).

    The centre has none: there every row sees itself.
    """

    rows_out: Tensor  # [pairs] int64
    rows_in: Tensor  # [pairs] int64
    counts: tuple[int, ...]  # k³, on the host: each offset is one matrix product of known size

    @classmethod
    def of(cls, cells: Tensor, kernel_size: int) -> PairTable:
        """Collect the pairs of cells (n, 3) int64."""
        search = _Search.of(cells, kernel_size)
        # Sorted queries walk the sorted keys in step, which the cache likes.
        found, occupied = search.look_up(search.keys)
        offset, place = occupied.nonzero(as_tuple=True)
        counts = tuple(occupied.sum(dim=1).tolist())
        return cls(search.rows[place], search.rows[found[offset, place]], counts)

    def convolve(self, features: Tensor, weight: Tensor) -> Tensor:
        """Convolve features (n, in) -> (n, out): one gather and one matrix product per occupied kernel offset."""
        kernels = weight.flatten(1, 3).permute(1, 2, 0)  # [k³, in, out]
        # Sums stay in float32 where the products are computed in less.
        output = (features @ kernels[len(kernels) // 2]).float()
        counts = list(self.counts)
        rows_in, rows_out = torch.split(self.rows_in, counts), torch.split(self.rows_out, counts)
        for kernel, source, target in zip(kernels, rows_in, rows_out, strict=True):
            if len(source):
                output.index_add_(0, target, (features.index_select(0, source) @ kernel).float())
        return output


@dataclass(frozen=True)
class GatherTable:
    """The row at every kernel offset of every row; n where that cell is empty."""

    index: Tensor  # [n, k³] int64

    @classmethod
    def of(cls, cells: Tensor, kernel_size: int) -> GatherTable:
        """Look up the neighbours of cells (n, 3) int64 without waiting for the device."""
        search = _Search.of(cells, kernel_size)
        found, occupied = search.look_up(search.keys_in_row_order)
        index = torch.where(occupied, search.rows[found], len(cells)).T.contiguous()
        index[:, index.shape[1] // 2] = torch.arange(len(cells), device=cells.device)
        return cls(index)

    def convolve(self, features: Tensor, weight: Tensor) -> Tensor:
        """Convolve features (n, in) -> (n, out): gather every neighbour, empty ones as zero, and multiply once."""
        padded = functional.pad(features, (0, 0, 0, 1))
        flat = weight.flatten(1)  # [out, k³ in]: the layout that the gathered rows have
        rows = max(1, GATHERED // flat.shape[1])
        parts = [part.flatten() for part in torch.split(self.index, rows)]
        gathered = (padded.index_select(0, part).view(-1, flat.shape[1]) for part in parts)
        products = [functional.linear(rows, flat) for rows in gathered]
        return products[0] if len(products) == 1 else torch.cat(products)


@dataclass(frozen=True)
class _Search:
    """Cells as sorted integer keys."""

    keys: Tensor  # [n] int64, sorted
    rows: Tensor  # [n] int64: the row of each sorted key
    keys_in_row_order: Tensor  # [n] int64
    steps: Tensor  # [k³] int64: what each kernel offset adds to a key

    @classmethod
    def of(cls, cells: Tensor, kernel_size: int) -> _Search:
        radius = kernel_size // 2
        low = cells.min(dim=0).values - radius
        extent = cells.max(dim=0).values - low + radius + 1
        strides = torch.stack((extent[1] * extent[2], extent[2], torch.ones_like(extent[2])))
        in_row_order = ((cells - low) * strides).sum(dim=1)
        keys, rows = torch.sort(in_row_order, stable=True)
        around = torch.arange(-radius, radius + 1, device=cells.device)
        offsets = torch.cartesian_prod(around, around, around)  # [k³, 3], x slowest: the weight's layout
        return cls(keys, rows, in_row_order, (offsets * strides).sum(dim=1))

    def look_up(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sorted place of each neighbour of keys (n,) and whether it is occupied, both [k³, n].

        The centre counts as empty.
        """
        wanted = keys[None] + self.steps[:, None]
        found = torch.searchsorted(self.keys, wanted).clamp(max=len(self.keys) - 1)
        occupied = self.keys[found] == wanted
        occupied[len(self.steps) // 2] = False
        return found, occupied

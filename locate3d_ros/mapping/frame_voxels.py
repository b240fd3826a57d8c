"""One frame's points, averaged per voxel. Dense per-pixel features are never built.

A voxel's feature sum is a sparse matrix [voxels x tokens] times the token table: exact, and as small as the frame.
Grouping comes first and asks the device nothing; then the host reads the counts, once, and the means are formed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from locate3d_ros.mapping.cells import NO_CELL, cell_centers, cells_of_points, pack_cells, unpack_cells
from locate3d_ros.mapping.grouping import Groups, group_keys, runs, sum_by
from locate3d_ros.mapping.lifting import LiftedFrame
from locate3d_ros.types import TokenTable


@dataclass(frozen=True)
class FrameVoxels:
    """Voxels that go into a grid together, a frame's for example; V voxels, each once."""

    keys: Tensor  # [V] int64, distinct, ascending
    weight: Tensor  # [V] float32: points averaged
    feature_weight: Tensor  # [V] float32: points whose features are averaged
    offset: Tensor  # [V, 3] float32: mean point minus cell middle, metres
    rgb: Tensor  # [V, 3] float32 means in [0, 1]
    features: Mapping[str, Tensor]  # slot name -> [V, D] float32 means; empty: geometry only

    def __len__(self) -> int:
        """Count the voxels."""
        return len(self.keys)

    def select(self, rows: Tensor) -> FrameVoxels:
        """Return the voxels of rows [n] int64, in their order."""
        features = {name: values.index_select(0, rows) for name, values in self.features.items()}
        keys, weight, feature_weight, offset, rgb = (
            column.index_select(0, rows)
            for column in (self.keys, self.weight, self.feature_weight, self.offset, self.rgb)
        )
        return FrameVoxels(keys, weight, feature_weight, offset, rgb, features)


@dataclass(frozen=True)
class TokenShares:
    """The sparse matrix [voxels x tokens] of one slot, as pairs in ascending order; Q pairs with padding."""

    table: TokenTable
    pair: Tensor  # [Q] int64: voxel * T + token
    share: Tensor  # [Q] float32: the sum of the weights of the voxel's pixels on the token


@dataclass(frozen=True)
class GroupedFrame:
    """A frame's points by voxel, before anything is counted; G voxels with padding."""

    voxel_size: float  # metres
    keys: Tensor  # [G] int64, ascending; NO_CELL: padding, and points that do not count
    weight: Tensor  # [G] float64: points
    xyz: Tensor  # [G, 3] float64 sums, metres
    rgb: Tensor  # [G, 3] float64 sums in 0-255
    shares: Sequence[TokenShares]

    def counts(self) -> Tensor:
        """Return [1 + slots] int64: the voxels, and the pairs of each slot."""
        voxels = (self.keys != NO_CELL).sum()
        pairs = [(s.pair < voxels * max(1, len(s.table.tokens))).sum() for s in self.shares]
        return torch.stack((voxels, *pairs))

    def settle(self, counts: Sequence[int]) -> FrameVoxels:
        """Return the means; `counts` as the host has read them."""
        count = counts[0]
        keys, weight = self.keys[:count], self.weight[:count]
        offset = self.xyz[:count] / weight[:, None] - cell_centers(unpack_cells(keys), self.voxel_size)
        rgb = self.rgb[:count] / (weight[:, None] * 255.0)
        pixels = weight.to(torch.float32)
        features = {
            shares.table.name: _mean_features(shares, pairs, pixels)
            for shares, pairs in zip(self.shares, counts[1:], strict=True)
        }
        return FrameVoxels(keys, pixels, pixels, offset.to(torch.float32), rgb.to(torch.float32), features)


def group_frame(lifted: LiftedFrame, rgb: Tensor, tables: Sequence[TokenTable], voxel_size: float) -> GroupedFrame:
    """Group a frame's points, their colours rgb [H, W, 3] uint8 and, where there are tables, tokens by voxel."""
    keys = pack_cells(cells_of_points(lifted.xyz, voxel_size))
    keys, voxel = group_keys(torch.where(lifted.valid, keys, NO_CELL))
    count = len(keys)
    return GroupedFrame(
        voxel_size=voxel_size,
        keys=keys,
        weight=sum_by(torch.ones_like(lifted.depth), voxel, count),
        xyz=sum_by(lifted.xyz, voxel, count),
        rgb=sum_by(rgb.reshape(-1, 3).index_select(0, lifted.pixel), voxel, count),
        shares=[_token_shares(_on(table, rgb.device), lifted.pixel, voxel) for table in tables],
    )


def frame_voxels(lifted: LiftedFrame, rgb: Tensor, tables: Sequence[TokenTable], voxel_size: float) -> FrameVoxels:
    """Group a frame and form its means in one go, reading the counts in between."""
    grouped = group_frame(lifted, rgb, tables, voxel_size)
    return grouped.settle(grouped.counts().tolist())


def _on(table: TokenTable, device: torch.device) -> TokenTable:
    return replace(table, tokens=table.tokens.to(device), index=table.index.to(device), weight=table.weight.to(device))


def _token_shares(table: TokenTable, pixel: Tensor, voxel: Tensor) -> TokenShares:
    """Add the weights up per pair of voxel and token; pixels without a token add none."""
    tokens, taps = max(1, len(table.tokens)), table.index.shape[-1]
    index = table.index.reshape(-1, taps).index_select(0, pixel)
    share = table.weight.reshape(-1, taps).index_select(0, pixel).masked_fill(index < 0, 0.0)
    index = index.clamp(min=0).to(torch.int64)
    run = runs(voxel, *index.unbind(dim=1))
    voxel, index, share = _of_runs(run, voxel, index, share)
    # Neighbouring rows of a voxel mostly share their tokens too: sorted, they join into few runs.
    order = torch.argsort(voxel * tokens + index[:, 0])
    voxel, index, share = voxel[order], index.index_select(0, order), share.index_select(0, order)
    run = runs(voxel, *index.unbind(dim=1))
    voxel, index, share = _of_runs(run, voxel, index, share)
    pair, order = torch.sort((voxel[:, None] * tokens + index).flatten())
    run = runs(pair)
    total = run.sum(share.flatten().index_select(0, order)).to(table.tokens.dtype)
    return TokenShares(table, run.pad(pair.index_select(0, run.first), NO_CELL), total)


def _of_runs(run: Groups, voxel: Tensor, index: Tensor, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Join the rows of each run: (P,), (P, K), (P, K) -> (R,), (R, K), (R, K) float64.

    Padding repeats a row with no share: it sorts to that row and adds nothing.
    """
    return voxel[run.first], index.index_select(0, run.first), run.sum(share)


def _mean_features(shares: TokenShares, pairs: int, weight: Tensor) -> Tensor:
    """Average the features of each voxel's pixels -> (V, D) float32; pixels without a token count as zero."""
    table, pair = shares.table, shares.pair[:pairs]
    tokens = len(table.tokens)
    if tokens == 0:
        return table.tokens.new_zeros((len(weight), table.tokens.shape[1]))
    # Pairs are sorted by voxel: each voxel is a bag of weighted tokens.
    first = torch.searchsorted(pair, torch.arange(len(weight), device=pair.device) * tokens)
    share = shares.share[:pairs] / weight.index_select(0, torch.div(pair, tokens, rounding_mode="floor"))
    means: Tensor = embedding_bag(pair % tokens, table.tokens, first, mode="sum", per_sample_weights=share)
    return means

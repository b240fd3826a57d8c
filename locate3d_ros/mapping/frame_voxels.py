"""One frame's points, averaged per voxel. Dense per-pixel features are never built.

A voxel's feature sum is a sparse matrix [voxels x tokens] times the token table: exact, and as small as the frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from locate3d_ros.mapping.cells import cell_centers, cells_of_points, pack_cells, unpack_cells
from locate3d_ros.mapping.lifting import LiftedFrame
from locate3d_ros.types import TokenTable


@dataclass(frozen=True)
class FrameVoxels:
    """The voxels that one frame touches; V voxels, each once."""

    keys: Tensor  # [V] int64, distinct
    weight: Tensor  # [V] float64: points averaged
    feature_weight: Tensor  # [V] float64: points whose features are averaged
    offset: Tensor  # [V, 3] float32: mean point minus cell middle, metres
    rgb: Tensor  # [V, 3] float32 means in [0, 1]
    features: Mapping[str, Tensor]  # slot name -> [V, D] float32 means; empty: geometry only


def frame_voxels(lifted: LiftedFrame, rgb: Tensor, tables: tuple[TokenTable, ...], voxel_size: float) -> FrameVoxels:
    """Average a frame's points, their colours rgb [H, W, 3] uint8 and, where there are tables, features per voxel."""
    device = rgb.device
    keys, voxel = _group(pack_cells(cells_of_points(lifted.xyz, voxel_size)))
    weight = torch.bincount(voxel, minlength=len(keys)).to(torch.float64)
    offset = _mean(lifted.xyz, voxel, weight) - cell_centers(unpack_cells(keys), voxel_size)
    colors = _mean(rgb.reshape(-1, 3).index_select(0, lifted.pixel), voxel, weight) / 255.0
    features = {table.name: _mean_features(_on(table, device), lifted.pixel, voxel, weight) for table in tables}
    return FrameVoxels(keys, weight, weight, offset.to(torch.float32), colors.to(torch.float32), features)


def _on(table: TokenTable, device: torch.device) -> TokenTable:
    return replace(table, tokens=table.tokens.to(device), index=table.index.to(device), weight=table.weight.to(device))


def _group(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct keys, ascending, and which of them each key is.

    Neighbouring pixels mostly share a voxel: only one key a run has to be sorted.
    """
    run_keys, run = torch.unique_consecutive(keys, return_inverse=True)
    distinct, voxel_of_run = torch.unique(run_keys, return_inverse=True)
    return distinct, voxel_of_run.index_select(0, run)


def _mean(values: Tensor, voxel: Tensor, weight: Tensor) -> Tensor:
    """Average values (P, c) per voxel -> (V, c) float64."""
    sums = [torch.bincount(voxel, column.to(torch.float64), len(weight)) for column in values.unbind(dim=1)]
    return torch.stack(sums, dim=1) / weight[:, None]


def _mean_features(table: TokenTable, pixel: Tensor, voxel: Tensor, weight: Tensor) -> Tensor:
    """Average the features of pixels (P,) per voxel -> (V, D) float32; pixels without a token count as zero."""
    tokens = len(table.tokens)
    if tokens == 0:
        return table.tokens.new_zeros((len(weight), table.tokens.shape[1]))
    taps = table.index.shape[-1]
    index = table.index.reshape(-1, taps).index_select(0, pixel)
    share = table.weight.reshape(-1, taps).index_select(0, pixel)
    voxel, index, share = _join_runs(voxel, index, share)
    # Neighbouring rows of a voxel mostly share their tokens too: sorted, they join into few runs.
    order = torch.argsort(voxel * tokens + index[:, 0])
    voxel, index, share = _join_runs(voxel[order], index.index_select(0, order), share.index_select(0, order))
    share = share.masked_fill(index < 0, 0.0)
    pair, place = torch.unique(voxel[:, None] * tokens + index.clamp(min=0), return_inverse=True)
    share = torch.bincount(place.flatten(), share.flatten(), len(pair)).to(table.tokens.dtype)
    # Pairs are sorted by voxel: each voxel is a bag of weighted tokens.
    first = torch.searchsorted(pair, torch.arange(len(weight), device=pair.device) * tokens)
    sums: Tensor = embedding_bag(pair % tokens, table.tokens, first, mode="sum", per_sample_weights=share)
    return sums / weight[:, None].to(sums.dtype)


def _join_runs(voxel: Tensor, index: Tensor, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Join consecutive rows of the same voxel and tokens: (P,), (P, K), (P, K) -> (R,), (R, K), (R, K) float64."""
    changes = voxel[1:] != voxel[:-1]
    for tap in index.unbind(dim=1):
        changes |= tap[1:] != tap[:-1]
    run = torch.cat((changes.new_zeros(1), changes)).cumsum(dim=0)
    starts = torch.cat((changes.new_ones(1), changes)).nonzero().squeeze(1)
    sums = [torch.bincount(run, column.to(torch.float64), len(starts)) for column in share.unbind(dim=1)]
    return voxel[starts], index.index_select(0, starts).to(torch.int64), torch.stack(sums, dim=1)

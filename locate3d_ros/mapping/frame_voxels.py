"""One frame's points, averaged per voxel. Dense per-pixel features are never built.

A voxel's feature sum is a sparse matrix [voxels x tokens] times the token table: exact, and as small as the frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

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
    colors = _mean(rgb.reshape(-1, 3)[lifted.pixel], voxel, weight) / 255.0
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
    return distinct, voxel_of_run[run]


def _mean(values: Tensor, voxel: Tensor, weight: Tensor) -> Tensor:
    """Average values (P, c) per voxel -> (V, c) float64."""
    sums = [torch.bincount(voxel, column.to(torch.float64), len(weight)) for column in values.unbind(dim=1)]
    return torch.stack(sums, dim=1) / weight[:, None]


def _mean_features(table: TokenTable, pixel: Tensor, voxel: Tensor, weight: Tensor) -> Tensor:
    """Average the features of pixels (P,) per voxel -> (V, D) float32; pixels without a token count as zero."""
    taps = table.index.shape[-1]
    index = table.index.reshape(-1, taps)[pixel].to(torch.int64)
    share = table.weight.reshape(-1, taps)[pixel]
    voxel, index, share = _join_runs(voxel, index, share)
    used = index >= 0
    pair = (voxel[:, None] * len(table.tokens) + index)[used]
    pair, place = torch.unique(pair, return_inverse=True)
    share = torch.bincount(place, share[used], len(pair)).to(table.tokens.dtype)
    rows = torch.div(pair, len(table.tokens), rounding_mode="floor")
    where = torch.stack((rows, pair % len(table.tokens)))
    size = (len(weight), len(table.tokens))
    matrix = torch.sparse_coo_tensor(where, share, size, is_coalesced=True, check_invariants=False)
    sums: Tensor = torch.sparse.mm(matrix, table.tokens)
    return sums / weight[:, None].to(sums.dtype)


def _join_runs(voxel: Tensor, index: Tensor, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Join consecutive pixels of the same voxel and tokens: (P,), (P, K), (P, K) -> (R,), (R, K), (R, K) float64."""
    starts = torch.ones(len(voxel), dtype=torch.bool, device=voxel.device)
    starts[1:] = (voxel[1:] != voxel[:-1]) | (index[1:] != index[:-1]).any(dim=1)
    run = torch.cumsum(starts, dim=0) - 1
    count = int(starts.sum())
    sums = [torch.bincount(run, column.to(torch.float64), count) for column in share.unbind(dim=1)]
    return voxel[starts], index[starts], torch.stack(sums, dim=1)

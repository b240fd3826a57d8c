"""Parts of a snapshot, and snapshots on other devices."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from locate3d_ros.mapping.cells import cells_of_points, pack_cells
from locate3d_ros.types import FineCloud, MapSnapshot

COLUMNS = ("cells", "xyz", "rgb", "has_features", "weight", "last_seen")
"""The tensors of a snapshot with a row per voxel, features left out."""


def select(snapshot: MapSnapshot, kept: Tensor) -> MapSnapshot:
    """Return the snapshot with the voxels that are in kept [N] bool; its finer grid and views stay."""
    columns = {name: getattr(snapshot, name)[kept] for name in COLUMNS}
    return replace(snapshot, features={name: each[kept] for name, each in snapshot.features.items()}, **columns)


def select_fine(fine: FineCloud, kept: Tensor) -> FineCloud:
    """Return the points that are in kept [M] bool."""
    return FineCloud(fine.xyz[kept], fine.rgb[kept], fine.voxel_size)


def to_device(snapshot: MapSnapshot, device: torch.device) -> MapSnapshot:
    """Return the snapshot with its tensors on a device; views stay on the CPU."""
    if snapshot.cells.device == device:
        return snapshot
    columns = {name: getattr(snapshot, name).to(device) for name in COLUMNS}
    features = {name: each.to(device) for name, each in snapshot.features.items()}
    projections = {name: each.to(device) for name, each in snapshot.projections.items()}
    fine = FineCloud(snapshot.fine.xyz.to(device), snapshot.fine.rgb.to(device), snapshot.fine.voxel_size)
    return replace(snapshot, features=features, fine=fine, projections=projections, **columns)


def fine_cells(fine: FineCloud) -> Tensor:
    """Return the cells [M, 3] int64 of the finer grid's points."""
    return cells_of_points(fine.xyz, fine.voxel_size)


def is_among(cells: Tensor, others: Tensor) -> Tensor:
    """Return [N] bool: which of cells [N, 3] are among others [K, 3]."""
    return torch.isin(pack_cells(cells), pack_cells(others.to(cells.device)))

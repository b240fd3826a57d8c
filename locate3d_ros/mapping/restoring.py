"""A snapshot's voxels as a grid takes them in."""

from __future__ import annotations

import torch

from locate3d_ros.mapping.cells import cell_centers, cells_of_points, first_of_each, pack_cells
from locate3d_ros.mapping.frame_voxels import FrameVoxels
from locate3d_ros.types import FineCloud, MapSnapshot


def feature_voxels(snapshot: MapSnapshot, device: torch.device) -> FrameVoxels:
    """Return the snapshot's voxels. How many of a voxel's pixels brought features is not recorded: all count."""
    cells, weight = snapshot.cells.to(device), snapshot.weight.to(device, torch.float32)
    offset = snapshot.xyz.to(device) - cell_centers(cells, snapshot.voxel_size)
    features = {name: values.to(device, torch.float32) for name, values in snapshot.features.items()}
    return FrameVoxels(
        keys=pack_cells(cells),
        weight=weight,
        feature_weight=weight * snapshot.has_features.to(device),
        offset=offset.to(torch.float32),
        rgb=snapshot.rgb.to(device, torch.float32),
        features=features,
    )


def fine_voxels(cloud: FineCloud, device: torch.device) -> FrameVoxels:
    """Return the cloud's voxels, each with the weight of one pixel: what is seen again soon replaces it."""
    xyz = cloud.xyz.to(device, torch.float64)
    cells = cells_of_points(xyz, cloud.voxel_size)
    keys = pack_cells(cells)
    # Rounding to float32 can move a point of a very large map into the next cell.
    kept = first_of_each(keys)
    weight = torch.ones(int(kept.sum()), device=device)
    offset = (xyz - cell_centers(cells, cloud.voxel_size)).to(torch.float32)
    rgb = cloud.rgb.to(device, torch.float32)
    return FrameVoxels(keys[kept], weight, torch.zeros_like(weight), offset[kept], rgb[kept], {})

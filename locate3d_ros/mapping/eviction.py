"""What leaves a full map: the blocks farthest from the camera; of those equally far, those not seen for longest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from locate3d_ros.mapping.cells import BLOCK_EDGE, unpack_blocks
from locate3d_ros.mapping.grid_memory import bytes_per_row
from locate3d_ros.mapping.row_pool import NO_ROW
from locate3d_ros.mapping.voxel_grid import VoxelGrid

KEPT_SHARE = 0.7
"""Of the bound, once it is reached: so that blocks leave seldom, and many at once."""
LARGEST_SHARE = 0.75
"""Of the bound that voxels and blocks may take before some leave; the rest is room for what the next frame adds."""
_RING = 1.0  # metres: blocks whose distance to the camera is alike to this are equally far


def used_bytes(grid: VoxelGrid) -> float:
    """Return the bytes of a grid's voxels and blocks, without room for more. Asks the device."""
    rows = grid.pool.count() * bytes_per_row(grid)
    features = grid.features.pool.count() * grid.features.bytes_per_row
    return rows + features + grid.blocks.count * grid.blocks.bytes_per_block


def blocks_to_leave(grids: Sequence[VoxelGrid], camera: Tensor, bound: float) -> list[Tensor]:
    """Return [B] bool for each grid: blocks to leave, so that the others take at most KEPT_SHARE of bound, bytes.

    camera (3,) float64 metres. Fine grids follow the first one: they lose what is as far as what it loses.
    """
    first = grids[0]
    total = sum(used_bytes(grid) for grid in grids)
    voxels = (first.blocks.rows != NO_ROW).sum(dim=1).to(torch.float64)
    cost = (voxels + 1.0) * total / (voxels.sum() + len(voxels))
    ring, seen = _far_and_old(first, camera)
    order = torch.argsort(seen, descending=True)
    order = order[torch.argsort(ring[order], stable=True)]
    kept = int((torch.cumsum(cost[order], dim=0) <= KEPT_SHARE * bound).sum())
    if kept == len(order):
        return [torch.zeros(grid.blocks.count, dtype=torch.bool, device=camera.device) for grid in grids]
    limit_ring, limit_seen = ring[order[kept]], seen[order[kept]]
    leave = []
    for grid in grids:
        ring, seen = _far_and_old(grid, camera)
        leave.append((ring > limit_ring) | ((ring == limit_ring) & (seen <= limit_seen)))
    return leave


def _far_and_old(grid: VoxelGrid, camera: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far each block is [B], in rings around the camera, and when it was seen last [B], seconds."""
    middles = (unpack_blocks(grid.blocks.keys).to(torch.float64) + 0.5) * BLOCK_EDGE * grid.voxel_size
    distance = torch.linalg.vector_norm(middles - camera, dim=1)
    return torch.floor(distance / _RING), grid.blocks.last_seen

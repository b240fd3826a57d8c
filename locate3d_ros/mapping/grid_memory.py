"""What a grid takes of the memory, and what it would take after a frame."""

from __future__ import annotations

from locate3d_ros.mapping.voxel_grid import VoxelGrid


def bytes_per_row(grid: VoxelGrid) -> int:
    """Return the bytes of one voxel beside its features and its block."""
    return 2 + sum(column.element_size() * column.shape[1:].numel() for column in grid.columns.values())


def grid_bytes(grid: VoxelGrid) -> int:
    """Return the bytes of its tensors, without the rows that only snapshots still need."""
    shared = grid.pool.only_shared() * bytes_per_row(grid)
    shared += grid.features.pool.only_shared() * grid.features.bytes_per_row
    own = sum(column.nbytes for column in grid.columns.values())
    return own + grid.pool.nbytes + grid.features.nbytes + grid.blocks.nbytes - shared


def allocated(grid: VoxelGrid, blocks: int, rows: int, feature_rows: int) -> float:
    """Return the bytes of its tensors once they have taken in so many new blocks, rows and feature rows."""
    lacking = grid.pool.lacking(rows)
    room = grid.capacity_for(grid.pool.capacity + lacking) - grid.pool.capacity if lacking else 0
    features = grid.features.room_for(grid.features.pool.lacking(feature_rows))
    own = sum(column.nbytes for column in grid.columns.values()) + grid.pool.nbytes + room * bytes_per_row(grid)
    return own + grid.features.nbytes + features + grid.blocks.allocated(blocks)

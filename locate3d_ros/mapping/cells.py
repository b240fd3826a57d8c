"""Cells of a fixed grid, floor(p / voxel_size), the blocks of 8 x 8 x 8 cells they lie in, and their 64-bit keys."""

from __future__ import annotations

import torch
from torch import Tensor

_BITS = 21
_EDGE_BITS = 3
_BLOCK_BITS = _BITS - _EDGE_BITS
CELL_LIMIT = 1 << (_BITS - 1)
"""Cells reach from -CELL_LIMIT + 1 to CELL_LIMIT - 2 on every axis: 52 km either way at 5 cm."""
BLOCK_EDGE = 1 << _EDGE_BITS
"""Cells along the edge of a block."""
BLOCK_CELLS = BLOCK_EDGE**3
NO_CELL = (1 << 63) - 1
"""The key of no cell; it sorts behind every other."""


def cells_of_points(xyz: Tensor, voxel_size: float) -> Tensor:
    """Return the cells (n, 3) int64 of points (n, 3), metres."""
    return torch.floor(xyz.to(torch.float64) / voxel_size).to(torch.int64)


def cell_centers(cells: Tensor, voxel_size: float) -> Tensor:
    """Return the middles (n, 3) float64 of cells (n, 3), metres."""
    return (cells.to(torch.float64) + 0.5) * voxel_size


def pack_cells(cells: Tensor) -> Tensor:
    """Return keys (n,) int64 of cells (n, 3), block by block: a key's upper bits are its block's key."""
    shifted = cells.to(torch.int64) + CELL_LIMIT
    local = _join(shifted & (BLOCK_EDGE - 1), _EDGE_BITS)
    return (_join(shifted >> _EDGE_BITS, _BLOCK_BITS) << (3 * _EDGE_BITS)) | local


def unpack_cells(keys: Tensor) -> Tensor:
    """Return the cells (n, 3) int32 of keys (n,)."""
    return (blocks_of_keys(keys) * BLOCK_EDGE + _split(keys, _EDGE_BITS)).to(torch.int32)


def block_keys(keys: Tensor) -> Tensor:
    """Return the keys (n,) int64 of the blocks that the cells of keys (n,) lie in."""
    return keys >> (3 * _EDGE_BITS)


def cells_in_block(keys: Tensor) -> Tensor:
    """Return which of its block's cells (n,) int64 each key (n,) names, from 0 to BLOCK_CELLS - 1."""
    return keys & (BLOCK_CELLS - 1)


def blocks_of_keys(keys: Tensor) -> Tensor:
    """Return the blocks (n, 3) int64, floor(cell / BLOCK_EDGE), of cell keys (n,)."""
    return unpack_blocks(block_keys(keys))


def unpack_blocks(keys: Tensor) -> Tensor:
    """Return the blocks (n, 3) int64 of block keys (n,)."""
    return _split(keys, _BLOCK_BITS) - (CELL_LIMIT >> _EDGE_BITS)


def pack_blocks(blocks: Tensor) -> Tensor:
    """Return the block keys (n,) int64 of blocks (n, 3)."""
    return _join(blocks.to(torch.int64) + (CELL_LIMIT >> _EDGE_BITS), _BLOCK_BITS)


def blocks_of_cells(cells: Tensor) -> Tensor:
    """Return the blocks (n, 3) of cells (n, 3), in the cells' type."""
    return cells >> _EDGE_BITS


def first_of_each(keys: Tensor) -> Tensor:
    """Return (n,) bool: no earlier key is the same."""
    ordered, order = torch.sort(keys, stable=True)
    first = torch.ones_like(keys, dtype=torch.bool)
    first[order[1:]] = ordered[1:] != ordered[:-1]
    return first


def _join(xyz: Tensor, bits: int) -> Tensor:
    x, y, z = xyz.unbind(dim=1)
    return (x << (2 * bits)) | (y << bits) | z


def _split(keys: Tensor, bits: int) -> Tensor:
    mask = (1 << bits) - 1
    return torch.stack(((keys >> (2 * bits)) & mask, (keys >> bits) & mask, keys & mask), dim=1)

"""Which voxels 3D-JEPA hides. Source: MODEL_SPEC §20 (runs of the serialized order do best)."""

from __future__ import annotations

import torch
from torch import Tensor

from locate3d_ros.model.config import ORDERS
from locate3d_ros.model.serialization import bit_depth, curve_codes
from locate3d_ros.training.config import JepaConfig

MOST = 0.9  # of a scene: some context always stays


def hidden_voxels(cells: Tensor, config: JepaConfig, generator: torch.Generator) -> Tensor:
    """Return which of the cells (n, 3) int64 are hidden, (n,) bool: at least one, never all.

    `mask_count` masks of `mask_share` each; where they overlap fewer are hidden. Raises ValueError for n < 2.
    """
    n = len(cells)
    if n < 2:
        raise ValueError(f"hidden_voxels: {n} voxels; nothing would stay to predict from")
    size = min(max(1, round(config.mask_share * n)), n - 1)
    hidden = torch.zeros(n, dtype=torch.bool)
    for _ in range(config.mask_count):
        rows = _MASKS[config.mask](cells - cells.amin(dim=0), size, generator)
        joined = hidden.clone()
        joined[rows] = True
        if not bool(hidden.any()) or int(joined.sum()) <= MOST * n:
            hidden = joined
    return hidden


def run_of_curve(cells: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Return the rows (size,) of a contiguous run along one of the four curves, drawn at random."""
    curve = ORDERS[int(torch.randint(len(ORDERS), (1,), generator=generator))]
    order = curve_codes(cells, (curve,), bit_depth(cells))[0].argsort()
    start = int(torch.randint(len(cells) - size + 1, (1,), generator=generator))
    return order[start : start + size]


def random_voxels(cells: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Return rows (size,) drawn one by one."""
    return torch.randperm(len(cells), generator=generator)[:size]


def block_of_voxels(cells: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Return the rows (size,) nearest to a random voxel by the largest of three distances: a cube."""
    return _nearest(_away(cells, generator).abs().amax(dim=1).float(), size, generator)


def ball_of_voxels(cells: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Return the rows (size,) nearest to a random voxel: a ball."""
    return _nearest(_away(cells, generator).float().square().sum(dim=1), size, generator)


def _away(cells: Tensor, generator: torch.Generator) -> Tensor:
    return cells - cells[int(torch.randint(len(cells), (1,), generator=generator))]


def _nearest(distance: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Return the rows of the least distances; a random share breaks the ties of the grid."""
    return (distance + 1e-3 * torch.rand(len(distance), generator=generator)).topk(size, largest=False).indices


_MASKS = {"run": run_of_curve, "random": random_voxels, "block": block_of_voxels, "radius": ball_of_voxels}

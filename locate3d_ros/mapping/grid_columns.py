"""The columns of a grid, one row a voxel, and how means advance in them."""

from __future__ import annotations

import torch
from torch import Tensor


def deal(rows: Tensor, fresh: Tensor, others: Tensor) -> Tensor:
    """Return [n]: one of rows for each that is fresh [n] bool, and the others [n] where it is not."""
    if len(rows) == 0:
        return others
    nth = (fresh.cumsum(dim=0) - 1).clamp(min=0)
    return torch.where(fresh, rows.to(others.device)[nth], others)


def advance(before: Tensor, weight: Tensor, max_observations: int) -> tuple[Tensor, Tensor]:
    """Return the share [n, 1] that new values have in the mean, and the weight [n] of the new mean, float32.

    Weights are bounded by what `max_observations` such observations weigh: means follow the present.
    """
    if max_observations > 0:
        before = torch.minimum(before, weight * (max_observations - 1))
    total = before + weight
    return (weight / total.clamp(min=1e-12))[:, None], total


def empty_columns(device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return the columns of a grid without rows; offsets and colours are kept in `dtype`."""
    columns = {
        "key": torch.empty(0, dtype=torch.int64),
        "offset": torch.empty((0, 3), dtype=dtype),
        "rgb": torch.empty((0, 3), dtype=dtype),
        "weight": torch.empty(0, dtype=torch.float32),
        "feature_weight": torch.empty(0, dtype=torch.float32),
        "feature_row": torch.empty(0, dtype=torch.int32),
        "last_seen": torch.empty(0, dtype=torch.float64),
        "misses": torch.empty(0, dtype=torch.uint8),
        "missed_view": torch.empty(0, dtype=torch.int32),
    }
    return {name: column.to(device) for name, column in columns.items()}

"""The finer grid's points within feature voxels."""

from __future__ import annotations

import torch
from torch import Tensor

from locate3d_ros.types import MapSnapshot

_BITS = 21  # per axis in a packed cell


def fine_points(snapshot: MapSnapshot, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return xyz and rgb (p, 3) of the fine points in the masked voxels; the voxels' own where there are none."""
    fine = snapshot.fine
    cells = torch.floor(fine.xyz.double() / snapshot.voxel_size).long()
    inside = torch.isin(_packed(cells), _packed(snapshot.cells[mask].long()))
    if bool(inside.any()):
        return fine.xyz[inside], fine.rgb[inside]
    return snapshot.xyz[mask], snapshot.rgb[mask]


def _packed(cells: Tensor) -> Tensor:
    x, y, z = (cells + (1 << (_BITS - 1))).unbind(dim=1)
    return (x << (2 * _BITS)) | (y << _BITS) | z

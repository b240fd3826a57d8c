"""Which points of another camera's depth image the colour camera sees: a z-buffer with footprints."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from locate3d_ros.types import Intrinsics

MARGIN = 0.05
"""A point is hidden where another covers its pixel and is nearer by more than this share of its own depth."""
OVERLAP = 1.25
"""Footprints are this much wider than the spacing of depth pixels, so that rounding leaves no holes."""


def unoccluded(uv: Tensor, z: Tensor, intrinsics: Intrinsics, footprint: float) -> Tensor:
    """Return (P,) bool: no other point covers the pixel and is clearly nearer.

    uv (P, 2) pixels within the image; z (P,) > 0, metres, infinite for a point that is none; footprint: width of a
    depth pixel in colour pixels.
    A footprint covers the pixels whose centre lies in it, and always the one that the point falls on.
    """
    nearest = torch.full((intrinsics.height * intrinsics.width,), float("inf"), dtype=z.dtype, device=z.device)
    u, v = uv.unbind(dim=1)
    last = len(nearest) - 1
    own = nearest_pixel(u, v, intrinsics).clamp(0, last)
    nearest.scatter_reduce_(0, own, z, "amin")
    reach = footprint * OVERLAP / 2
    columns, rows = _covered(u, reach, intrinsics.width), _covered(v, reach, intrinsics.height)
    for row, in_row in rows:
        for column, in_column in columns:
            place = (row * intrinsics.width + column).clamp(0, last)
            nearest.scatter_reduce_(0, place, z.masked_fill(~(in_row & in_column), float("inf")), "amin")
    return z * (1 - MARGIN) <= nearest.index_select(0, own)


def nearest_pixel(u: Tensor, v: Tensor, intrinsics: Intrinsics) -> Tensor:
    """Return the flat indices (P,) int64 of the pixels that image points u, v (P,) fall on."""
    column, row = torch.floor(u + 0.5).to(torch.int64), torch.floor(v + 0.5).to(torch.int64)
    return row * intrinsics.width + column


def _covered(place: Tensor, reach: float, size: int) -> list[tuple[Tensor, Tensor]]:
    """Return, for each step along one axis, the covered pixels (P,) int64 and whether they are covered (P,) bool.

    The small tolerance keeps points that fall exactly on a pixel centre off its neighbours.
    """
    first = torch.ceil(place - reach + 1e-6).to(torch.int64)
    last = torch.floor(place + reach - 1e-6).to(torch.int64).clamp(max=size - 1)
    steps = [first + step for step in range(math.floor(2 * reach) + 1)]
    return [(pixel, (pixel >= 0) & (pixel <= last)) for pixel in steps]

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

    uv (P, 2) pixels within the image; z (P,) > 0, metres; footprint: width of a depth pixel in colour pixels.
    A footprint covers the pixels whose centre lies in it, and always the one that the point falls on.
    """
    nearest = torch.full((intrinsics.height * intrinsics.width,), float("inf"), dtype=z.dtype, device=z.device)
    reach = footprint * OVERLAP / 2
    own = torch.floor(uv + 0.5)
    nearest.scatter_reduce_(0, _flat(own, intrinsics), z, "amin")
    # The small tolerance keeps points that fall exactly on a pixel centre off its neighbours.
    first = torch.ceil(uv - reach + 1e-6)
    for step in range(math.floor(2 * reach) + 1):
        for other in range(math.floor(2 * reach) + 1):
            place = first + torch.tensor([step, other], dtype=uv.dtype, device=uv.device)
            covered = (place <= uv + reach - 1e-6).all(dim=1) & _inside(place, intrinsics)
            nearest.scatter_reduce_(0, _flat(place[covered], intrinsics), z[covered], "amin")
    return z * (1 - MARGIN) <= nearest[_flat(own, intrinsics)]


def _flat(place: Tensor, intrinsics: Intrinsics) -> Tensor:
    return (place[:, 1] * intrinsics.width + place[:, 0]).to(torch.int64)


def _inside(place: Tensor, intrinsics: Intrinsics) -> Tensor:
    size = torch.tensor([intrinsics.width, intrinsics.height], dtype=place.dtype, device=place.device)
    return ((place >= 0) & (place < size)).all(dim=1)

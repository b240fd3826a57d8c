"""Varies the points of proposals: other things of a kind are turned, stretched and painted otherwise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SHARE = 0.5  # of the points that are kept
STRETCH = 0.15  # standard deviation of an edge's factor
JITTER = 0.02  # metres per metre of reach
PAINT = 0.1  # standard deviation, L*a*b* / 100


def varied_points(points: Tensor) -> Tensor:
    """Keep some of the points (p, k, 9); turn, mirror, stretch and shake them, and paint each proposal anew."""
    count, drawn = len(points), torch.rand(points.shape[:2], device=points.device).argsort(dim=1)
    kept = drawn[:, : max(1, round(SHARE * points.shape[1])), None].expand(-1, -1, 9)
    left = points.gather(1, kept)
    place, normal, colour = left[..., :3], left[..., 3:6], left[..., 6:]
    turn = _turns(count).to(points)
    stretch = 1 + STRETCH * torch.randn(count, 1, 3).clamp(-2, 2).to(points)
    place = place @ turn * stretch
    place = place + JITTER * place.abs().amax(dim=(1, 2), keepdim=True) * torch.randn_like(place)
    return torch.cat((place, normal @ turn, colour + PAINT * torch.randn(count, 1, 3).to(points)), dim=2)


def _turns(count: int) -> Tensor:
    """Draw turns about the vertical, half of them mirrored (count, 3, 3)."""
    angle = 2 * math.pi * torch.rand(count)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    zero, one = torch.zeros(count), torch.ones(count)
    rows = (
        torch.stack((mirror * angle.cos(), angle.sin(), zero), dim=1),
        torch.stack((-mirror * angle.sin(), angle.cos(), zero), dim=1),
        torch.stack((zero, zero, one), dim=1),
    )
    return torch.stack(rows, dim=1)

"""The shape of a proposal, read from some of its points (the set encoder of PointNet, Qi et al., CVPR 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS = (64, 128)
AT_ONCE = 512  # proposals: a room's thousands would take half a gigabyte
LEAST_REACH = 0.02  # metres


class PointEmbedding(nn.Module):
    """Points of proposals -> vectors, whatever the points' order and the normals' signs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, second = WIDTHS
        self.points = nn.Sequential(
            nn.Linear(13, first),
            nn.LayerNorm(first),
            nn.GELU(),
            nn.Linear(first, second),
            nn.LayerNorm(second),
            nn.GELU(),
            nn.Linear(second, second),
        )
        self.pooled = nn.Sequential(nn.GELU(), nn.LayerNorm(2 * second), nn.Linear(2 * second, width))

    def forward(self, points: Tensor) -> Tensor:
        """Embed points (p, k, 9) as `localization.proposal_points` draws them -> (p, width)."""
        return torch.cat([self._read(some) for some in torch.split(points, AT_ONCE)])

    def _read(self, points: Tensor) -> Tensor:
        each = self.points(described(points))
        embedded: Tensor = self.pooled(torch.cat((each.amax(dim=1), each.mean(dim=1)), dim=1))
        return embedded


def described(points: Tensor) -> Tensor:
    """Return (p, k, 13): place in the proposal's reach, products of the normal's parts, colour, log of the reach."""
    place, normal, colour = points[..., :3], points[..., 3:6], points[..., 6:]
    reach = place.abs().amax(dim=(1, 2), keepdim=True).clamp(min=LEAST_REACH)
    products = torch.cat((normal.square(), normal * normal.roll(1, dims=2)), dim=2)
    return torch.cat((place / reach, products, colour, reach.log().expand(-1, points.shape[1], 1)), dim=2)

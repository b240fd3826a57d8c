"""What is measured of a proposal, and what can be read off it alone: how much it is a thing, and which.

Letters in shapes: p proposals, d width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from locate3d_ros.model.point_embedding import PointEmbedding
from locate3d_ros.model.proposal_config import ProposalDecoderConfig


@dataclass(frozen=True)
class ProposalInput:
    """What is measured of p proposals (see `localization.proposal_measures`)."""

    features: Tensor  # [p, feature_dim] mean map features
    meaning: Tensor  # [p, meaning_dim] sum of the class names' vectors, by how much each class stands out
    shape: Tensor  # [p, shape_dim]
    points: Tensor  # [p, k, 9]

    def rows(self, rows: Tensor) -> ProposalInput:
        """Return some proposals."""
        return ProposalInput(self.features[rows], self.meaning[rows], self.shape[rows], self.points[rows])

    def glanced(self, points: int) -> ProposalInput:
        """Return the first few points of each, by which to choose the ones that are looked at."""
        return ProposalInput(self.features, self.meaning, self.shape, self.points[:, :points])

    def full(self) -> ProposalInput:
        """Return the measures in full precision; they are stored in less."""
        return ProposalInput(self.features.float(), self.meaning.float(), self.shape.float(), self.points.float())


class ProposalEmbedding(nn.Module):
    """Measures of proposals -> vectors; and what can be read off a proposal alone."""

    shape_mean: Tensor  # [shape_dim]
    shape_scale: Tensor  # [shape_dim]

    def __init__(self, config: ProposalDecoderConfig) -> None:
        super().__init__()
        width, part = config.width, 96
        self.register_buffer("shape_mean", torch.zeros(config.shape_dim))
        self.register_buffer("shape_scale", torch.ones(config.shape_dim))
        self.features = nn.Sequential(nn.LayerNorm(config.feature_dim), nn.Linear(config.feature_dim, part))
        self.meaning = nn.Sequential(nn.LayerNorm(config.meaning_dim), nn.Linear(config.meaning_dim, part))
        self.shape = nn.Sequential(nn.Linear(config.shape_dim, part), nn.GELU(), nn.Linear(part, part))
        self.points = PointEmbedding(part)
        self.dropout = nn.Dropout(config.dropout)
        self.joined = nn.Sequential(
            nn.LayerNorm(4 * part),
            nn.Linear(4 * part, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, width),
            nn.LayerNorm(width),
        )
        self.objectness = nn.Linear(width, 1)
        self.name = nn.Linear(width, config.text_dim)
        self.name_scale = nn.Parameter(torch.tensor(2.5))

    def forward(self, proposals: ProposalInput) -> Tensor:
        """Embed proposals -> (p, d)."""
        shape = (proposals.shape - self.shape_mean) / self.shape_scale
        parts = (
            self.features(proposals.features),
            self.meaning(proposals.meaning),
            self.shape(shape),
            self.points(proposals.points),
        )
        embedded: Tensor = self.joined(self.dropout(torch.cat(parts, dim=1)))
        return embedded

    def things(self, embedded: Tensor) -> Tensor:
        """Return logits (p,) of the overlap with the nearest real object."""
        logits: Tensor = self.objectness(embedded)[:, 0]
        return logits

    def names(self, embedded: Tensor, vectors: Tensor) -> Tensor:
        """Return logits (p, c) of the names with these unit vectors (c, text_dim)."""
        logits: Tensor = functional.normalize(self.name(embedded), dim=1) @ vectors.T * self.name_scale.exp()
        return logits

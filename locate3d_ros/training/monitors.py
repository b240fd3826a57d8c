"""Whether features still tell places apart: two figures that fall when an encoder collapses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MOST_ROWS = 4096  # what the singular values are computed of


@torch.no_grad()
def feature_spread(features: Tensor) -> Tensor:
    """Return the mean standard deviation over rows of unit-length features (n, c), times sqrt(c).

    1 where all directions are used evenly, 0 where all rows are the same.
    """
    unit = functional.normalize(features.float(), dim=1)
    spread: Tensor = unit.std(dim=0, correction=0).mean() * features.shape[1] ** 0.5
    return spread


@torch.no_grad()
def effective_rank(features: Tensor) -> Tensor:
    """Return the effective rank of features (n, c), in [1, c]: exp of the entropy of the covariance's spectrum.

    Source: Roy and Vetterli 2007, on centred features; 1 where all rows are the same.
    """
    rows = features.float()[:: max(1, len(features) // MOST_ROWS)]
    singular = torch.linalg.svdvals(rows - rows.mean(dim=0))
    share = singular.square() / singular.square().sum().clamp(min=1e-12)
    rank: Tensor = torch.special.entr(share).sum().exp()
    return rank

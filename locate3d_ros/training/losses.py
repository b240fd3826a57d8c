"""The terms of the grounding loss, each pairwise (every query with every target) and matched. Source: MODEL_SPEC §20.

Letters in shapes: q queries, t targets, n points, c token columns. Logits are float32.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def token_costs(logits: Tensor, columns: Tensor) -> Tensor:
    """Return (q, t): mean cross-entropy of saying yes on a target's columns; logits (q, c), columns (t, c) bool."""
    wanted = columns.to(logits.dtype)
    return functional.softplus(-logits) @ (wanted / wanted.sum(dim=1, keepdim=True).clamp(min=1)).T


def mask_costs(logits: Tensor, masks: Tensor) -> Tensor:
    """Return (q, t): mean binary cross-entropy over the points; logits (q, n), masks (t, n) bool."""
    # softplus(x) is the loss where the mask is 0; it falls by x where the mask is 1.
    total = functional.softplus(logits).sum(dim=1, keepdim=True) - logits @ masks.to(logits.dtype).T
    return total / logits.shape[1]


def dice_costs(logits: Tensor, masks: Tensor) -> Tensor:
    """Return (q, t): 1 - Dice coefficient of the soft masks, smoothed by one point."""
    probability, wanted = logits.sigmoid(), masks.to(logits.dtype)
    overlap = 2 * probability @ wanted.T + 1
    return 1 - overlap / (probability.sum(dim=1)[:, None] + wanted.sum(dim=1)[None] + 1)


def box_costs(boxes: Tensor, targets: Tensor) -> Tensor:
    """Return (q, t): L1 distance of centres and sizes together, metres; boxes (q, 6), targets (t, 6) corners."""
    return (_center_size(boxes)[:, None] - _center_size(targets)[None]).abs().sum(dim=2)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return (n, m) in [-1, 1]: generalised IoU of boxes a (n, 6) with b (m, 6), corners (Rezatofighi et al. 2019)."""
    low, high = torch.maximum(a[:, None, :3], b[None, :, :3]), torch.minimum(a[:, None, 3:], b[None, :, 3:])
    intersection = (high - low).clamp(min=0).prod(dim=2)
    union = _volume(a)[:, None] + _volume(b)[None] - intersection
    hull_low, hull_high = torch.minimum(a[:, None, :3], b[None, :, :3]), torch.maximum(a[:, None, 3:], b[None, :, 3:])
    hull = (hull_high - hull_low).clamp(min=0).prod(dim=2)
    return intersection / union.clamp(min=1e-12) - (hull - union) / hull.clamp(min=1e-12)


def token_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Return the summed binary cross-entropy of logits (q, c) with wanted (q, c) bool."""
    return functional.binary_cross_entropy_with_logits(logits, wanted.to(logits.dtype), reduction="sum")


def _center_size(boxes: Tensor) -> Tensor:
    return torch.cat(((boxes[:, :3] + boxes[:, 3:]) / 2, boxes[:, 3:] - boxes[:, :3]), dim=1)


def _volume(boxes: Tensor) -> Tensor:
    return (boxes[:, 3:] - boxes[:, :3]).clamp(min=0).prod(dim=1)

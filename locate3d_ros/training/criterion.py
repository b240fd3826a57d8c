"""Which query answers which target, and the loss that follows. Source: MODEL_SPEC §20; Carion et al. 2020 (DETR)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from locate3d_ros.model.decoder import Prediction
from locate3d_ros.training.config import LossConfig
from locate3d_ros.training.losses import (
    box_costs,
    dice_costs,
    generalised_iou,
    mask_costs,
    token_costs,
    token_loss,
)


@dataclass(frozen=True)
class SentenceTargets:
    """What a sentence names in a scene; t = 0 where it names nothing that is there."""

    columns: Tensor  # [t, 77] bool: the token positions that mean each object
    masks: Tensor  # [t, n] bool
    boxes: Tensor  # [t, 6] corners, metres

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.boxes)

    def to(self, device: torch.device) -> SentenceTargets:
        """Return the targets on a device."""
        return SentenceTargets(self.columns.to(device), self.masks.to(device), self.boxes.to(device))


def pair_costs(prediction: Prediction, targets: SentenceTargets) -> dict[str, Tensor]:
    """Return every term for each query with each target, (q, t)."""
    masks, boxes = prediction.mask_logits.float(), prediction.boxes.float()
    return {
        "token": token_costs(prediction.token_logits.float(), targets.columns),
        "mask": mask_costs(masks, targets.masks),
        "dice": dice_costs(masks, targets.masks),
        "box": box_costs(boxes, targets.boxes),
        "giou": 1 - generalised_iou(boxes, targets.boxes),
    }


def weighted(terms: dict[str, Tensor], weights: LossConfig) -> Tensor:
    """Return the sum of the terms, each times its weight."""
    return torch.stack([getattr(weights, f"{name}_weight") * term for name, term in terms.items()]).sum(dim=0)


@torch.no_grad()
def match(costs: Tensor) -> tuple[Tensor, Tensor]:
    """Return queries and targets (k,) of the cheapest one-to-one matching of costs (q, t), k = min(q, t).

    Raises ValueError where a cost is not finite.
    """
    if not bool(torch.isfinite(costs).all()):
        raise ValueError("match: a cost is not finite")
    rows, columns = linear_sum_assignment(costs.cpu().numpy())
    return torch.as_tensor(rows, device=costs.device), torch.as_tensor(columns, device=costs.device)


def sentence_terms(prediction: Prediction, targets: SentenceTargets, weights: LossConfig) -> dict[str, Tensor]:
    """Return the loss terms of one layer's prediction for one sentence, summed over its targets.

    Matched queries are to say yes on their target's columns, all others no; without a target no query says yes, and
    the other terms are zero with a zero gradient.
    """
    costs = pair_costs(prediction, targets)
    total = weighted(costs, weights)
    if not bool(torch.isfinite(total).all()):
        return {name: cost.sum() for name, cost in costs.items()}  # the trainer stops at a loss that is not finite
    queries, objects = match(total)
    wanted = torch.zeros_like(prediction.token_logits, dtype=torch.bool)
    wanted[queries] = targets.columns[objects]
    nothing = 0.0 * (prediction.mask_logits.sum() + prediction.boxes.sum())
    terms = {name: cost[queries, objects].sum() + nothing for name, cost in costs.items() if name != "token"}
    return {"token": token_loss(prediction.token_logits.float(), wanted), **terms}


def grounding_terms(
    predictions: Sequence[Sequence[Prediction]], targets: Sequence[SentenceTargets], weights: LossConfig
) -> dict[str, Tensor]:
    """Return the terms summed over sentences and averaged over the decoder's layers (deep supervision).

    predictions[layer][sentence]; the caller divides by the number of targets of the whole step.
    """
    per_layer = [
        sentence_terms(prediction, target, weights)
        for layer in predictions
        for prediction, target in zip(layer, targets, strict=True)
    ]
    return {name: torch.stack([terms[name] for terms in per_layer]).sum() / len(predictions) for name in per_layer[0]}

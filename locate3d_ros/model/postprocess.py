"""Predictions -> instances, as the released code does it. Source: MODEL_SPEC §9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.model.decoder import Prediction

TOKEN_THRESHOLD = 0.5  # strict; on any of the 77 columns


@dataclass(frozen=True)
class PredictedInstance:
    """One query that stands for some words."""

    query: int
    tokens: tuple[int, ...]  # columns above the threshold, ascending
    confidence: float  # mean probability over exactly these columns
    mask: Tensor  # [n] probabilities
    box: Tensor | None  # [6] x0 y0 z0 x1 y1 z1, metres; None: the box around its mask


def to_instances(prediction: Prediction) -> list[PredictedInstance]:
    """Keep every query that any token column assigns, in ascending query order; no suppression, no limit."""
    probability = prediction.token_logits.float().sigmoid()
    assigned = probability > TOKEN_THRESHOLD
    instances = []
    for query in assigned.any(dim=1).nonzero()[:, 0].tolist():
        columns = assigned[query]
        instances.append(
            PredictedInstance(
                query=query,
                tokens=tuple(columns.nonzero()[:, 0].tolist()),
                confidence=float(probability[query][columns].mean()),
                mask=prediction.mask_logits[query].float().sigmoid(),
                box=prediction.boxes[query].float(),
            )
        )
    return instances


def joined_text(text: str, offsets: Sequence[tuple[int, int]], tokens: Sequence[int]) -> str:
    """Return the released code's text of an instance: its tokens' substrings without separators."""
    return "".join(text[slice(*offsets[t])] for t in tokens if t < len(offsets))


def phrase(text: str, offsets: Sequence[tuple[int, int]], tokens: Sequence[int]) -> str:
    """Return the source substring from an instance's first word to its last, with the spaces between them."""
    spans = [offsets[t] for t in tokens if t < len(offsets) and offsets[t][1] > offsets[t][0]]
    return text[min(start for start, _ in spans) : max(end for _, end in spans)] if spans else ""


def head_probability(prediction: Prediction, columns: Sequence[int]) -> Tensor:
    """Return each query's mean probability (q,) on the given token columns, those of the head noun."""
    return prediction.token_logits.float().sigmoid()[:, list(columns)].mean(dim=1) if columns else torch.zeros(0)

"""How well a proposal's class probabilities agree with a noun, through the likeness of words.

Log-probabilities are standardised over the scene's proposals: a class counts for a proposal where it is more probable
than elsewhere in the scene. Raw probabilities drown rare classes, and a dense map's probabilities are flat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SHARPNESS = 20.0  # of the softmax over the likeness to class names
REACH = 0.3  # classes less like the noun than the best by more than this do not count
UNRELATED = 0.35  # likeness of words that have nothing to do with one another
SAME = 0.75  # likeness of two names of one thing


@dataclass(frozen=True)
class ClassScores:
    """Class log-probabilities of P proposals, compared with the scene's other proposals and with other classes."""

    standardised: Tensor  # [P, C]
    places: Tensor  # [P, C] minus the logarithm of the place among a proposal's classes: 0 for the most probable


def standardise(log_probabilities: Tensor) -> ClassScores:
    """Standardise [P, C] over the proposals, class by class, and place the classes of each proposal."""
    centred = log_probabilities - log_probabilities.mean(dim=0, keepdim=True)
    deviation = centred.std(dim=0, correction=0, keepdim=True).clamp(min=1e-3)
    order = log_probabilities.argsort(dim=1, descending=True, stable=True)
    logarithms = -torch.arange(1, log_probabilities.shape[1] + 1).float().log()
    places = torch.empty_like(log_probabilities).scatter_(1, order, logarithms.expand_as(log_probabilities))
    return ClassScores(centred / deviation, places)


def class_weights(vectors: Tensor, name_vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Spread nouns [n, E] over the classes [C, E] -> weights [n, C] that sum to 1, trust [n] in [0, 1].

    Trust is how near the nearest class name is: a noun that no class is like has no class evidence.
    """
    likeness = vectors @ name_vectors.T
    best = likeness.max(dim=1, keepdim=True).values
    weights = torch.where(likeness > best - REACH, (SHARPNESS * likeness).exp(), torch.zeros_like(likeness))
    trust = ((best[:, 0] - UNRELATED) / (SAME - UNRELATED)).clamp(0.0, 1.0)
    return weights / weights.sum(dim=1, keepdim=True), trust


def class_evidence(weights: Tensor, trust: Tensor, scores: ClassScores | None, count: int) -> NDArray[np.float32]:
    """Return the evidence [n, count] for n nouns in the proposals; 0 = no more than elsewhere, or nothing known."""
    if scores is None:
        return np.zeros((len(weights), count), dtype=np.float32)
    return np.asarray((trust[:, None] * (weights @ scores.standardised.T)).numpy(), dtype=np.float32)


def class_places(weights: Tensor, scores: ClassScores | None, count: int) -> NDArray[np.float32]:
    """Return the mean places [n, count] of the classes of n nouns (weights (n, C)), as minus logarithms: 0 = first."""
    if scores is None:
        return np.zeros((len(weights), count), dtype=np.float32)
    return np.asarray((weights @ scores.places.T).numpy(), dtype=np.float32)

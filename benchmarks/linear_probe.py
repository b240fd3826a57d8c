"""A linear probe: how well a linear map of features tells classes apart that it was fitted to on other scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

DRAWS = 1000  # of the bootstrap
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # of the penalty on the squared weights, the best one is taken
FOLDS = 4


@dataclass(frozen=True)
class Rows:
    """Examples with the scenes that they are of."""

    features: Tensor  # [n, d] float32
    labels: Tensor  # [n] int64
    scenes: Tensor  # [n] int64


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval over scenes."""

    value: float
    low: float
    high: float


def probe(train: Rows, held_out: Rows, classes: int) -> Tensor:
    """Return the classes (n,) that the probe gives to the held-out rows.

    Features are standardised by the training rows; the penalty is the one that does best across folds of their scenes.
    """
    mean, spread = train.features.mean(dim=0), train.features.std(dim=0).clamp(min=1e-6)
    fitted = Rows((train.features - mean) / spread, train.labels, train.scenes)
    weights = fit(fitted, classes, best_strength(fitted, classes))
    return predict(weights, (held_out.features - mean) / spread)


def best_strength(rows: Rows, classes: int) -> float:
    """Return the penalty with the best mean recall on scenes that were left out, fold by fold."""
    fold = rows.scenes % FOLDS
    scores = []
    for strength in STRENGTHS:
        predicted = torch.zeros_like(rows.labels)
        for number in range(FOLDS):
            kept, left = fold != number, fold == number
            weights = fit(Rows(rows.features[kept], rows.labels[kept], rows.scenes[kept]), classes, strength)
            predicted[left] = predict(weights, rows.features[left])
        scores.append(mean_recall(confusion(predicted, rows.labels, classes)))
    return STRENGTHS[int(np.argmax(scores))]


def fit(rows: Rows, classes: int, strength: float) -> Tensor:
    """Return the weights (d + 1, classes) of a logistic regression in which every class counts alike."""
    count = torch.bincount(rows.labels, minlength=classes).float()
    share = torch.where(count > 0, 1 / (count.clamp(min=1) * (count > 0).sum()), 0.0)[rows.labels]
    weights = torch.zeros(rows.features.shape[1] + 1, classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        cross_entropy = functional.cross_entropy(_logits(weights, rows.features), rows.labels, reduction="none")
        value = (share * cross_entropy).sum() + strength * weights[:-1].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return weights.detach()


def predict(weights: Tensor, features: Tensor) -> Tensor:
    """Return the likeliest class (n,) of each row."""
    return _logits(weights, features).argmax(dim=1)


def confusion(predicted: Tensor, labels: Tensor, classes: int) -> np.ndarray:
    """Count (classes, classes): true class by row, predicted class by column."""
    return torch.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes).numpy()


def mean_recall(counts: np.ndarray) -> float:
    """Return the share of right answers of each class that occurs, averaged over the classes."""
    there = counts.sum(axis=1) > 0
    return float((counts.diagonal()[there] / counts.sum(axis=1)[there]).mean())


def macro_f1(counts: np.ndarray) -> float:
    """Return the F1 of each class that occurs, averaged over the classes."""
    there = counts.sum(axis=1) > 0
    return float((2 * counts.diagonal() / np.maximum(counts.sum(axis=0) + counts.sum(axis=1), 1))[there].mean())


def measured(
    score: Callable[[Sequence[np.ndarray]], float], predicted: Sequence[Tensor], rows: Rows, classes: int
) -> Measured:
    """Score the predictions of one or more probes of the same rows, with a bootstrap interval over the scenes."""
    scenes = torch.unique(rows.scenes)
    counts = np.stack(
        [
            np.stack([confusion(each[rows.scenes == s], rows.labels[rows.scenes == s], classes) for s in scenes])
            for each in predicted
        ]
    )  # [probes, scenes, classes, classes]
    rng = np.random.default_rng(0)
    drawn = [score(list(counts[:, rng.integers(len(scenes), size=len(scenes))].sum(axis=1))) for _ in range(DRAWS)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Measured(score(list(counts.sum(axis=1))), float(low), float(high))


def _logits(weights: Tensor, features: Tensor) -> Tensor:
    return features @ weights[:-1] + weights[-1]

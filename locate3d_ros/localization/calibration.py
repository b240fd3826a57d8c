"""From evidence to the probability that an answer is right: the score that requests are refused by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.combination import CalibrationWeights
from locate3d_ros.localization.phrase_scores import PhraseScores
from locate3d_ros.localization.suppression import distinct_best

Values = NDArray[np.float64]

CALIBRATION_NAMES = (
    "bias", "posterior", "evidence", "place", "trust", "size", "colour", "relation", "margin", "lead",
)  # fmt: skip
RIVALS = 10  # other answers that the margin is measured against
TWINS = 2  # other answers as good as the best one that do not make it doubtful: there may be three chairs


def calibrated(scores: PhraseScores, boxes: NDArray[np.float32], weights: CalibrationWeights) -> Values:
    """Return the probability (P,) that each proposal is what the phrase means."""
    return np.asarray(1.0 / (1.0 + np.exp(-calibration_features(scores, boxes) @ weight_vector(weights))))


def calibration_features(scores: PhraseScores, boxes: NDArray[np.float32]) -> Values:
    """Stack what the logistic model reads (P, 10), in the order of `weight_vector`."""
    noun = scores.noun
    count = len(scores.total)
    typical, first_other = _rivals(scores.total, boxes)
    columns = (
        np.ones(count),
        noun.posterior,
        noun.evidence,
        noun.place,
        np.full(count, noun.trust),
        noun.size,
        scores.colour,
        scores.relation,
        scores.total - typical,
        scores.total - first_other,
    )
    return np.stack(columns, axis=1).astype(np.float64)


def weight_vector(weights: CalibrationWeights) -> Values:
    """Return the weights in the order of the features."""
    return np.array([getattr(weights, name) for name in CALIBRATION_NAMES])


def _rivals(total: NDArray[np.float32], boxes: NDArray[np.float32]) -> tuple[float, float]:
    """Return the mean score of the best answers that are other things than the best one, and that of the n-th."""
    others = total[distinct_best(total, boxes, RIVALS + 1)[1:]]
    lowest = float(total.min(initial=0.0))
    if len(others) == 0:
        return lowest, lowest
    return float(others.mean()), float(others[min(TWINS, len(others) - 1)])

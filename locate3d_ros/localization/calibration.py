"""From evidence to the probability that an answer is right: the score that requests are refused by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.combination import CalibrationWeights
from locate3d_ros.localization.phrase_scores import PhraseScores
from locate3d_ros.localization.suppression import distinct_best

Values = NDArray[np.float64]

RIVALS = 10  # other answers that the margin is measured against


def calibrated(scores: PhraseScores, boxes: NDArray[np.float32], weights: CalibrationWeights) -> Values:
    """Return the probability (P,) that each proposal is what the phrase means."""
    return np.asarray(1.0 / (1.0 + np.exp(-calibration_features(scores, boxes) @ weight_vector(weights))))


def calibration_features(scores: PhraseScores, boxes: NDArray[np.float32]) -> Values:
    """Stack what the logistic model reads (P, 9), in the order of `weight_vector`."""
    noun = scores.noun
    count = len(scores.total)
    columns = (
        np.ones(count),
        noun.posterior,
        noun.evidence,
        noun.absolute,
        np.full(count, noun.trust),
        noun.size,
        scores.colour,
        scores.relation,
        scores.total - _typical_rival(scores.total, boxes),
    )
    return np.stack(columns, axis=1).astype(np.float64)


def weight_vector(weights: CalibrationWeights) -> Values:
    """Return the weights in the order of the features."""
    return np.array(
        [
            weights.bias,
            weights.posterior,
            weights.evidence,
            weights.absolute,
            weights.trust,
            weights.size,
            weights.colour,
            weights.relation,
            weights.margin,
        ]
    )


def _typical_rival(total: NDArray[np.float32], boxes: NDArray[np.float32]) -> float:
    """Return the mean score of the best answers that are other things than the best one."""
    best = distinct_best(total, boxes, RIVALS + 1)[1:]
    return float(total[best].mean()) if len(best) else float(total.min(initial=0.0))

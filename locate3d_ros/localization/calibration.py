"""From evidence to the probability that an answer is right: the score that requests are refused by.

What the logistic model reads are places and shares within the scene, for raw scores mean something else in every scene.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.combination import CalibrationWeights
from locate3d_ros.localization.phrase_scores import PhraseScores

Values = NDArray[np.float64]

CALIBRATION_NAMES = ("bias", "trust", "place", "best", "lead", "colour", "relation")
FALL = 0.5  # of an answer's log-probability per unit of log-score that it is behind the best one


def calibrated(scores: PhraseScores, weights: CalibrationWeights) -> Values:
    """Return the probability (P,) that each proposal is what the phrase means."""
    return np.exp(log_calibrated(scores, weights))


def log_calibrated(scores: PhraseScores, weights: CalibrationWeights) -> Values:
    """Return the logarithm (P,) of that probability."""
    behind = (scores.total - scores.total.max()).astype(np.float64)
    log_odds = calibration_features(scores) @ weight_vector(weights)
    return np.asarray(FALL * behind - np.logaddexp(0.0, -log_odds))


def calibration_features(scores: PhraseScores) -> Values:
    """Stack what the logistic model reads (P, 7), in the order of `weight_vector`."""
    noun, count = scores.noun, len(scores.total)
    columns = (
        np.ones(count),
        np.full(count, noun.trust),
        noun.place,
        np.full(count, noun.best),
        np.full(count, noun.lead),
        scores.colour,
        scores.relation,
    )
    return np.stack(columns, axis=1).astype(np.float64)


def weight_vector(weights: CalibrationWeights) -> Values:
    """Return the weights in the order of the features."""
    return np.array([getattr(weights, name) for name in CALIBRATION_NAMES])

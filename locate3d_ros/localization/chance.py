"""What chance does in a scene: how well the vocabulary's nouns do there, most of which name nothing in it.

Scores of a noun that is there and of one that is not are only told apart against this background. Large things have
fewer rivals than small ones in any scene, so that a noun is compared with nouns of about its own size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.lexicon.size_table import SizeEntry
from locate3d_ros.localization.suppression import distinct_best

Values = NDArray[np.float32]

TWINS = 2  # other answers as good as the best one that do not make it doubtful: there may be three chairs
SIZE_REACH = 0.5  # sigma of the logarithm of an edge within which nouns are of about one size
LEAST_SHARE = 0.02  # of the nouns: beyond it the tail is not known


@dataclass(frozen=True)
class Background:
    """How the V vocabulary entries do in one scene."""

    best: NDArray[np.float64]  # [V] best log-score
    lead: NDArray[np.float64]  # [V] of the best over other things, but for twins
    log_edges: NDArray[np.float64]  # [V, 3] of usual sizes


def measure_background(totals: Values, boxes: Values, entries: tuple[SizeEntry, ...]) -> Background:
    """Measure the entries' log-scores (V, P) in a scene's proposals (P, 6)."""
    best, lead = np.array([best_and_lead(row, boxes) for row in totals]).reshape(-1, 2).T
    edges = np.array([sorted((entry.height, entry.length, entry.width)) for entry in entries])
    return Background(best, lead, np.log(edges))


def best_and_lead(total: Values, boxes: Values) -> tuple[float, float]:
    """Return the best log-score (P,) and how far it is above other things', but for twins."""
    if len(total) == 0:
        return 0.0, 0.0
    ranked = distinct_best(total, boxes, TWINS + 2)
    return float(total[ranked[0]]), float(total[ranked[0]] - total[ranked[-1]])


def surprise(value: float, background: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return minus the logarithm of the weighed share of the background (V,) that is above a value; 0 for none."""
    total = float(weights.sum())
    if total < 1e-6:
        return 0.0
    return float(-np.log(max(float(weights[background > value].sum()) / total, LEAST_SHARE)))


def size_neighbours(background: Background, entry_weights: Values, rivalry: Values) -> NDArray[np.float64]:
    """Weigh the entries (V,) that are other things than a noun, by how near their size is to the noun's."""
    own = entry_weights @ background.log_edges
    distance = ((background.log_edges - own) ** 2).sum(axis=1)
    return np.asarray(np.exp(-0.5 * distance / SIZE_REACH**2) * rivalry, dtype=np.float64)

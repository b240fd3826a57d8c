"""What a noun's evidence adds up to in a proposal, before colours and relations: what nouns are compared by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.combination import RankWeights
from locate3d_ros.localization.cues import ProposalCues

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """Evidence of one noun (P,) or of several (n, P)."""

    evidence: Values
    place: Values
    size: Values
    support: Values


def thing_totals(noun: Evidence, cues: ProposalCues, weights: RankWeights) -> Values:
    """Add up the evidence and the cues of being a thing -> log-scores, shaped like the evidence."""
    things = cues.objectness() @ np.array([weights.isolation, weights.contrast, weights.filling], dtype=np.float32)
    total = weights.evidence * noun.evidence + weights.place * noun.place + things
    return np.asarray(total + weights.size * noun.size + weights.support * noun.support, dtype=np.float32)

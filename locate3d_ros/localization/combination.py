"""The few weights of the log-linear score and of its calibration, as `tools/calibrate_similarity.py` fitted them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

WEIGHTS_FILE = "similarity_weights.json"


@dataclass(frozen=True)
class NounWeights:
    """What a noun's evidence counts, each per unit of that evidence."""

    evidence: float  # standardised class log-probability
    size: float  # log-likelihood
    support: float  # log-likelihood


@dataclass(frozen=True)
class RankWeights:
    """What makes one proposal a better answer than another."""

    evidence: float  # as above; the noun's weights name things, these choose among proposals
    place: float  # of the noun among the proposal's classes
    size: float
    support: float
    posterior: float  # log-probability of the noun among its rivals
    isolation: float
    contrast: float
    filling: float
    colour: float  # log-likelihood of the named colours
    relation: float  # log-score of the relations
    order: float  # log-share of the candidates that the superlative puts behind


@dataclass(frozen=True)
class CalibrationWeights:
    """The logistic model that turns an answer's evidence into the probability that it is right."""

    bias: float
    trust: float  # how well the classifier knows the noun
    place: float  # of the noun among the proposal's classes
    best: float  # surprise at the score, against nouns of the same size in the same scene
    lead: float  # surprise at the lead over other things, likewise
    colour: float
    relation: float


@dataclass(frozen=True)
class SimilarityWeights:
    """All fitted numbers."""

    noun: NounWeights
    rank: RankWeights
    calibration: CalibrationWeights


@lru_cache(maxsize=1)
def load_weights() -> SimilarityWeights:
    """Read the weights that ship with the package."""
    return read_weights(Path(str(files("locate3d_ros.localization").joinpath(WEIGHTS_FILE))))


def read_weights(path: Path) -> SimilarityWeights:
    """Read a weights file; what it says about its making is left aside."""
    table = json.loads(path.read_text(encoding="utf-8"))
    return SimilarityWeights(
        NounWeights(**table["noun"]), RankWeights(**table["rank"]), CalibrationWeights(**table["calibration"])
    )

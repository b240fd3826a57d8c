"""How well every proposal answers a noun phrase: noun, colours, thing-likeness, relations and superlatives together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.colours import colour_log_likelihood
from locate3d_ros.localization.combination import RankWeights, SimilarityWeights
from locate3d_ros.localization.noun_scores import NounScores, score_noun
from locate3d_ros.localization.query_types import NounPhrase
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.vocabulary import Vocabulary

Values = NDArray[np.float32]

RANK_NAMES = (
    "evidence", "place", "size", "support", "posterior", "colour", "relation", "order",
    "isolation", "contrast", "filling",
)  # fmt: skip


@dataclass(frozen=True)
class PhraseScores:
    """Evidence for one noun phrase in P proposals and the log-linear score it adds up to."""

    noun: NounScores
    colour: Values  # [P] log-likelihood of the named colours, at most 0
    relation: Values  # [P] log-score of the relations, at most 0
    order: Values  # [P] log-share of the candidates that the superlative puts behind, at most 0
    total: Values  # [P]


def score_phrase(
    scene: SimilarityScene, phrase: NounPhrase, vocabulary: Vocabulary, weights: SimilarityWeights
) -> PhraseScores:
    """Score a phrase by itself, without its relations and superlative."""
    noun = score_noun(scene, None if phrase.is_generic else vocabulary.noun(phrase.head), weights)
    fit = colour_log_likelihood(phrase.colours, scene.colours, phrase.excluded_colours, phrase.materials)
    colour = np.asarray(fit.numpy(), dtype=np.float32)
    zero = np.zeros(len(scene), dtype=np.float32)
    return summed(scene, PhraseScores(noun, colour, zero, zero, zero), weights.rank)


def summed(scene: SimilarityScene, scores: PhraseScores, weights: RankWeights) -> PhraseScores:
    """Return the scores with their weighted total."""
    total = rank_features(scene, scores) @ rank_vector(weights)
    return replace(scores, total=np.asarray(total, dtype=np.float32))


def rank_features(scene: SimilarityScene, scores: PhraseScores) -> Values:
    """Stack what the log-linear score adds up (P, 11), in the order of `rank_vector`."""
    noun = scores.noun
    columns = (
        noun.evidence,
        noun.place,
        noun.size,
        noun.support,
        noun.posterior,
        scores.colour,
        scores.relation,
        scores.order,
    )
    return np.concatenate((np.stack(columns, axis=1), scene.cues.objectness()), axis=1)


def rank_vector(weights: RankWeights) -> Values:
    """Return the weights in the order of the features."""
    return np.array([getattr(weights, name) for name in RANK_NAMES], dtype=np.float32)

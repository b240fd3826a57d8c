"""How well every proposal answers a noun phrase: noun, colours, thing-likeness, relations and superlatives together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.combination import RankWeights, SimilarityWeights
from locate3d_ros.localization.noun_scores import NounScores, score_noun
from locate3d_ros.localization.query_types import NounPhrase
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.vocabulary import Vocabulary

Values = NDArray[np.float32]


@dataclass(frozen=True)
class PhraseScores:
    """Evidence for one noun phrase in P proposals and the log-linear score it adds up to."""

    noun: NounScores
    colour: Values  # [P] log-share of the named colours, at most 0
    relation: Values  # [P] log-score of the relations, at most 0
    order: Values  # [P] log-share of the candidates that the superlative puts behind, at most 0
    total: Values  # [P]


def score_phrase(
    scene: SimilarityScene, phrase: NounPhrase, vocabulary: Vocabulary, weights: SimilarityWeights
) -> PhraseScores:
    """Score a phrase by itself, without its relations and superlative."""
    noun = score_noun(scene, None if phrase.is_generic else vocabulary.noun(phrase.head), weights.noun)
    zero = np.zeros(len(scene), dtype=np.float32)
    return summed(scene, PhraseScores(noun, zero, zero, zero, zero), weights.rank)


def summed(scene: SimilarityScene, scores: PhraseScores, weights: RankWeights) -> PhraseScores:
    """Return the scores with their weighted total."""
    things = np.array([weights.isolation, weights.contrast, weights.filling])
    total = weights.noun * scores.noun.total + weights.posterior * scores.noun.posterior
    total = total + scene.cues.objectness() @ things + weights.colour * scores.colour
    total = total + weights.relation * scores.relation + weights.order * scores.order
    return replace(scores, total=np.asarray(total, dtype=np.float32))

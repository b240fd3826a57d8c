"""How well every proposal answers a whole request: its noun phrase, its superlative, and how it lies to its anchors."""

from __future__ import annotations

from dataclasses import dataclass

from locate3d_ros.localization.combination import SimilarityWeights
from locate3d_ros.localization.phrase_scores import PhraseScores, score_phrase
from locate3d_ros.localization.query_types import NounPhrase, Query
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.vocabulary import Vocabulary


@dataclass(frozen=True)
class RequestScores:
    """The target's scores and those of every anchor that the request names."""

    target: PhraseScores
    anchors: tuple[tuple[NounPhrase, PhraseScores], ...] = ()


def score_request(
    scene: SimilarityScene, query: Query, vocabulary: Vocabulary, weights: SimilarityWeights
) -> RequestScores:
    """Score the proposals of a scene for a parsed request."""
    return RequestScores(score_phrase(scene, query.target, vocabulary, weights))

"""How well every proposal answers a whole request: its noun phrase, its superlative, and how it lies to its anchors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from locate3d_ros.localization.anchors import Anchor, likely_places, structure_places
from locate3d_ros.localization.combination import SimilarityWeights
from locate3d_ros.localization.order_evidence import VIEWER_ORDERS, open_contest, order_evidence
from locate3d_ros.localization.phrase_scores import PhraseScores, score_phrase, summed
from locate3d_ros.localization.query_types import NounPhrase, Query
from locate3d_ros.localization.relation_evidence import needs_viewpoint, relation_evidence
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.structure import STRUCTURE_WORDS
from locate3d_ros.localization.vocabulary import Vocabulary

MAX_DEPTH = 3  # anchors of anchors of anchors: deeper ones are left out


@dataclass(frozen=True)
class RequestScores:
    """The target's scores and the likely places of the anchors that its own relations name."""

    target: PhraseScores
    anchors: tuple[Anchor, ...]


class RequestScorer:
    """Scores requests about one scene."""

    def __init__(self, scene: SimilarityScene, vocabulary: Vocabulary, weights: SimilarityWeights) -> None:
        self._scene = scene
        self._vocabulary = vocabulary
        self._weights = weights

    def score(self, phrase: NounPhrase, depth: int = 0) -> RequestScores:
        """Score a phrase with everything that hangs on it."""
        alone = score_phrase(self._scene, phrase, self._vocabulary, self._weights)
        contest = open_contest(self._scene, alone.total)
        relation = np.zeros(len(self._scene), dtype=np.float32)
        anchors: list[Anchor] = []
        for each in phrase.relations if depth < MAX_DEPTH else ():
            places = [self._places(anchor, depth + 1) for anchor in each.anchors]
            relation += relation_evidence(self._scene, each, places, contest)
            anchors += places
        related = summed(self._scene, replace(alone, relation=relation), self._weights.rank)
        order = order_evidence(self._scene, phrase, open_contest(self._scene, related.total))
        return RequestScores(summed(self._scene, replace(related, order=order), self._weights.rank), tuple(anchors))

    def _places(self, phrase: NounPhrase, depth: int) -> Anchor:
        if phrase.head in STRUCTURE_WORDS:
            return structure_places(self._scene, phrase)
        return likely_places(self._scene, phrase, self.score(phrase, depth).target.total)


def viewpoint_words_ignored(scene: SimilarityScene, query: Query) -> bool:
    """Whether the request speaks from a viewpoint that is not known."""
    phrases = (query.target, *query.anchors)
    ranked = any(phrase.rank is not None and phrase.rank.order in VIEWER_ORDERS for phrase in phrases)
    return scene.viewpoint is None and (ranked or any(map(needs_viewpoint, query.all_relations)))

"""How well every proposal lies to the anchors of a relation, over all likely places of the anchors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from locate3d_ros.localization.anchors import Anchor
from locate3d_ros.localization.lexicon.kinds import RelationKind
from locate3d_ros.localization.order_evidence import Contest, ahead_score
from locate3d_ros.localization.query_types import NounPhrase, Relation
from locate3d_ros.localization.relations import VIEWER_KINDS, between_score, box_gap, corner_score, relation_score
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.structure import FLOOR_WORDS, WALL_WORDS

LEAST = 0.02  # score of a relation that does not hold: boxes err
RANKING = frozenset({RelationKind.NEAREST, RelationKind.FARTHEST})
TOUCHING = frozenset({RelationKind.ON, RelationKind.AGAINST, RelationKind.NEXT_TO, RelationKind.IN})
OFF_FLOOR = 0.12  # metres above the floor at which a thing is hardly on it


def needs_viewpoint(relation: Relation) -> bool:
    """Whether only a camera pose can tell if the relation holds."""
    return relation.kind in VIEWER_KINDS or (not relation.anchors and relation.kind is not RelationKind.IN_CORNER)


def relation_evidence(
    scene: SimilarityScene, relation: Relation, anchors: Sequence[Anchor], contest: Contest
) -> NDArray[np.float32]:
    """Return the log-score (P,) of a relation, at most 0; `contest`: who else is meant, for nearest and farthest."""
    boxes = torch.from_numpy(scene.proposals.boxes)
    if needs_viewpoint(relation) and scene.viewpoint is None:
        return np.zeros(len(scene), dtype=np.float32)
    holds = _holds(scene, relation, anchors, boxes, contest)
    holds = 1.0 - holds if relation.negated else holds
    return np.asarray(holds.clamp(LEAST, 1.0).log().numpy(), dtype=np.float32)


def _holds(
    scene: SimilarityScene, relation: Relation, anchors: Sequence[Anchor], boxes: Tensor, contest: Contest
) -> Tensor:
    """Return the probability-like score (P,) that a relation holds."""
    if relation.kind is RelationKind.IN_CORNER:
        return corner_score(boxes, scene.bounds)
    places = [anchor for anchor in anchors if len(anchor.boxes)]
    if not relation.anchors and scene.viewpoint is not None:
        places = [_viewer(scene.viewpoint)]
    if not places:
        return torch.ones(len(boxes))
    if relation.kind is RelationKind.BETWEEN:
        return _between(boxes, places)
    scores = torch.ones(len(boxes))
    for anchor in places:
        scores = scores * _to_anchor(scene, relation, anchor, boxes, contest)
    return scores


def _to_anchor(scene: SimilarityScene, relation: Relation, anchor: Anchor, boxes: Tensor, contest: Contest) -> Tensor:
    if anchor.phrase.head in FLOOR_WORDS and relation.kind in TOUCHING:
        return torch.exp(-torch.from_numpy(scene.cues.bottom / OFF_FLOOR).clamp(min=0.0).square())
    if anchor.phrase.head in WALL_WORDS and relation.kind in TOUCHING:
        return torch.from_numpy(scene.cues.by_wall)
    if relation.kind in RANKING:
        sign = 1.0 if relation.kind is RelationKind.NEAREST else -1.0
        distance = (box_gap(boxes, anchor.boxes) @ anchor.weights).numpy()
        return torch.from_numpy(ahead_score(contest, -sign * distance, relation.index))
    if relation.inverse:
        return relation_score(relation.kind, anchor.boxes, boxes, scene.viewpoint).T @ anchor.weights
    return relation_score(relation.kind, boxes, anchor.boxes, scene.viewpoint) @ anchor.weights


def _between(boxes: Tensor, places: Sequence[Anchor]) -> Tensor:
    first, second = places[0], places[-1]
    weights = first.weights[:, None] * second.weights[None]
    if first is second:
        weights = weights * (1.0 - torch.eye(len(first.weights)))
        weights = weights / weights.sum().clamp(min=1e-6)
    return (between_score(boxes, first.boxes, second.boxes) * weights).sum(dim=(1, 2))


def _viewer(viewpoint: Tensor) -> Anchor:
    """Stand the viewer in as an anchor without extent."""
    eye = viewpoint[:3, 3].float()
    return Anchor(NounPhrase("viewer", "viewer"), torch.cat((eye, eye))[None], torch.ones(1), ())

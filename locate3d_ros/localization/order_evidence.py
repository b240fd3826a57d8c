"""Superlatives and size words: who is ahead of whom among the things that the words may mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.lexicon.kinds import Order
from locate3d_ros.localization.query_types import NounPhrase
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.suppression import distinct_best, same_thing

Values = NDArray[np.float32]

CONTESTANTS = 12
LEAST = 0.02  # score of a thing that many others are ahead of
SIZE_WORD_SHARE = 0.3  # a small mug need not be the smallest
VIEWER_ORDERS = frozenset({Order.LEFT, Order.RIGHT, Order.NEAR, Order.FAR})
SIZE_WORD_ORDERS = {
    "small": Order.SMALL, "little": Order.SMALL, "tiny": Order.SMALL, "mini": Order.SMALL, "compact": Order.SMALL,
    "miniature": Order.SMALL, "smaller": Order.SMALL, "big": Order.LARGE, "large": Order.LARGE, "huge": Order.LARGE,
    "giant": Order.LARGE, "bulky": Order.LARGE, "bigger": Order.LARGE, "larger": Order.LARGE, "tall": Order.TALL,
    "taller": Order.TALL, "high": Order.TALL, "short": Order.SHORT, "shorter": Order.SHORT, "low": Order.SHORT,
    "long": Order.LONG, "longer": Order.LONG, "wide": Order.WIDE, "wider": Order.WIDE, "narrow": Order.NARROW,
    "thin": Order.NARROW, "thinner": Order.NARROW, "slim": Order.NARROW,
}  # fmt: skip


@dataclass(frozen=True)
class Contest:
    """The distinct best answers so far, against which every proposal is compared."""

    rows: tuple[int, ...]  # [k] proposals
    credible: NDArray[np.float64]  # [P, k] in [0, 1]: how likely each is meant, against the proposal; 0 = same thing


def open_contest(scene: SimilarityScene, total: Values) -> Contest:
    """Let the best distinct proposals by log-score (P,) compete."""
    rows = distinct_best(total, scene.proposals.boxes, CONTESTANTS)
    credible = np.exp(np.minimum(total[rows][None] - total[:, None], 0.0).astype(np.float64))
    for place, row in enumerate(rows):
        credible[same_thing(scene.proposals.boxes[row], scene.proposals.boxes), place] = 0.0
    return Contest(tuple(rows), credible)


def ahead_score(contest: Contest, values: NDArray[np.floating], index: int = 1) -> Values:
    """Score (P,) in (0, 1] being the index-th largest of the contest by values (P,)."""
    ahead = values[list(contest.rows)][None] > values[:, None]
    count = (contest.credible * ahead).sum(axis=1)
    return np.asarray(np.maximum(np.exp(-((count - (index - 1)) ** 2)), LEAST), dtype=np.float32)


def order_evidence(scene: SimilarityScene, phrase: NounPhrase, contest: Contest) -> Values:
    """Return the log-score (P,) of a phrase's superlative and size words, at most 0."""
    evidence = np.zeros(len(scene), dtype=np.float32)
    if phrase.rank is not None and phrase.rank.order is not None:
        values = order_values(scene, phrase.rank.order, contest)
        if values is not None:
            evidence += np.log(ahead_score(contest, values, phrase.rank.index))
    for word in phrase.size_words:
        if word in SIZE_WORD_ORDERS:
            values = order_values(scene, SIZE_WORD_ORDERS[word], contest)
            if values is not None:
                evidence += SIZE_WORD_SHARE * np.log(ahead_score(contest, values))
    return evidence


def order_values(scene: SimilarityScene, order: Order, contest: Contest) -> Values | None:
    """Return what the order ranks by (P,), the first has most; None where it needs a viewpoint that is not known."""
    boxes = scene.proposals.boxes
    if order in VIEWER_ORDERS:
        return _seen_values(scene, order)
    if order is Order.MIDDLE:
        centres = (boxes[:, :3] + boxes[:, 3:]) / 2
        return np.asarray(-np.linalg.norm(centres - np.median(centres[list(contest.rows)], axis=0), axis=1))
    edges = boxes[:, 3:] - boxes[:, :3]
    flat = edges[:, :2].max(axis=1)
    table = {
        Order.HIGH: boxes[:, 5], Order.LOW: -boxes[:, 2], Order.LARGE: edges.prod(axis=1),
        Order.SMALL: -edges.prod(axis=1), Order.TALL: edges[:, 2], Order.SHORT: -edges[:, 2],
        Order.LONG: flat, Order.WIDE: flat, Order.NARROW: -edges[:, :2].min(axis=1),
    }  # fmt: skip
    return np.asarray(table[order], dtype=np.float32)


def _seen_values(scene: SimilarityScene, order: Order) -> Values | None:
    if scene.viewpoint is None:
        return None
    T = scene.viewpoint.numpy()
    centres = (scene.proposals.boxes[:, :3] + scene.proposals.boxes[:, 3:]) / 2
    seen = (centres - T[:3, 3]) @ T[:3, :3]
    distance = np.linalg.norm(seen, axis=1)
    bearing = np.arctan2(seen[:, 0], seen[:, 2])
    values = {Order.LEFT: -bearing, Order.RIGHT: bearing, Order.NEAR: -distance, Order.FAR: distance}[order]
    return np.asarray(values, dtype=np.float32)

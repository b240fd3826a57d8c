"""Keeps the best of several regions that show the same thing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_IOU = 0.25  # boxes that share more are the same thing …
MAX_INSIDE = 0.7  # … and so is a box with more than this share of itself in the other


def distinct_best(scores: NDArray[np.float32], boxes: NDArray[np.float32], count: int) -> list[int]:
    """Return up to `count` proposals (P,), best first, none of which shows what a better one shows."""
    order = np.argsort(-scores, kind="stable")
    chosen: list[int] = []
    alive = np.ones(len(order), dtype=bool)
    while len(chosen) < count and alive.any():
        best = int(order[np.argmax(alive[order])])
        chosen.append(best)
        alive &= ~same_thing(boxes[best], boxes)
        alive[best] = False
    return chosen


def same_thing(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which boxes (P, 6) show the same thing as one box (6,)."""
    size = np.maximum(np.minimum(box[3:], boxes[:, 3:]) - np.maximum(box[:3], boxes[:, :3]), 0.0)
    shared = size.prod(axis=1)
    own = (boxes[:, 3:] - boxes[:, :3]).prod(axis=1)
    mine = float((box[3:] - box[:3]).prod())
    iou = shared / np.maximum(own + mine - shared, 1e-12)
    return np.asarray((iou > MAX_IOU) | (shared > MAX_INSIDE * np.minimum(own, mine)))

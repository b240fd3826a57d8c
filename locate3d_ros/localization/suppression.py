"""Keeps the best of several regions that show the same thing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_IOU = 0.25  # boxes that share more are the same thing …
MAX_INSIDE = 0.7  # … and so is a box with more than this share of itself in the other


def distinct_best(scores: NDArray[np.float32], boxes: NDArray[np.float32], count: int) -> list[int]:
    """Return up to `count` proposals (P,), best first, none of which shows what a better one shows."""
    left = scores.astype(np.float64)
    chosen: list[int] = []
    while len(chosen) < count and len(left):
        best = int(np.argmax(left))
        if left[best] == -np.inf:
            break
        chosen.append(best)
        left[same_thing(boxes[best], boxes)] = -np.inf
        left[best] = -np.inf
    return chosen


def same_thing(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which boxes (P, 6) show the same thing as one box (6,)."""
    size = np.maximum(np.minimum(box[3:], boxes[:, 3:]) - np.maximum(box[:3], boxes[:, :3]), 0.0)
    shared = size[:, 0] * size[:, 1] * size[:, 2]
    edges = boxes[:, 3:] - boxes[:, :3]
    own = edges[:, 0] * edges[:, 1] * edges[:, 2]
    mine = float((box[3:] - box[:3]).prod())
    iou = shared / np.maximum(own + mine - shared, 1e-12)
    return np.asarray((iou > MAX_IOU) | (shared > MAX_INSIDE * np.minimum(own, mine)))

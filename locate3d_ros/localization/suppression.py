"""Keeps the best of several regions that show the same thing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from locate3d_ros.geometry.boxes import box_iou, thickened

COMPARED = 4  # times the wanted number that `thinned_best` looks at
NOISE = 0.04  # metres: two sheets nearer to one another are the same, as depth is no surer
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


def sure_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the IoU (n, m) of boxes (n, 6) and (m, 6), none of their edges shorter than depth is sure."""
    return box_iou(thickened(a, NOISE), thickened(b, NOISE))


def thinned_best(scores: Tensor, boxes: Tensor, count: int, max_iou: float) -> Tensor:
    """Return up to `count` rows of boxes (p, 6), best scores (p,) first, of two with a higher IoU the better one.

    Only the best few hundred are compared: what is far behind them would not be taken anyway.
    """
    order = scores.argsort(descending=True, stable=True)[: COMPARED * count]
    alike = (sure_iou(boxes[order], boxes[order]) > max_iou).numpy()
    alive = np.ones(len(order), dtype=bool)
    kept: list[int] = []
    for place in range(len(order)):
        if alive[place] and len(kept) < count:
            kept.append(place)
            alive &= ~alike[place]
    return order[kept]

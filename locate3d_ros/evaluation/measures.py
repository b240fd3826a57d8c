"""The measures of grounding: overlaps, the refusal curve, and how sure a figure is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from torch import Tensor

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

RESAMPLES = 1000
_LOW, _HIGH = 2.5, 97.5  # percentiles of a 95 % interval


def mask_iou(mask: Tensor, truth: Tensor) -> float:
    """Return the IoU of two voxel masks [N] bool; 0 where both are empty."""
    union = int((mask | truth).sum())
    return int((mask & truth).sum()) / union if union else 0.0


def auroc(present: Floats, absent: Floats) -> float | None:
    """Return the probability that a present thing scores above an absent one, ties counting half.

    None where there is none of either. 0.5 is chance.
    """
    if len(present) == 0 or len(absent) == 0:
        return None
    ranks = rankdata(np.concatenate((present, absent)))  # equal scores share the mean of their ranks
    wins = float(ranks[: len(present)].sum()) - len(present) * (len(present) + 1) / 2
    return wins / (len(present) * len(absent))


@dataclass(frozen=True)
class RefusalPoint:
    """What a least score does."""

    min_score: float
    answered_present: float  # share of requests about things that are there
    answered_absent: float  # share of requests about things that are not


def refusal_curve(present: Floats, absent: Floats, points: int = 51) -> list[RefusalPoint]:
    """Return the curve of answering against wrongly answering, from the highest score to the lowest.

    Its least scores are quantiles of all scores, at most `points`; empty where there is none of either kind.
    """
    if len(present) == 0 or len(absent) == 0:
        return []
    scores = np.unique(np.concatenate((present, absent)))
    if len(scores) > points:
        scores = np.unique(np.quantile(scores, np.linspace(0.0, 1.0, points), method="nearest"))
    return [
        RefusalPoint(float(score), float((present >= score).mean()), float((absent >= score).mean()))
        for score in scores[::-1]
    ]


class Resamples:
    """Bootstrap draws of sentences: scenes are drawn first, then sentences in them, for those of a scene are alike."""

    def __init__(self, scene_ids: Sequence[str], seed: int) -> None:
        """Draw, once for all figures, from sentences given by their scenes."""
        generator = np.random.default_rng(seed)
        _, scene = np.unique(np.array(scene_ids), return_inverse=True)
        scene = scene.reshape(-1)
        members = [np.flatnonzero(scene == number) for number in range(int(scene.max(initial=-1)) + 1)]
        self._draws = [_draw(members, generator) for _ in range(RESAMPLES)] if members else []

    def interval(self, figure: Callable[[Indices], float | None]) -> tuple[float, float] | None:
        """Return the 95 % interval of a figure of drawn rows; None where too few draws have one."""
        values = [value for value in (figure(rows) for rows in self._draws) if value is not None]
        if len(values) < RESAMPLES // 2:
            return None
        low, high = np.percentile(values, [_LOW, _HIGH])
        return float(low), float(high)


def _draw(members: Sequence[Indices], generator: np.random.Generator) -> Indices:
    chosen = generator.integers(0, len(members), len(members))
    return np.concatenate([generator.choice(members[scene], len(members[scene])) for scene in chosen])

"""From single outcomes to the figures of a table, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from locate3d_ros.evaluation.measures import Floats, Indices, RefusalPoint, Resamples, auroc, refusal_curve
from locate3d_ros.evaluation.outcomes import Outcome

MANY = 3  # distractors from which all counts are one row
LEAST = 5  # sentences: draws of fewer are too much alike to say how sure a figure is
Interval = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """A share or a mean, None where nothing can be measured."""

    value: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Group:
    """The sentences of one kind, or with so many distractors."""

    n: int
    acc25: Figure
    acc50: Figure


@dataclass(frozen=True)
class Summary:
    """All figures of one contestant."""

    name: str
    n: int  # sentences
    present: int  # of them about things that are there
    acc25: Figure  # of the best guess about present things, whatever its score
    acc50: Figure
    mask_iou: Figure
    found25: Figure  # present things that are answered, and rightly: a refusal is a miss
    answered: Figure  # present things that are answered at all
    refused: Figure  # absent things that are refused
    refusal_auroc: Figure
    refusal_roc: list[RefusalPoint]
    by_kind: dict[str, Group]
    by_distractors: dict[str, Group]
    seconds_per_request: float  # median
    seconds_p95: float
    seconds_to_prepare: float  # median over scenes
    min_score: float


@dataclass
class Record:
    """What one contestant did, scene after scene."""

    name: str
    outcomes: list[Outcome] = field(default_factory=list)
    preparing: list[float] = field(default_factory=list)  # seconds, per scene


def summarise(record: Record, min_score: float, seed: int) -> Summary:
    """Work out every figure; the same outcomes and seed give the same figures."""
    columns = _Columns(record.outcomes, min_score, Resamples([o.question.scene_id for o in record.outcomes], seed))
    everything = np.ones(len(record.outcomes), dtype=bool)
    kinds = sorted({o.question.kind for o in record.outcomes if o.question.present})
    named = np.array([o.question.kind for o in record.outcomes])
    counts = np.array([min(o.question.distractors, MANY) for o in record.outcomes], dtype=np.int64)
    whole = columns.group(everything)
    seconds = [o.seconds for o in record.outcomes]
    return Summary(
        name=record.name,
        n=len(record.outcomes),
        present=whole.n,
        acc25=whole.acc25,
        acc50=whole.acc50,
        mask_iou=columns.mean(columns.mask, np.isfinite(columns.mask)),
        found25=columns.mean(columns.answered * columns.right[:, 0], columns.present & columns.scored),
        answered=columns.mean(columns.answered, columns.present & columns.scored),
        refused=columns.mean(1.0 - columns.answered, ~columns.present & columns.scored),
        refusal_auroc=columns.auroc(),
        refusal_roc=refusal_curve(*columns.scores(columns.rows)),
        by_kind={kind: columns.group(named == kind) for kind in kinds},
        by_distractors={
            f"{count}{'+' if count == MANY else ''}": columns.group(counts == count)
            for count in sorted(set(counts[columns.present].tolist()))
        },
        seconds_per_request=float(np.median(seconds)),
        seconds_p95=float(np.percentile(seconds, 95)),
        seconds_to_prepare=float(np.median(record.preparing)),
        min_score=min_score,
    )


class _Columns:
    """Outcomes as columns [n], with the draws that intervals come from."""

    def __init__(self, outcomes: Sequence[Outcome], min_score: float, resamples: Resamples) -> None:
        self.present = np.array([o.question.present for o in outcomes], dtype=bool)
        self.right = np.array([o.right for o in outcomes]).reshape(-1, 2)
        self.mask = np.array([np.nan if o.mask_iou is None else o.mask_iou for o in outcomes])
        self.scored = np.array([o.score is not None for o in outcomes], dtype=bool)
        self.score = np.array([0.0 if o.score is None else o.score for o in outcomes])
        self.answered = (self.score >= min_score).astype(np.float64)
        self.rows: Indices = np.arange(len(outcomes))
        self._resamples = resamples

    def mean(self, values: Floats, chosen: np.ndarray) -> Figure:
        """Average the values [n] of the chosen rows [n]."""

        def of(rows: Indices) -> float | None:
            kept = rows[chosen[rows]]
            return float(values[kept].mean()) if len(kept) else None

        return self._figure(of, int(chosen.sum()))

    def group(self, members: np.ndarray) -> Group:
        """Measure the members [n] about present things."""
        chosen = members & self.present
        levels = [self.mean(column, chosen) for column in self.right.T]
        return Group(int(chosen.sum()), levels[0], levels[1])

    def scores(self, rows: Indices) -> tuple[Floats, Floats]:
        """Return the scores of present and of absent things."""
        rows = rows[self.scored[rows]]
        return self.score[rows[self.present[rows]]], self.score[rows[~self.present[rows]]]

    def auroc(self) -> Figure:
        """Measure how well scores tell present from absent things."""
        return self._figure(lambda rows: auroc(*self.scores(rows)), min(map(len, self.scores(self.rows))))

    def _figure(self, of: Callable[[Indices], float | None], count: int) -> Figure:
        """Measure, with an interval where the rows are enough for one."""
        return Figure(of(self.rows), self._resamples.interval(of) if count >= LEAST else None)

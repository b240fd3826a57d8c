"""What an annotation file of a data set holds: sentences, their scenes, and the samples that were wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from locate3d_ros.data.annotations.grounded_expression import GroundedExpression
from locate3d_ros.data.object_ids import DataSet

Corners = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class WrongSample:
    """A sample that was left out because it cannot be used."""

    file: str
    index: int  # of the sample in the file, from 0
    reason: str

    def __str__(self) -> str:
        """One line: file, index, reason."""
        return f"{self.file} sample {self.index}: {self.reason}"


@dataclass(frozen=True)
class SceneSource:
    """Which recording of which data set a scene id stands for."""

    data_set: DataSet
    scan: str  # the data set's own name
    positions: tuple[int, ...] | None = None  # the only frames shown to the annotator, in the recording's order


@dataclass(frozen=True)
class AnnotationSet:
    """Everything usable in a file, and an account of the rest."""

    expressions: tuple[GroundedExpression, ...]
    scenes: Mapping[str, SceneSource]  # by scene id
    wrong: tuple[WrongSample, ...] = ()
    left_out: int = 0  # usable samples that the field's protocol does not count
    boxes: Mapping[str, tuple[Corners, ...]] = field(default_factory=dict)  # by scene id; object i is at index i - 1
    names: Mapping[str, Mapping[int, str]] = field(default_factory=dict)  # by scene id and object id, where a box is


@dataclass(frozen=True)
class Summary:
    """Counts that a data set's description gives too."""

    samples: int
    scenes: int  # scene ids; parts of one recording count each
    scans: int  # recordings
    words: float  # per sentence
    objects: float  # mentioned per sentence, distinct
    plural_spans: int  # sentences in which some words mean several objects


def summarize(annotations: AnnotationSet) -> Summary:
    """Count a file's sentences and what they mention."""
    expressions = annotations.expressions
    count = max(1, len(expressions))
    words = sum(len([token for token in one.tokens if token]) for one in expressions)
    mentioned = sum(len({i for span in one.spans for i in span.object_ids}) for one in expressions)
    return Summary(
        samples=len(expressions),
        scenes=len({one.scene_id for one in expressions}),
        scans=len({annotations.scenes[one.scene_id].scan for one in expressions}),
        words=words / count,
        objects=mentioned / count,
        plural_spans=sum(any(len(span.object_ids) > 1 for span in one.spans) for one in expressions),
    )

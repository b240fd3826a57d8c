"""What a trained model must offer to answer requests, and how its instances become roles of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from locate3d_ros.localization.query_types import NounPhrase, Query
from locate3d_ros.types import MapSnapshot, Role

Span = tuple[int, int]  # characters [start, end)

EQUALLY_GOOD = 0.9  # share of the best head-noun probability above which another instance is as good a target


class Predicted(Protocol):
    """One instance as the model sees it."""

    @property
    def query(self) -> int:
        """Its learned query."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """The token positions that it stands for."""

    @property
    def confidence(self) -> float:
        """Mean probability on these tokens."""

    @property
    def mask(self) -> Tensor:
        """Probability (n,) of every voxel to be part of it."""

    @property
    def box(self) -> Tensor | None:
        """Corners (6,) x0 y0 z0 x1 y1 z1, metres; None where its mask's extent is its box."""


class Grounded(Protocol):
    """What the model says about one sentence."""

    @property
    def offsets(self) -> tuple[tuple[int, int], ...]:
        """Characters [start, end) of each token; (0, 0) for marks."""

    @property
    def probability(self) -> Tensor:
        """Probability [q, columns] of every query for every token position."""

    @property
    def instances(self) -> Sequence[Predicted]:
        """The instances, in query order."""


class Voxels(NamedTuple):
    """The part of a map that a model reads at once."""

    xyz: Tensor  # [n, 3] metres
    rgb: Tensor  # [n, 3] in [0, 1]
    features: Tensor  # [n, d]
    cells: Tensor  # [n, 3] int


class SceneModel(Protocol):
    """A trained model that encodes a scene once and grounds any number of sentences in it."""

    @property
    def name(self) -> str:
        """The model's name, as replies record it."""

    def features_of(self, snapshot: MapSnapshot) -> Tensor:
        """Join a map's slots (n, d) as the model was trained. Raises InputError for features that it does not know."""

    def encode(self, scene: Voxels, compact: bool) -> Any:  # noqa: ANN401 - opaque
        """Encode a scene; `compact` keeps little of it in memory and lets every sentence take a little longer."""

    def ground(self, encoding: Any, text: str) -> Grounded:  # noqa: ANN401 - what encode returned
        """Decode one sentence."""


@dataclass(frozen=True)
class Named:
    """An instance with the words that it stands for."""

    instance: Predicted
    phrase: str
    head: float  # mean probability on the target's head noun
    anchor: bool  # stands for the head noun of another phrase


def named_instances(grounded: Grounded, query: Query) -> list[Named]:
    """Return the instances with their words; those that stand for no word of the sentence are left out."""
    target, anchors = head_spans(query)
    head_columns = _columns(grounded.offsets, target)
    anchor_columns = {column for span in anchors for column in _columns(grounded.offsets, span)}
    named = []
    for instance in grounded.instances:
        phrase = _phrase(query.text, grounded.offsets, instance.tokens)
        if phrase:
            head = _mean(grounded.probability[instance.query], head_columns)
            named.append(Named(instance, phrase, head, bool(anchor_columns.intersection(instance.tokens))))
    return named


def roles(named: Sequence[Named]) -> list[Role]:
    """Say what each instance is to the sentence.

    The target is the one with the highest mean probability on the head noun's tokens, with it those nearly as high;
    anchors are the others whose words hold another phrase's head noun (DESIGN 5.4).
    """
    if not named:
        return []
    best = max(named, key=lambda each: (each.head, each.instance.confidence))
    return [_role(each, best) for each in named]


def _role(each: Named, best: Named) -> Role:
    if each is best or (not each.anchor and best.head > 0 and each.head >= EQUALLY_GOOD * best.head):
        return Role.TARGET
    return Role.ANCHOR if each.anchor else Role.OTHER


def head_spans(query: Query) -> tuple[Span, list[Span]]:
    """Return the characters of the target's head noun and of the anchors' in the sentence; (0, 0) for one not there.

    Phrases with the same words ("the chair next to the chair") are taken from left to right.
    """
    taken: list[Span] = []
    for phrase in (query.target, *query.anchors):
        taken.append(_head_span(query.text, phrase, taken))
    return taken[0], taken[1:]


def _head_span(text: str, phrase: NounPhrase, taken: Sequence[Span]) -> Span:
    start = text.find(phrase.text)
    while start >= 0:
        span = _within(text[start : start + len(phrase.text)], phrase.head, start)
        if not any(span[0] < end and span[1] > begin for begin, end in taken):
            return span
        start = text.find(phrase.text, start + 1)
    return (0, 0)


def _within(words: str, head: str, start: int) -> Span:
    """Find the head noun in a phrase that begins at `start`; its last word where the noun is spelled otherwise."""
    place = words.lower().rfind(head)
    if place >= 0:
        return start + place, start + place + len(head)
    last = words.split()[-1]  # an irregular plural: "shelves" of "shelf"
    place = words.rfind(last)
    return start + place, start + place + len(last)


def _columns(offsets: Sequence[Span], span: Span) -> list[int]:
    return [i for i, (start, end) in enumerate(offsets) if end > start and start < span[1] and end > span[0]]


def _phrase(text: str, offsets: Sequence[Span], tokens: Sequence[int]) -> str:
    """Return the source substring from an instance's first word to its last, with the spaces between them."""
    spans = [offsets[t] for t in tokens if t < len(offsets) and offsets[t][1] > offsets[t][0]]
    return text[min(start for start, _ in spans) : max(end for _, end in spans)] if spans else ""


def _mean(probability: Tensor, columns: Sequence[int]) -> float:
    inside = [column for column in columns if column < len(probability)]
    return float(probability[inside].mean()) if inside else 0.0

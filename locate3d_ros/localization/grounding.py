"""What a trained model must offer to answer requests, and how its instances become roles of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from locate3d_ros.localization.query_types import NounPhrase, Query
from locate3d_ros.types import MapSnapshot, Role

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
    def box(self) -> Tensor:
        """Corners (6,) x0 y0 z0 x1 y1 z1, metres."""


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


class SceneModel(Protocol):
    """A trained model that encodes a scene once and grounds any number of sentences in it."""

    @property
    def name(self) -> str:
        """The model's name, as replies record it."""

    def features_of(self, snapshot: MapSnapshot) -> Tensor:
        """Join a map's slots (n, d) as the model was trained. Raises InputError for features that it does not know."""

    def encode(self, xyz: Tensor, rgb: Tensor, features: Tensor, cells: Tensor) -> Any:  # noqa: ANN401 - opaque
        """Encode a scene."""

    def ground(self, encoding: Any, text: str) -> Grounded:  # noqa: ANN401 - what encode returned
        """Decode one sentence."""


@dataclass(frozen=True)
class Ranked:
    """An instance with what it is to the sentence."""

    instance: Predicted
    role: Role
    phrase: str
    head: float  # mean probability on the target's head noun


def rank_instances(grounded: Grounded, query: Query) -> list[Ranked]:
    """Give every instance its role and phrase, best target first; those that stand for no word are left out.

    The target is the instance with the highest mean probability on the head noun's tokens, with it those nearly as
    high; anchors are the instances whose words lie in another phrase of the sentence (DESIGN 5.4).
    """
    head_columns = _columns(grounded.offsets, head_span(query.text, query.target))
    anchor_columns = {c for phrase in query.anchors for c in _columns(grounded.offsets, head_span(query.text, phrase))}
    ranked = []
    for instance in grounded.instances:
        phrase = _phrase(query.text, grounded.offsets, instance.tokens)
        if phrase:
            head = _mean(grounded.probability[instance.query], head_columns)
            anchor = bool(anchor_columns.intersection(instance.tokens))
            ranked.append(Ranked(instance, Role.ANCHOR if anchor else Role.OTHER, phrase, head))
    ranked.sort(key=lambda each: -each.head)
    return [
        Ranked(each.instance, Role.TARGET, each.phrase, each.head) if _is_target(each, ranked[0]) else each
        for each in ranked
    ]


def head_span(text: str, phrase: NounPhrase) -> tuple[int, int]:
    """Return the characters [start, end) of a phrase's head noun in the sentence; of the phrase where it hides."""
    start = max(0, text.find(phrase.text))
    words = text[start : start + len(phrase.text)].lower()
    place = words.rfind(phrase.head)
    if place >= 0:
        return start + place, start + place + len(phrase.head)
    last = words.split()[-1] if words.split() else words  # an irregular plural: "shelves" of "shelf"
    place = words.rfind(last)
    return start + place, start + place + len(last)


def _is_target(each: Ranked, best: Ranked) -> bool:
    if each is best:
        return True
    return each.role is not Role.ANCHOR and best.head > 0 and each.head >= EQUALLY_GOOD * best.head


def _columns(offsets: Sequence[tuple[int, int]], span: tuple[int, int]) -> list[int]:
    return [i for i, (start, end) in enumerate(offsets) if end > start and start < span[1] and end > span[0]]


def _phrase(text: str, offsets: Sequence[tuple[int, int]], tokens: Sequence[int]) -> str:
    """Return the source substring from an instance's first word to its last, with the spaces between them."""
    spans = [offsets[t] for t in tokens if t < len(offsets) and offsets[t][1] > offsets[t][0]]
    return text[min(start for start, _ in spans) : max(end for _, end in spans)] if spans else ""


def _mean(probability: Tensor, columns: Sequence[int]) -> float:
    return float(probability[list(columns)].mean()) if columns else 0.0

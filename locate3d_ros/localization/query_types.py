"""What a request says: the object it names, how that looks, and how it lies to other objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from locate3d_ros.localization.lexicon.kinds import Order, RelationKind
from locate3d_ros.localization.lexicon.words import GENERIC_NOUNS


@dataclass(frozen=True)
class Rank:
    """Which one of several: the `index`-th by `order`, 1 = the most; order None: the words name no order."""

    order: Order | None
    index: int = 1


@dataclass(frozen=True)
class NounPhrase:
    """One object as the words describe it; all words in lower case, in the order of the text."""

    text: str  # the part of the request, spelled as there; "object" where the request names none
    head: str  # the noun or compound, in singular: "coffee table"
    colours: tuple[str, ...] = ()  # "red", "dark blue"
    excluded_colours: tuple[str, ...] = ()  # "that is not red"
    size_words: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()  # every other word before or after the head
    rank: Rank | None = None
    count: int | None = None  # "two chairs", "both"
    plural: bool = False
    relations: tuple[Relation, ...] = ()

    @property
    def is_generic(self) -> bool:
        """Whether the head names no class: "the red one", "what is on the table"."""
        return self.head in GENERIC_NOUNS


@dataclass(frozen=True)
class Relation:
    """How the phrase that holds it lies to its anchors.

    Several anchors: it holds to each of them; BETWEEN: it lies between them (one plural anchor: between two of those).
    No anchors: the viewer ("next to me"), for IN_CORNER any corner. `inverse`: the anchor lies so to the phrase's
    object ("a table with a lamp on it" is a table, ON inverse, lamp).
    """

    kind: RelationKind
    anchors: tuple[NounPhrase, ...]
    negated: bool = False
    inverse: bool = False
    index: int = 1  # NEAREST and FARTHEST: 2 = the second nearest


@dataclass(frozen=True)
class Query:
    """A parsed request. A relation hangs on the noun that it follows, so anchors can have relations of their own."""

    text: str
    target: NounPhrase

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The target's own relations."""
        return self.target.relations

    @property
    def anchors(self) -> tuple[NounPhrase, ...]:
        """Every other phrase of the request, in reading order."""
        return tuple(_anchors_below(self.target))

    @property
    def all_relations(self) -> tuple[Relation, ...]:
        """Every relation of the request, for the other reading: that all of them are about the target."""
        return self.relations + tuple(relation for anchor in self.anchors for relation in anchor.relations)


def _anchors_below(phrase: NounPhrase) -> Iterator[NounPhrase]:
    for relation in phrase.relations:
        for anchor in relation.anchors:
            yield anchor
            yield from _anchors_below(anchor)

"""Noun phrases and relations while a request is still being read."""

from __future__ import annotations

from dataclasses import dataclass, field

from locate3d_ros.localization.lexicon.kinds import RelationKind
from locate3d_ros.localization.lexicon.words import GENERIC_NOUNS
from locate3d_ros.localization.noun_phrase import WordSorter, head_text
from locate3d_ros.localization.query_types import NounPhrase, Rank, Relation


@dataclass
class PhraseDraft:
    """A noun phrase that is still being read."""

    text: str
    head: tuple[str, ...]
    sorter: WordSorter
    excluded: list[str] = field(default_factory=list)
    links: list[LinkDraft] = field(default_factory=list)

    @property
    def is_generic(self) -> bool:
        """Whether the head names no class, or there is none yet."""
        return not self.head or self.head[-1] in GENERIC_NOUNS


@dataclass
class LinkDraft:
    """A relation that is still being read."""

    kind: RelationKind
    subject: PhraseDraft
    negated: bool = False
    inverse: bool = False
    anchors: list[PhraseDraft] = field(default_factory=list)
    index: int = 1
    is_viewer: bool = False


def finish_phrase(phrase: PhraseDraft) -> NounPhrase:
    """Return the phrase as read, with everything that hangs on it."""
    sorter = phrase.sorter
    head, plural = head_text(phrase.head) if phrase.head else ("object", False)
    if not phrase.head and phrase.text and not phrase.links:
        head = phrase.text.casefold()
    ranked = sorter.order is not None or sorter.index is not None
    return NounPhrase(
        text=phrase.text or "object",
        head=head,
        colours=tuple(sorter.colours),
        excluded_colours=tuple(phrase.excluded),
        size_words=tuple(sorter.size_words),
        materials=tuple(sorter.materials),
        modifiers=tuple(sorter.modifiers),
        rank=Rank(sorter.order, sorter.index or 1) if ranked else None,
        count=sorter.count,
        plural=plural or (sorter.count or 1) > 1,
        relations=tuple(_finish_link(link) for link in phrase.links),
    )


def _finish_link(link: LinkDraft) -> Relation:
    anchors = tuple(finish_phrase(anchor) for anchor in link.anchors)
    return Relation(link.kind, anchors, link.negated, link.inverse, link.index)

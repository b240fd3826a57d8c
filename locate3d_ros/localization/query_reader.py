"""Joins the chunks of a request into a tree of noun phrases and relations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from locate3d_ros.localization.lexicon.kinds import Order, RelationKind
from locate3d_ros.localization.lexicon.words import EVERYWHERE, MATERIALS
from locate3d_ros.localization.noun_phrase import WordSorter, is_attribute, split_head
from locate3d_ros.localization.query_chunks import Chunk, Part
from locate3d_ros.localization.query_drafts import LinkDraft, PhraseDraft, finish_phrase
from locate3d_ros.localization.query_tokens import Token
from locate3d_ros.localization.query_types import NounPhrase

MAX_RELATIONS = 16
"""Later relations of a text are left out; this also bounds how deep phrases nest."""

_ATTRIBUTE_KINDS = {RelationKind.IN, RelationKind.WITH, RelationKind.PART_OF}
_NEEDS_NO_ANCHOR = {RelationKind.IN_CORNER}


class Reader:
    """Reads the chunks of one request from left to right."""

    def __init__(self, text: str) -> None:
        """Start with nothing read."""
        self._text = text
        self._target: PhraseDraft | None = None
        self._words: list[Token] = []
        self._links: list[LinkDraft] = []
        self._last: PhraseDraft | None = None  # the noun phrase read last
        self._about: PhraseDraft | None = None  # whom the present clause describes; None: the target
        self._slot = Part.WORD  # what the next noun phrase is: WORD target, RELATION anchor, BE predicate, BREAK other
        self._join: Part | None = None  # what stood between the last noun phrase and here
        self._negated = False

    def read(self, chunks: Sequence[Chunk]) -> NounPhrase | None:
        """Return the target with everything that hangs on it; None where the text has no noun phrase."""
        for position, item in enumerate(chunks):
            following = chunks[position + 1].part if position + 1 < len(chunks) else Part.BREAK
            self._read_one(item, following)
        self._flush()
        self._settle_links()
        if self._target is None or not (self._target.text or self._target.links):
            return None
        return finish_phrase(self._target)

    def _read_one(self, item: Chunk, following: Part) -> None:
        if item.part is Part.WORD:
            self._words.append(item.token)
        elif item.part is Part.AND:
            self._read_and(item, following)
        elif item.part is Part.BREAK:
            self._read_break()
        elif item.part is Part.NOT:
            self._negated = True
        elif item.part is Part.RANK:
            self._read_rank(item)
        elif item.part is Part.RELATION:
            self._read_relation(item)
        else:
            self._read_function(item)

    def _read_function(self, item: Chunk) -> None:
        if item.part is Part.PRONOUN:
            self._read_pronoun()
        elif item.part is Part.VIEWER:
            self._read_viewer()
        elif item.part is Part.TO:
            self._read_to(item)
        else:
            self._read_clause(item.part)

    def _read_clause(self, part: Part) -> None:
        """Begin a clause: "… which", "… is"."""
        self._flush()
        if part is Part.THAT:
            self._about, self._join = self._last, part
        elif self._join is not Part.THAT:
            self._about, self._join = None, part
        self._slot = Part.BE

    def _read_and(self, item: Chunk, following: Part) -> None:
        open_list = not self._words or all(is_attribute(token.word) for token in self._words)
        if following is Part.WORD and self._words and (open_list or self._slot is Part.WORD):
            self._words.append(item.token)
            return
        self._flush()
        self._join = Part.AND
        if self._links and self._slot is not Part.BE:
            self._slot = Part.RELATION

    def _read_break(self) -> None:
        waiting = self._slot is Part.RELATION and self._links and not self._links[-1].anchors
        if (not self._words and waiting) or (self._words and all(is_attribute(t.word) for t in self._words)):
            return
        self._flush()
        self._about, self._join = None, Part.BREAK
        self._slot = Part.RELATION if self._is_open_between() else Part.BREAK

    def _read_rank(self, item: Chunk) -> None:
        self._flush()
        phrase = self._subject()
        if phrase is not None:
            phrase.sorter.order = item.order
        self._slot = Part.BREAK

    def _read_relation(self, item: Chunk) -> None:
        self._flush()
        if len(self._links) >= MAX_RELATIONS or item.kind is None:
            return
        waiting = (
            self._links[-1] if self._links and not self._links[-1].anchors and self._slot is Part.RELATION else None
        )
        subject = waiting.subject if waiting and not waiting.is_viewer else self._subject()
        if subject is None:
            subject = self._target = PhraseDraft("", (), WordSorter())
        link = LinkDraft(item.kind, subject, item.negated != self._negated, item.inverse)
        if item.kind in {RelationKind.NEAREST, RelationKind.FARTHEST}:
            link.index = subject.sorter.index or 1
            subject.sorter.index = None
        self._links.append(link)
        self._about = subject
        self._slot, self._join, self._negated = Part.RELATION, None, False

    def _read_to(self, item: Chunk) -> None:
        """Read the end of "the closest chair to the door"; any other "to" adds nothing."""
        self._flush()
        phrase = self._last
        kinds = {Order.NEAR: RelationKind.NEAREST, Order.FAR: RelationKind.FARTHEST}
        order = phrase.sorter.order if phrase else None
        if phrase is None or order not in kinds or self._slot is Part.RELATION and not self._links[-1].anchors:
            return
        phrase.sorter.order = None
        self._join = None
        self._read_relation(replace(item, part=Part.RELATION, kind=kinds[order]))

    def _read_pronoun(self) -> None:
        self._flush()
        link = self._links[-1] if self._links else None
        if self._slot is Part.RELATION and link is not None and not link.anchors:
            self._turn_around(link)
            self._slot = Part.BREAK

    def _read_viewer(self) -> None:
        if not self._links:
            return
        link = self._links[-1]
        orders = {RelationKind.NEAREST: Order.NEAR, RelationKind.FARTHEST: Order.FAR}
        if link.kind in orders:
            link.subject.sorter.order = orders[link.kind]
            link.subject.sorter.index = link.index
            self._links.remove(link)
        link.is_viewer = True
        self._slot = Part.BREAK

    def _subject(self) -> PhraseDraft | None:
        """Return what the next relation is about."""
        if self._join is None or self._last is None:
            return self._last or self._target
        if self._join is Part.THAT or self._join is Part.AND:
            return self._about or self._target
        return self._target

    def _is_open_between(self) -> bool:
        return bool(self._links) and self._links[-1].kind is RelationKind.BETWEEN and len(self._links[-1].anchors) == 1

    def _flush(self) -> None:
        """End the noun phrase that is being read and give it its place."""
        if not self._words:
            return
        split = split_head(self._words)
        text = self._text[split.span[0] : split.span[1]]
        phrase = PhraseDraft(text, split.head, WordSorter())
        phrase.sorter.add(split.before)
        phrase.sorter.add(split.after)
        self._words = []
        self._place(phrase)

    def _place(self, phrase: PhraseDraft) -> None:
        if self._slot is Part.RELATION and self._links:
            self._place_anchor(phrase)
        elif self._target is None or (not self._target.text and phrase.head and not phrase.is_generic):
            self._place_target(phrase)
        elif self._slot is Part.BE or phrase.is_generic:
            self._describe(self._about or self._target, phrase)
        self._slot = Part.BREAK

    def _place_target(self, phrase: PhraseDraft) -> None:
        if self._target is not None:
            phrase.links = self._target.links
            for link in self._links:
                link.subject = phrase if link.subject is self._target else link.subject
        self._target = self._last = phrase
        self._join = None

    def _place_anchor(self, phrase: PhraseDraft) -> None:
        link = self._links[-1]
        if not phrase.head and link.kind in _ATTRIBUTE_KINDS and not link.anchors:
            self._links.pop()
            self._negated = link.negated
            self._describe(link.subject, phrase)
            return
        for waiting in reversed(self._links):
            if waiting is not link and (waiting.anchors or waiting.is_viewer or waiting.subject is not link.subject):
                break
            waiting.anchors.append(phrase)
        self._last, self._join = phrase, None

    def _describe(self, subject: PhraseDraft, phrase: PhraseDraft) -> None:
        """Add what a predicate or an apposition says: "… is red", "…, the red one"."""
        words, sorter = phrase.sorter, subject.sorter
        (subject.excluded if self._negated else sorter.colours).extend(words.colours)
        if not self._negated:
            sorter.size_words += words.size_words
            sorter.materials += words.materials
            sorter.modifiers += words.modifiers
            sorter.order = words.order or sorter.order
            sorter.index = words.index or sorter.index
        self._negated = False
        if phrase.head and not phrase.is_generic:
            if subject.is_generic:
                subject.head = phrase.head
            else:
                sorter.materials += [word for word in phrase.head if word in MATERIALS]
                sorter.modifiers += [word for word in phrase.head if word not in MATERIALS]

    def _turn_around(self, link: LinkDraft) -> None:
        """Turn "a table with a lamp, on it" into a table that a lamp is on; drop relations to any other "it"."""
        self._links.remove(link)
        for owner in self._links:
            if owner.kind is RelationKind.WITH and link.subject in owner.anchors:
                owner.kind, owner.inverse, owner.negated = link.kind, not link.inverse, owner.negated != link.negated

    def _settle_links(self) -> None:
        """Drop relations without anchors, and give the others to their subjects."""
        for link in list(self._links):
            if not link.anchors and not link.is_viewer and link.kind not in _NEEDS_NO_ANCHOR:
                self._turn_around(link)
        for link in self._links:
            is_everywhere = link.kind is RelationKind.IN and link.anchors and link.anchors[0].head[-1:] in _PLACES
            if not is_everywhere:
                link.subject.links.append(link)


_PLACES = {(word,) for word in EVERYWHERE}

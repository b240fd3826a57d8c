"""Marks what each word of a request does: names something, joins two things, negates, ends a clause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from locate3d_ros.localization.lexicon.kinds import Order, RelationKind
from locate3d_ros.localization.lexicon.phrases import (
    AFTER_OPENER,
    CLOSERS,
    COPULAS,
    MADE_OF,
    NEGATIONS,
    OPENERS,
    PLACED,
    PROTECTED,
    RANK_PHRASES,
    RELATION_PHRASES,
    RELATIVES,
)
from locate3d_ros.localization.lexicon.words import DETERMINERS, ORDINALS, PRONOUNS, VIEWERS
from locate3d_ros.localization.query_tokens import Token

_LONGEST_PHRASE = max(len(words) for words in RELATION_PHRASES)


class Part(Enum):
    """What a chunk does in the sentence."""

    WORD = auto()
    RELATION = auto()
    RANK = auto()  # "on the left", after a noun
    BE = auto()
    THAT = auto()
    AND = auto()
    NOT = auto()
    PRONOUN = auto()
    VIEWER = auto()
    BREAK = auto()
    TO = auto()  # a bare "to" or "from", which finishes "the closest chair … to the door"


@dataclass(frozen=True)
class Chunk:
    """One or several tokens with one job."""

    part: Part
    token: Token  # the first one
    kind: RelationKind | None = None
    negated: bool = False
    inverse: bool = False
    order: Order | None = None


def strip_request(tokens: Sequence[Token]) -> list[Token]:
    """Drop the words that ask: "can you bring me … please"."""
    start, end = _request_words(tokens, 0), len(tokens)
    while (
        end > start
        and (tokens[end - 1].is_break or tokens[end - 1].word in CLOSERS)
        and not _is_anchor(tokens, end - 1)
    ):
        end -= 1
    return list(tokens[start:end])


def _request_words(tokens: Sequence[Token], start: int) -> int:
    """Return how many words from `start` on only ask."""
    count = 0
    while start + count < len(tokens) and _opens(tokens, start + count, is_first=count == 0):
        count += 1
    return count


def _opens(tokens: Sequence[Token], index: int, is_first: bool) -> bool:
    word, following = tokens[index].word, tokens[index + 1].word if index + 1 < len(tokens) else ""
    if (word, following) in PROTECTED:
        return False
    if word in {"can", "will"}:
        return following in {"you", "we", "i", "u"}
    if is_first:
        return word in OPENERS or tokens[index].is_break
    return word in AFTER_OPENER or tokens[index].is_break


def _is_anchor(tokens: Sequence[Token], index: int) -> bool:
    return tokens[index].word in VIEWERS and index > 0 and tokens[index - 1].word != "for"


def chunk(tokens: Sequence[Token]) -> list[Chunk]:
    """Mark the tokens, the longest phrase first; words that add nothing are left out."""
    chunks: list[Chunk] = []
    index = 0
    while index < len(tokens):
        found, length = _chunk_at(tokens, index, chunks[-1].part if chunks else None)
        chunks.extend(found)
        index += length
    return chunks


def _chunk_at(tokens: Sequence[Token], index: int, previous: Part | None) -> tuple[list[Chunk], int]:
    token = tokens[index]
    if token.is_break:
        return [Chunk(Part.BREAK, token)], 1 + _request_words(tokens, index + 1)
    protected = _match(tokens, index, PROTECTED)
    if protected:
        return [Chunk(Part.WORD, word) for word in tokens[index : index + protected]], protected
    ranked = _match(tokens, index, RANK_PHRASES)
    related = _match(tokens, index, RELATION_PHRASES)
    if ranked >= max(related, 1) and _ends_phrase(tokens, index + ranked):
        return [Chunk(Part.RANK, token, order=RANK_PHRASES[_words(tokens, index, ranked)])], ranked
    if related and not _is_adjective(tokens, index, related, previous):
        kind, negated, inverse = RELATION_PHRASES[_words(tokens, index, related)]
        length = related - 1 if kind is RelationKind.PART_OF else related
        return [Chunk(Part.RELATION, token, kind, negated, inverse)], length
    return _single(tokens, index, previous)


def _single(tokens: Sequence[Token], index: int, previous: Part | None) -> tuple[list[Chunk], int]:
    token, word = tokens[index], tokens[index].word
    if word in PLACED and _joins(tokens, index + 1):
        return [], 1
    made_of = _match(tokens, index, MADE_OF)
    if made_of and previous in {Part.WORD, Part.BE}:
        return [Chunk(Part.THAT, token)] if previous is Part.WORD else [], made_of
    parts: tuple[tuple[bool, Part], ...] = (
        (word in COPULAS, Part.BE),
        (word in RELATIVES and (word not in DETERMINERS or previous is Part.WORD), Part.THAT),
        (word in {"and", "plus"}, Part.AND),
        (word in NEGATIONS, Part.NOT),
        (word in PRONOUNS and word != "its", Part.PRONOUN),
        (word in VIEWERS and previous in {Part.RELATION, Part.TO}, Part.VIEWER),
        (word in {"to", "from"}, Part.TO),
    )
    part = next((part for holds, part in parts if holds), Part.WORD)
    return [Chunk(part, token)], 1


def _words(tokens: Sequence[Token], index: int, length: int) -> tuple[str, ...]:
    return tuple(token.word for token in tokens[index : index + length])


def _match(tokens: Sequence[Token], index: int, table: Iterable[tuple[str, ...]]) -> int:
    table = table if isinstance(table, (dict, frozenset)) else frozenset(table)
    for length in range(min(_LONGEST_PHRASE, len(tokens) - index), 0, -1):
        if _words(tokens, index, length) in table:
            return length
    return 0


def _joins(tokens: Sequence[Token], index: int) -> bool:
    """Whether a relation starts here, perhaps after more words that add nothing."""
    while index < len(tokens) and tokens[index].word in PLACED:
        index += 1
    return index < len(tokens) and _match(tokens, index, RELATION_PHRASES) > 0


def _ends_phrase(tokens: Sequence[Token], index: int) -> bool:
    if index >= len(tokens) or tokens[index].is_break:
        return True
    word = tokens[index].word
    return word in COPULAS | RELATIVES | {"and"} or _joins(tokens, index)


def _is_adjective(tokens: Sequence[Token], index: int, length: int, previous: Part | None) -> bool:
    """Whether "nearest", "front of" and the like stand before a noun: the nearest chair, the adjacent room."""
    word = tokens[index].word
    if length > 1 or word not in {"nearest", "closest", "adjacent", "opposite", "next", "nearby", "facing", "missing"}:
        return False
    if previous is Part.WORD:
        return tokens[index - 1].word in DETERMINERS or tokens[index - 1].word in ORDINALS
    return previous is not Part.BE and previous is not Part.THAT

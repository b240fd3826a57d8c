"""Finds the head of a noun phrase and sorts the words around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from locate3d_ros.localization.lexicon.colour_terms import SHADES
from locate3d_ros.localization.lexicon.kinds import Order
from locate3d_ros.localization.lexicon.nouns import longest_known_end, singular
from locate3d_ros.localization.lexicon.word_set import word_set
from locate3d_ros.localization.lexicon.words import (
    ADJECTIVES,
    AFTER_NUMBER,
    COLOUR_NOUNS,
    COLOURS,
    DETERMINERS,
    FILLERS,
    GENERIC_NOUNS,
    MATERIALS,
    NUMBERS,
    ORDINALS,
    RANKS,
    SIZE_WORDS,
)
from locate3d_ros.localization.query_tokens import Token

_MEASURES = word_set("pair set stack pile group couple bunch row lot heap collection number piece")
_EMPTY = DETERMINERS | FILLERS | {"and", "of"}


@dataclass
class WordSorter:
    """Sorts attribute words into the fields of a noun phrase."""

    colours: list[str] = field(default_factory=list)
    size_words: list[str] = field(default_factory=list)
    materials: list[str] = field(default_factory=list)
    modifiers: list[str] = field(default_factory=list)
    order: Order | None = None
    index: int | None = None
    count: int | None = None

    def add(self, words: Sequence[str]) -> None:
        """Sort words that stand before or after a head."""
        position = 0
        while position < len(words):
            position += self._add_one(words, position)

    def _add_one(self, words: Sequence[str], position: int) -> int:
        word, following = words[position], words[position + 1] if position + 1 < len(words) else ""
        if word in SHADES and following in COLOURS:
            self.colours.append(f"{word} {following}")
            return 2
        if word in NUMBERS and following in AFTER_NUMBER:
            self.modifiers.append(f"{word} {following}")
            return 2
        self._add_word(word)
        return 1

    def _add_word(self, word: str) -> None:
        if word in COLOURS:
            self.colours.append(word)
        elif word in RANKS:
            self.order = RANKS[word]
        elif word in ORDINALS:
            self.index = ORDINALS[word]
        elif word in NUMBERS:
            self.count = NUMBERS[word]
        elif word not in _EMPTY:
            kinds = ((SIZE_WORDS, self.size_words), (MATERIALS, self.materials))
            next((words for known, words in kinds if word in known), self.modifiers).append(word)


@dataclass(frozen=True)
class HeadSplit:
    """The words of a noun phrase around its head."""

    before: tuple[str, ...]
    head: tuple[str, ...]  # () where all words are attributes
    after: tuple[str, ...]
    span: tuple[int, int]  # characters of the whole phrase in the text, without leading determiners


def is_attribute(word: str) -> bool:
    """Whether a word describes and does not name: colours, sizes, materials, ranks, numbers."""
    return word in ADJECTIVES or word in RANKS or word in ORDINALS or word in NUMBERS or word in _EMPTY


def split_head(tokens: Sequence[Token]) -> HeadSplit:
    """Split the tokens of one noun phrase (at least one) at its head."""
    while len(tokens) > 1 and tokens[0].word in DETERMINERS:
        tokens = tokens[1:]
    words = _reorder_of([token.word for token in tokens])
    span = (tokens[0].start, tokens[-1].end)
    end = _head_end(words)
    start = end - _head_length(words[:end])
    return HeadSplit(tuple(words[:start]), tuple(words[start:end]), tuple(words[end:]), span)


def head_text(head: Sequence[str]) -> tuple[str, bool]:
    """Return the head's words joined, the last one in singular, and whether it was a plural."""
    last = singular(head[-1])
    return " ".join((*head[:-1], last)), last != head[-1]


def _head_end(words: Sequence[str]) -> int:
    """Return the index after the last noun: "mug white" ends at "mug"."""
    for end in range(len(words), 0, -1):
        if not is_attribute(words[end - 1]) or longest_known_end(words[:end]) > 0:
            return end
    noun_last = bool(words) and (words[-1] in COLOUR_NOUNS | MATERIALS)
    return len(words) if noun_last else 0


def _head_length(words: Sequence[str]) -> int:
    """Return how many of the last words name the thing; unknown nouns take the unknown words before them along."""
    if not words:
        return 0
    known = longest_known_end(words)
    if known or words[-1] in GENERIC_NOUNS or is_attribute(words[-1]):
        return max(known, 1)
    length = 1
    while (
        length < min(3, len(words)) and not is_attribute(words[-length - 1]) and words[-length - 1] not in AFTER_NUMBER
    ):
        length += 1
    return length


def _reorder_of(words: list[str]) -> list[str]:
    """Turn "bottle of water" into "water bottle" and "pair of shoes" into "pair shoes"."""
    if "of" not in words[1:-1]:
        return words
    place = words.index("of", 1)
    content = [word for word in words[place + 1 :] if word not in DETERMINERS]
    if not content or words[place - 1] in FILLERS:
        return words[: place - 1] + content
    if singular(words[place - 1]) in _MEASURES:
        return words[:place] + content
    return words[: place - 1] + content + [words[place - 1]]

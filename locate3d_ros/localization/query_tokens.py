"""Splits a request into words that know their place in it, and mends their spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from locate3d_ros.localization.lexicon.nouns import known_words, singular
from locate3d_ros.localization.lexicon.phrases import (
    AFTER_OPENER,
    COPULAS,
    NEGATIONS,
    PLACED,
    PROTECTED,
    RANK_PHRASES,
    RELATION_PHRASES,
    RELATIVES,
)
from locate3d_ros.localization.lexicon.word_set import word_set
from locate3d_ros.localization.lexicon.words import (
    ADJECTIVES,
    COLOURS,
    FILLERS,
    GENERIC_NOUNS,
    NUMBERS,
    ORDINALS,
    RANKS,
    STOP_WORDS,
)

_PATTERN = re.compile(r"(?:[^\W\d_]\.){1,6}[^\W\d_]\b|[^\W_]+(?:['’`][^\W_]+)?|[.,;:!?&()]", re.UNICODE)
_CONTRACTIONS = {"n't": "not", "'s": "is", "'re": "are", "'m": "am"}
_IS_BEFORE_S = word_set("where what which who there it that he she here how")
_MENDED = {"infront": "infront", "closet": "closet", "ad": "and", "adn": "and", "nd": "and", "beisde": "beside"}
_LOOKALIKES = word_set(
    "blank block bleach write writer while whites greed greens grown crown brow blow blew bedside whiter grew grep "
    "great greet board bread beach bench blush brush brass bunk breed orange blues pinks sleeve "
    "shall shell smell stall "
    "steal toll goal tail tell talk take wine wire wide side size rose nose hose tale pale sale lone song slow show "
    "under over inner outer upper other after before wooded wonder leather feather weather feet meat seat pear plant "
    "plane plate place paper taper viper piper purse nurse horse house mouse blouse clock cloak block flock black"
)
_MIN_TYPO_LENGTH = 5


@dataclass(frozen=True)
class Token:
    """One word (or punctuation mark) of a request."""

    word: str  # lower case, spelling mended
    start: int  # text[start:end] is the word as written
    end: int

    @property
    def is_break(self) -> bool:
        """Whether it is a punctuation mark."""
        return not self.word[0].isalnum()


def tokenize(text: str) -> list[Token]:
    """Split a text of any language into words and punctuation marks; other characters separate words."""
    return [token for match in _PATTERN.finditer(text) for token in _tokens_of(match)]


def _tokens_of(match: re.Match[str]) -> Iterator[Token]:
    start, end = match.span()
    word = unicodedata.normalize("NFKC", match.group()).casefold().replace("’", "'").replace("`", "'")
    if word == "&":
        word = "and"
    if "." in word and len(word) > 1:
        word = word.replace(".", "")
    stem, ending = word, ""
    for contraction, meaning in _CONTRACTIONS.items():
        if word.endswith(contraction) and len(word) > len(contraction):
            stem, ending = word[: -len(contraction)], meaning
    if ending == "is" and stem not in _IS_BEFORE_S:
        ending = ""
    for part in (stem, ending):
        if part:
            yield Token(mend(part), start, end)


@lru_cache(maxsize=4096)
def mend(word: str) -> str:
    """Return the relation or colour word that an unknown word misspells by one letter, else the word."""
    if word in _MENDED:
        return _MENDED[word]
    if len(word) < _MIN_TYPO_LENGTH or not word.isascii() or word in _vocabulary() or singular(word) in _vocabulary():
        return word
    for correct in _mendable():
        if correct[0] == word[0] and _is_one_edit(word, correct):
            return correct
    return word


def _is_one_edit(a: str, b: str) -> bool:
    if abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    swapped = rest_a[:2] == rest_b[:2][::-1] and rest_a[2:] == rest_b[2:]
    return rest_a[1:] == rest_b[1:] or rest_a[1:] == rest_b or rest_a == rest_b[1:] or swapped


@lru_cache(maxsize=1)
def _mendable() -> tuple[str, ...]:
    in_relations = {word for phrase in RELATION_PHRASES for word in phrase}
    words = in_relations | COLOURS | {word for word in RANKS if word.endswith("st")} | {"wooden", "plastic"}
    return tuple(sorted(word for word in words if len(word) >= _MIN_TYPO_LENGTH))


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    phrases = {word for table in (RELATION_PHRASES, RANK_PHRASES, PROTECTED) for phrase in table for word in phrase}
    functions = STOP_WORDS | COPULAS | NEGATIONS | PLACED | RELATIVES | AFTER_OPENER | FILLERS | GENERIC_NOUNS
    attributes = ADJECTIVES | frozenset(RANKS) | frozenset(ORDINALS) | frozenset(NUMBERS)
    return frozenset(phrases) | functions | attributes | known_words() | _LOOKALIKES

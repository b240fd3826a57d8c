"""Puts descriptions into words as people do: synonyms, short forms, requests, slips of the keyboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from locate3d_ros.data.annotations.grounded_expression import Span
from locate3d_ros.data.synthetic.descriptions import Description
from locate3d_ros.data.synthetic.naming import synonyms

TYPO_SHARE = 0.05  # of all sentences
SHORT_SHARE = 0.4  # of all sentences leave out their articles


@dataclass(frozen=True)
class Wording:
    """The words of one split. T: the thing, A and B: what it is described by, R: the relation, M: the room."""

    bare: tuple[str, ...]  # sentences about a thing alone
    related: tuple[str, ...]
    between: tuple[str, ...]
    in_room: tuple[str, ...]
    relations: Mapping[str, tuple[str, ...]]


WORDINGS: Mapping[str, Wording] = {
    "train": Wording(
        bare=(
            "the {T}",
            "the {T}",
            "{T}",
            "find the {T}",
            "where is the {T}",
            "a {T}",
            "go to the {T}",
            "i am looking for the {T}",
            "there is a {T} here",
            "please look for the {T}",
        ),
        related=(
            "the {T} {R} the {A}",
            "the {T} {R} the {A}",
            "the {T} is {R} the {A}",
            "the {T} that is {R} the {A}",
            "find the {T} {R} the {A}",
            "there is a {T} {R} the {A}",
            "where is the {T} {R} the {A}",
            "{R} the {A} is the {T}",
            "go to the {T} {R} the {A}",
            "i need the {T} which is {R} the {A}",
        ),
        between=(
            "the {T} between the {A} and the {B}",
            "the {T} is between the {A} and the {B}",
            "the {T} in between the {A} and the {B}",
            "find the {T} that is between the {A} and {B}",
            "between the {A} and the {B} there is a {T}",
        ),
        in_room=(
            "the {T} in the {M}",
            "the {T} that is in the {M}",
            "find the {T} in the {M}",
            "in the {M} there is a {T}",
            "go to the {M} and find the {T}",
        ),
        relations={
            "on": ("on", "on", "on top of", "standing on", "placed on", "lying on"),
            "under": ("under", "under", "below", "underneath"),
            "above": ("above", "above", "over", "hanging over"),
            "next to": ("next to", "next to", "beside", "by", "close to", "near"),
            "left of": ("left of", "to the left of", "on the left side of"),
            "right of": ("right of", "to the right of", "on the right side of"),
            "in front of": ("in front of", "in front of", "before"),
            "behind": ("behind", "behind", "in back of"),
            "nearest to": ("nearest to", "closest to", "nearest"),
            "farthest from": ("farthest from", "furthest from", "farthest away from"),
        },
    ),
    "val": Wording(
        bare=(
            "the {T}",
            "{T}",
            "could you locate the {T}",
            "show me the {T}",
            "drive over to the {T}",
            "my {T}",
            "which one is the {T}",
        ),
        related=(
            "the {T} {R} the {A}",
            "{T} {R} {A}",
            "could you locate the {T} {R} the {A}",
            "the {T} you see {R} the {A}",
            "look {R} the {A} for the {T}",
            "this {T} can be found {R} the {A}",
            "show me the {T} located {R} the {A}",
        ),
        between=(
            "the {T} amid the {A} and the {B}",
            "the {T} located between {A} and {B}",
            "with the {A} on one side and the {B} on the other , the {T}",
            "show me the {T} between the {A} and the {B}",
        ),
        in_room=(
            "the {T} inside the {M}",
            "could you locate the {T} within the {M}",
            "show me the {T} that belongs to the {M}",
            "enter the {M} and look for the {T}",
        ),
        relations={
            "on": ("on", "resting on", "sitting on", "upon"),
            "under": ("under", "beneath", "down below"),
            "above": ("above", "higher up than"),
            "next to": ("next to", "alongside", "right beside", "adjacent to"),
            "left of": ("left of", "to the left-hand side of"),
            "right of": ("right of", "to the right-hand side of"),
            "in front of": ("in front of", "at the front of"),
            "behind": ("behind", "at the back of"),
            "nearest to": ("nearest to", "at the shortest distance from"),
            "farthest from": ("farthest from", "most distant from"),
        },
    ),
}
_MATERIALS: Mapping[str, tuple[str, ...]] = {
    "wood": ("wooden", "wood"),
    "metal": ("metal", "metallic"),
    "leather": ("leather",),
    "glass": ("glass",),
    "plastic": ("plastic",),
    "fabric": ("fabric", "cloth"),
    "wicker": ("wicker", "rattan"),
    "ceramic": ("ceramic", "porcelain"),
}
_SIZES: Mapping[str, tuple[str, ...]] = {"large": ("large", "big", "bigger"), "small": ("small", "little", "smaller")}
_ARTICLES = {"the", "a", "my", "this"}


@dataclass(frozen=True)
class Sentence:
    """Words, and which of them mean what."""

    tokens: tuple[str, ...]
    spans: tuple[Span, ...]


class Speaker:
    """Says descriptions in the words of a split."""

    def __init__(self, split: str, rng: np.random.Generator) -> None:
        self._wording, self._split, self._rng = WORDINGS[split], split, rng

    def say(self, description: Description, meant: Mapping[str, tuple[int, ...]]) -> Sentence:
        """Say a description; `meant` gives the object ids of T, A and B, those that mean nothing left out."""
        template = self._template(description)
        if self._rng.random() < SHORT_SHARE:
            template = " ".join(w for w in template.split() if w not in _ARTICLES)
        filled: list[str] = []
        spans: list[Span] = []
        for word in template.split():
            words = self._fill(word, description)
            ids = meant.get(word[1:2], ()) if word.startswith("{") else ()
            if ids:
                spans.append(Span(tuple(range(len(filled), len(filled) + len(words))), ids))
            filled += words
        return Sentence(tuple(self._slip(_with_articles(filled))), tuple(spans))

    def _template(self, description: Description) -> str:
        if description.relation == "between":
            return self._pick(self._wording.between)
        if description.relation:
            return self._pick(self._wording.related)
        return self._pick(self._wording.in_room if description.room else self._wording.bare)

    def _fill(self, word: str, description: Description) -> list[str]:
        if word == "{T}":
            return self._noun_phrase(description)
        if word == "{R}":
            return self._pick(self._wording.relations[description.relation]).split()
        if word == "{M}":
            return description.room.split()
        if word in ("{A}", "{B}"):
            anchor = description.anchors["{A}{B}".index(word) // 3]
            room = ["in", "the", *anchor.room.split()] if anchor.room else []
            return [*self._noun_phrase(anchor), *room]
        return [word]

    def _noun_phrase(self, description: Description) -> list[str]:
        """Adjectives and noun: size, colour, material."""
        words = []
        if description.size:
            words.append(self._pick(_SIZES[description.size]))
        if description.colour:
            grey = description.colour == "gray" and self._rng.random() < 0.5
            words.append("grey" if grey else description.colour)
        if description.material:
            words.append(self._pick(_MATERIALS[description.material]))
        names = synonyms(description.name, self._split)
        # The usual name is as frequent as all others together.
        name = names[0] if len(names) == 1 or self._rng.random() < 0.5 else self._pick(names[1:])
        return [*words, *name.split()]

    def _slip(self, words: list[str]) -> list[str]:
        """Mistype a letter of one long word, now and then."""
        long = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
        if not long or self._rng.random() >= TYPO_SHARE:
            return words
        i = long[int(self._rng.integers(len(long)))]
        place = int(self._rng.integers(1, len(words[i]) - 1))
        left, letter, right = words[i][:place], words[i][place], words[i][place + 1 :]
        slips = (left + right, left + letter + letter + right, left + right[0] + letter + right[1:])
        words[i] = slips[int(self._rng.integers(len(slips)))]
        return words

    def _pick(self, choices: Sequence[str]) -> str:
        return choices[int(self._rng.integers(len(choices)))]


def _with_articles(words: list[str]) -> list[str]:
    """Turn "a" into "an" before a vowel."""
    following = [*words[1:], ""]
    return [
        "an" if word == "a" and after[:1] in tuple("aeiou") else word
        for word, after in zip(words, following, strict=True)
    ]

"""Known names of objects: which words belong together, and the singular of a noun."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from locate3d_ros.localization.lexicon.size_table import load_sizes
from locate3d_ros.localization.lexicon.word_set import word_set

_IRREGULAR = {
    "people": "person", "children": "child", "feet": "foot", "teeth": "tooth", "mice": "mouse", "knives": "knife",
    "shelves": "shelf", "bookshelves": "bookshelf", "loaves": "loaf", "leaves": "leaf", "scarves": "scarf",
    "dice": "die", "men": "man", "women": "woman", "cacti": "cactus", "boxes": "box", "tomatoes": "tomato",
    "potatoes": "potato", "vases": "vase", "hoses": "hose", "shoes": "shoe", "toes": "toe", "axes": "axe",
    "cases": "case", "bookcases": "bookcase", "suitcases": "suitcase", "houses": "house", "purses": "purse",
    "nurses": "nurse", "horses": "horse", "bases": "base", "roses": "rose", "cheeses": "cheese", "noses": "nose",
    "briefcases": "briefcase", "movies": "movie", "cookies": "cookie", "hoodies": "hoodie", "ties": "tie",
    "brownies": "brownie", "pies": "pie", "canoes": "canoe", "lenses": "lens", "quilts": "quilt", "halves": "half",
    "showcases": "showcase", "pillowcases": "pillowcase", "headphones": "headphones", "blouses": "blouse",
}  # fmt: skip
_SAME = word_set(
    "scissors pants trousers jeans headphones binoculars pliers tweezers sunglasses eyeglasses glasses goggles tongs "
    "stairs clothes shorts blinds gas canvas lens bus iris cactus tennis chess series news species bellows pyjamas "
    "pajamas leggings tights earphones earbuds groceries dishes clippers shears christmas texas venus"
)


def singular(word: str) -> str:
    """Return the singular of a lower-case English noun; words that are no plural stay as they are."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word in _SAME or len(word) < 4 or word.endswith(("ss", "us", "is", "'s")) or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1]


@lru_cache(maxsize=1)
def known_names() -> frozenset[tuple[str, ...]]:
    """Return every name and synonym of the size table, as words."""
    return frozenset(tuple(name.split()) for entry in load_sizes() for name in entry.names)


@lru_cache(maxsize=1)
def known_words() -> frozenset[str]:
    """Return every word that occurs in a known name."""
    return frozenset(word for name in known_names() for word in name)


def longest_known_end(words: Sequence[str]) -> int:
    """Return how many of the last words make the longest known name (the last word in singular); 0: none."""
    names = known_names()
    if not words:
        return 0
    last = singular(words[-1])
    for count in range(min(4, len(words)), 0, -1):
        end = tuple(words[len(words) - count :])
        if end in names or (*end[:-1], last) in names:
            return count
    return 0

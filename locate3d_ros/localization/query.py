"""Parses a request in English, with a small grammar and no statistics.

A request is noun phrases joined by relations. A relation hangs on the noun before it ("the book on the shelf next to
the door": the shelf is next to the door), on the target after a finite "is", and after "and" on what the relation
before the "and" was about. Wordings outside the grammar lose their structure, never the request: what remains is a
target whose head is the whole text.
"""

from __future__ import annotations

from locate3d_ros.errors import InputError
from locate3d_ros.localization.lexicon.kinds import Order, RelationKind
from locate3d_ros.localization.lexicon.words import STOP_WORDS
from locate3d_ros.localization.query_chunks import chunk, strip_request
from locate3d_ros.localization.query_reader import Reader
from locate3d_ros.localization.query_tokens import tokenize
from locate3d_ros.localization.query_types import NounPhrase, Query, Rank, Relation

__all__ = ["MAX_CHARACTERS", "NounPhrase", "Order", "Query", "Rank", "Relation", "RelationKind", "parse"]

MAX_CHARACTERS = 1000


def parse(text: str) -> Query:
    """Parse a request.

    Raises InputError for a text without a word that could name something, or of more than 1000 characters.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"text: {len(text)} characters; give one sentence of at most {MAX_CHARACTERS}")
    tokens = tokenize(text)
    if not any(not token.is_break and token.word not in STOP_WORDS for token in tokens):
        raise InputError(f"text {text[:40]!r} names no object; give a phrase such as 'the white mug next to the sink'")
    target = Reader(text).read(chunk(strip_request(tokens)))
    return Query(text, target or NounPhrase(text.strip(), " ".join(t.word for t in tokens if not t.is_break)))

"""Word lists as readable text."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, split at spaces."""
    return frozenset(text.split())

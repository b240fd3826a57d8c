"""What the similarity localizer needs from the parts beside it: a text encoder and a classifier of map features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class TextEncoder(Protocol):
    """Turns words into vectors whose cosine says how alike their meanings are."""

    def sentence_vectors(self, texts: Sequence[str]) -> Tensor:
        """Return unit vectors [n, E] float32 of n texts."""


class ClassHead(Protocol):
    """A linear classifier of one feature slot: averages of features may be classified like features."""

    @property
    def names(self) -> Sequence[str]:
        """The C class names."""

    @property
    def name_vectors(self) -> Tensor:
        """The text vectors [C, E] of the classes, unit length."""

    def logits(self, features: Tensor) -> Tensor:
        """Return the class logits [n, C] float32 of features [n, D]. Raises InputError for another width."""

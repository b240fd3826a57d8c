"""Everyday nouns with their usual sizes: what a noun's own size is, and which other nouns explain a proposal better."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.localization.class_evidence import class_weights
from locate3d_ros.localization.encoders import ClassHead, TextEncoder
from locate3d_ros.localization.lexicon.size_table import SizeEntry, load_sizes
from locate3d_ros.localization.noun_vectors import noun_vectors

ALIKE_SHARPNESS = 25.0  # of the mixture of entries that stands for a noun
ALIKE_REACH = 0.15  # entries less like the noun than the best by more than this do not join the mixture
RIVAL = (0.45, 0.7)  # likeness below which an entry is a full rival of a noun, and above which it is none


@dataclass(frozen=True)
class Noun:
    """A noun of a request, spread over the classes and over the vocabulary of V entries."""

    class_weights: Tensor  # [C] sum to 1
    class_trust: float  # in [0, 1]: how near the nearest class name is
    entry_weights: Tensor  # [V] sum to 1
    entry_likeness: float  # of the nearest entry, cosine
    rivalry: Tensor  # [V] in [0, 1]: 0 for other names of the same thing


class Vocabulary:
    """The entries of the size table with their text vectors and class weights."""

    def __init__(self, encoder: TextEncoder, head: ClassHead) -> None:
        self.entries: tuple[SizeEntry, ...] = load_sizes()
        self._encoder = encoder
        self._class_vectors = head.name_vectors
        names = [(place, name) for place, entry in enumerate(self.entries) for name in entry.names]
        self._owner = torch.tensor([place for place, _ in names])
        self._vectors = noun_vectors([name for _, name in names], encoder)
        self.class_weights, self.class_trust = class_weights(self._entry_vectors(), self._class_vectors)

    def noun(self, words: str) -> Noun:
        """Spread a noun or compound over classes and entries."""
        vector = self._encoder.sentence_vectors([words])
        weights, trust = class_weights(vector, self._class_vectors)
        likeness = self._entry_likeness(vector[0])
        best = float(likeness.max())
        mixture = torch.where(likeness > best - ALIKE_REACH, (ALIKE_SHARPNESS * (likeness - best)).exp(), 0.0)
        rivalry = 1.0 - ((likeness - RIVAL[0]) / (RIVAL[1] - RIVAL[0])).clamp(0.0, 1.0)
        return Noun(weights[0], float(trust[0]), mixture / mixture.sum(), best, rivalry)

    def _entry_likeness(self, vector: Tensor) -> Tensor:
        """Return the likeness (V,) of each entry's nearest name."""
        likeness = self._vectors @ vector
        nearest = torch.full((len(self.entries),), -1.0, device=likeness.device)
        return nearest.scatter_reduce(0, self._owner.to(likeness.device), likeness, reduce="amax")

    def _entry_vectors(self) -> Tensor:
        """Return the mean vectors (V, E) of each entry's names, unit length."""
        sums = torch.zeros(len(self.entries), self._vectors.shape[1], device=self._vectors.device)
        sums.index_add_(0, self._owner.to(sums.device), self._vectors)
        return torch.nn.functional.normalize(sums, dim=1)

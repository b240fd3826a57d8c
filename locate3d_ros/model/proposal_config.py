"""Sizes of the proposal decoder. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from locate3d_ros.errors import InputError


@dataclass(frozen=True)
class ProposalDecoderConfig:
    """A decoder whose queries are 3D proposals instead of learned vectors."""

    feature_dim: int = 256
    """Channels of a map's features, all slots together."""
    meaning_dim: int = 384
    """Channels of the names' vectors."""
    shape_dim: int = 31
    """Measures of size, place, support, colour, and how much is floor or wall."""
    pair_dim: int = 25
    """Measures of how two proposals lie to one another, but for whether they are in the same room."""
    text_dim: int = 384
    """Channels of a word's state."""
    width: int = 128
    """Channels within."""
    pair_width: int = 32
    """Channels of a pair within."""
    heads: int = 4
    """Of attention."""
    scene_layers: int = 2
    """Of attention among the proposals, once per scene."""
    proposals: int = 512
    """Proposals that are looked at, those that look most like things."""
    rooms: bool = False
    """Whether proposals and sentences are told of the rooms that the proposals are in."""
    similarity: float = 0.5
    """Weight of the similarity localizer's log-probability beside the decoder's own."""
    dropout: float = 0.1
    """While training."""

    def __post_init__(self) -> None:
        """Refuse sizes that do not fit one another."""
        if self.width % self.heads:
            raise InputError(f"proposal decoder: width {self.width} is not a multiple of {self.heads} heads")
        if self.proposals < 1:
            raise InputError(f"proposal decoder: {self.proposals} proposals; give 1 or more")
        if self.similarity < 0:
            raise InputError(f"proposal decoder: a weight of {self.similarity} for similarity; give 0 or more")

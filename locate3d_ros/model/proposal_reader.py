"""A loaded proposal decoder with its text encoder: proposals in, what a sentence means among them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from locate3d_ros.model.grounder import TokenEncoder, require_features
from locate3d_ros.model.proposal_checkpoint import ProposalCheckpoint
from locate3d_ros.model.proposal_decoder import PARTS
from locate3d_ros.model.proposal_embedding import ProposalInput
from locate3d_ros.types import MapSnapshot


@dataclass(frozen=True)
class Choice:
    """What one sentence means among n proposals."""

    logits: Tensor  # [n] of each proposal, given that one is meant
    present: float  # logit of there being such a thing
    anchors: tuple[Tensor, ...]  # [n] probability of each proposal, for every anchor that the sentence names
    phrases: tuple[tuple[int, int], ...]  # characters [start, end) of the anchors' words


class ProposalReader:
    """Implements the localizer's `ProposalModel`."""

    def __init__(self, checkpoint: ProposalCheckpoint, text_encoder: TokenEncoder) -> None:
        """Take a loaded checkpoint."""
        self.name = checkpoint.name
        self._decoder, self._trained_on = checkpoint.decoder, checkpoint.trained_on
        self._text_encoder = text_encoder

    @property
    def feature_dim(self) -> int:
        """The channels of a map's features."""
        return self._decoder.config.feature_dim

    @property
    def count(self) -> int:
        """How many proposals are looked at."""
        return self._decoder.config.proposals

    @property
    def similarity_weight(self) -> float:
        """What a similarity localizer's log-probabilities count beside the decoder's."""
        return self._decoder.config.similarity

    @property
    def reads_rooms(self) -> bool:
        """Whether the decoder is told which proposals are in the same room."""
        return self._decoder.config.rooms

    def require_map(self, snapshot: MapSnapshot) -> None:
        """Refuse a map with other features than those of the training. Raises InputError."""
        given = [(name, values.shape[1]) for name, values in snapshot.features.items()]
        if given:
            require_features(self._trained_on, given, snapshot.digest, self.feature_dim)

    @torch.no_grad()
    def embed(self, features: Tensor, meaning: Tensor, shape: Tensor, points: Tensor) -> Tensor:
        """Embed measured proposals -> (p, …)."""
        return self._decoder.embed(ProposalInput(features, meaning, shape, points))

    @torch.no_grad()
    def things(self, embedded: Tensor) -> Tensor:
        """Say how much each embedded proposal looks like a thing (p,)."""
        return self._decoder.things(embedded)

    @torch.no_grad()
    def encode(self, embedded: Tensor, pairs: Tensor) -> Any:  # noqa: ANN401 - what the decoder returns
        """Put some embedded proposals (n, …) into their context; pairs (n, n, 26)."""
        return self._decoder.encode(embedded, pairs)

    @torch.no_grad()
    def choose(self, scene: Any, text: str) -> Choice:  # noqa: ANN401 - what encode returned
        """Say what a sentence means."""
        encoded = self._text_encoder.token_states(text)
        states, there = padded([encoded.states])
        said = self._decoder(scene, states, there)
        part = said.parts[0].argmax(dim=1).tolist()
        anchors, phrases = [], []
        for k in range(1, PARTS):
            own = [o for o, of in zip(encoded.offsets, part, strict=True) if of == k and o[1] > o[0]]
            if own:
                anchors.append(said.places[k, 0].softmax(dim=0))
                phrases.append((min(start for start, _ in own), max(end for _, end in own)))
        return Choice(said.choice[0], -float(said.absent[0]), tuple(anchors), tuple(phrases))


def padded(states: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Join the word states (t, d) of sentences -> (b, T, d) with zeros, and which words are there (b, T)."""
    lengths = torch.tensor([len(each) for each in states])
    return pad_sequence(list(states), batch_first=True), torch.arange(int(lengths.max())) < lengths[:, None]

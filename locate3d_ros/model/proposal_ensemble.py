"""Several proposal decoders as one: each reads all by itself, and what they say is averaged.

Letters in shapes: p proposals, n looked at, k members, d width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from locate3d_ros.model.proposal_config import ProposalDecoderConfig
from locate3d_ros.model.proposal_decoder import ProposalDecoder, ProposalPrediction, SceneTokens
from locate3d_ros.model.proposal_embedding import ProposalInput


@dataclass(frozen=True)
class EnsembleTokens:
    """What no sentence changes."""

    members: tuple[SceneTokens, ...]
    box_shift: Tensor  # [n, 6] mean over the members


class ProposalEnsemble(nn.Module):
    """Looks to its callers like one decoder; errors of different seeds are not the same, so that fewer are left."""

    def __init__(self, members: Sequence[ProposalDecoder]) -> None:
        """Take decoders of the same measures; the first one's sizes and weight of similarity count."""
        super().__init__()
        self.members = nn.ModuleList(members)

    @property
    def decoders(self) -> list[ProposalDecoder]:
        """The members."""
        return [member for member in self.members if isinstance(member, ProposalDecoder)]

    @property
    def config(self) -> ProposalDecoderConfig:
        """The first member's, told of rooms where any is."""
        configs = [member.config for member in self.decoders]
        return replace(configs[0], rooms=any(config.rooms for config in configs))

    def embed(self, proposals: ProposalInput) -> Tensor:
        """Embed proposals -> (p, k, d)."""
        return torch.stack([member.embed(proposals) for member in self.decoders], dim=1)

    def things(self, embedded: Tensor) -> Tensor:
        """Return logits (p,) of the overlap with the nearest real object."""
        logits = [member.things(embedded[:, k]) for k, member in enumerate(self.decoders)]
        return torch.stack(logits).mean(dim=0)

    def encode(self, embedded: Tensor, pairs: Tensor) -> EnsembleTokens:
        """Put embedded proposals (n, k, d) into the context of the scene; pairs as one decoder takes them."""
        tokens = tuple(member.encode(embedded[:, k], pairs) for k, member in enumerate(self.decoders))
        return EnsembleTokens(tokens, torch.stack([each.box_shift for each in tokens]).mean(dim=0))

    def forward(self, scene: EnsembleTokens, states: Tensor, there: Tensor) -> ProposalPrediction:
        """Decode sentences: probabilities of choices are averaged, of all else the logits."""
        said = [member(tokens, states, there) for member, tokens in zip(self.decoders, scene.members, strict=True)]
        choices = torch.stack([each.choice.log_softmax(dim=1) for each in said])
        return ProposalPrediction(
            choices.logsumexp(dim=0) - math.log(len(said)),
            *(
                torch.stack([getattr(each, name) for each in said]).mean(dim=0)
                for name in ("absent", "words", "parts", "places")
            ),
        )

    def doubt(self, shift: float) -> None:
        """Add to the logit of there being no such thing."""
        for member in self.decoders:
            member.doubt(shift)

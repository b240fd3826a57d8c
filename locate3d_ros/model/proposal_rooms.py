"""What a proposal and a sentence are told of rooms: "the chair in the kitchen".

A room is known by what is in it. Its vector is a weighted mean of its proposals'; each proposal learns the vector of
its own room, and the words are compared with it. Letters in shapes: n looked at, b sentences, t words, d width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from locate3d_ros.model.proposal_config import ProposalDecoderConfig

ELSEWHERE = -1e4  # logit of what is in another room, and of a word that is not there


class RoomContext(nn.Module):
    """Vectors of rooms from those of the proposals in them, and how words fit them; at first of no effect."""

    def __init__(self, config: ProposalDecoderConfig) -> None:
        super().__init__()
        width = config.width
        self.telling = nn.Linear(width, 1)
        self.kind = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(width, width), nn.LayerNorm(width)
        )
        self.told = nn.Linear(width, width)
        self.attended = nn.Linear(width, 1)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        for layer in (self.told, self.query):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
        """Tell proposals (n, d) of their rooms, by who is in the same one (n, n) bool -> both (n, d)."""
        telling = self.telling(tokens)[:, 0].expand(len(tokens), -1)
        rooms = self.kind(telling.masked_fill(~same, ELSEWHERE).softmax(dim=1) @ tokens)
        return tokens + self.told(rooms), rooms

    def score(self, rooms: Tensor, words: Tensor, there: Tensor) -> Tensor:
        """Score the room of each proposal (n, d) by words (b, t, d) that are there (b, t) -> (b, n)."""
        shares = self.attended(words)[..., 0].masked_fill(~there, ELSEWHERE).softmax(dim=1)
        said = self.key(torch.einsum("bt,btd->bd", shares, words))
        score: Tensor = said @ self.query(rooms).T / rooms.shape[1] ** 0.5
        return score

"""The proposal decoder: which 3D proposal a sentence means, and whether it means any.

Where the Locate 3D decoder's queries are learned vectors that look for objects among the points, these are the regions
that geometry proposes. Words are read as parts of a sentence (what is sought, and up to two things that it is said to
lie to), each part is looked for among the proposals, and how a proposal lies to the likeliest anchors is weighed by
what the words say of it. All measures but the points of a proposal are relative, so that a turned or mirrored room is
the same room; points are turned and mirrored in training.

Letters in shapes: p proposals, n looked at, b sentences, t words, d width, g pair width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from locate3d_ros.model.proposal_config import ProposalDecoderConfig
from locate3d_ros.model.proposal_embedding import ProposalEmbedding, ProposalInput
from locate3d_ros.model.proposal_rooms import RoomContext

PARTS = 3  # of a sentence: target, first anchor, second anchor
TARGET, OUTSIDE = 0, PARTS  # places among a word's parts; OUTSIDE: it belongs to none
LEAST_PART = 0.05  # words' worth that a part is divided by at least
UNLIKELY = -1e4  # logit of a word that is not there


@dataclass(frozen=True)
class SceneTokens:
    """What no sentence changes."""

    tokens: Tensor  # [n, d]
    pairs: Tensor  # [n, n, g]
    box_shift: Tensor  # [n, 6] of each box's corners, in half edges
    rooms: Tensor | None  # [n, d] the room of each; None: the model knows no rooms


@dataclass(frozen=True)
class ProposalPrediction:
    """What the decoder says of b sentences."""

    choice: Tensor  # [b, n] logits over the proposals
    absent: Tensor  # [b] logit of there being no such thing
    words: Tensor  # [b, n, t] logits of a word meaning a proposal
    parts: Tensor  # [b, t, PARTS + 1] logits of a word's part
    places: Tensor  # [PARTS, b, n] logits of each part's proposal, by its own words alone


class SceneLayer(nn.Module):
    """Attention among the proposals, biased by how they lie to one another."""

    def __init__(self, config: ProposalDecoderConfig) -> None:
        super().__init__()
        width, self.heads = config.width, config.heads
        self.norm, self.ffn_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.bias = nn.Linear(config.pair_width, config.heads)
        self.ffn = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor, pairs: Tensor) -> Tensor:
        """Update tokens (n, d) by pairs (n, n, g)."""
        n, width = tokens.shape
        projected = self.queries_keys_values(self.norm(tokens)).view(n, 3, self.heads, -1)
        queries, keys, values = projected.permute(1, 2, 0, 3)
        mixed = functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=self.bias(pairs).permute(2, 0, 1)
        )
        tokens = tokens + self.out(mixed.transpose(0, 1).reshape(n, width))
        updated: Tensor = tokens + self.ffn(self.ffn_norm(tokens))
        return updated


class RelationHead(nn.Module):
    """How well a proposal lies to the anchors, as the words say it."""

    def __init__(self, config: ProposalDecoderConfig) -> None:
        super().__init__()
        pair, said, hidden = 2 * config.pair_width, 2 * config.width, 64
        self.attended = nn.Linear(config.width, 2)
        self.film = nn.Linear(said, 2 * pair)
        self.of_pair, self.of_words = nn.Linear(pair, hidden), nn.Linear(said, hidden)
        self.scored = nn.Sequential(nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, 1))
        self.direct = nn.Linear(said, pair)

    def forward(self, lie: Tensor, words: Tensor, there: Tensor) -> Tensor:
        """Score how proposals lie to both anchors (b, n, 2 g) by words (b, t, d) that are there (b, t) -> (b, n)."""
        shares = self.attended(words).masked_fill(~there[..., None], UNLIKELY).softmax(dim=1)
        said = torch.einsum("btk,btd->bkd", shares, words).flatten(1)
        gain, shift = self.film(said).chunk(2, dim=-1)
        mixed = self.of_pair(lie * (1 + gain[:, None]) + shift[:, None]) + self.of_words(said)[:, None]
        score: Tensor = self.scored(mixed)[..., 0] + torch.einsum("bng,bg->bn", lie, self.direct(said))
        return score


class ProposalDecoder(nn.Module):
    """Proposals and sentences -> choices."""

    def __init__(self, config: ProposalDecoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.embedding = ProposalEmbedding(config)
        self.rooms = RoomContext(config) if config.rooms else None
        self.pairs = nn.Sequential(
            nn.Linear(config.pair_dim + config.rooms, 64), nn.GELU(), nn.Linear(64, config.pair_width)
        )
        self.scene = nn.ModuleList(SceneLayer(config) for _ in range(config.scene_layers))
        self.scene_norm = nn.LayerNorm(width)
        self.words = nn.Sequential(nn.Linear(config.text_dim, width), nn.LayerNorm(width))
        self.sentence = nn.TransformerEncoderLayer(
            width, config.heads, 2 * width, config.dropout, "gelu", batch_first=True, norm_first=True
        )
        self.parts = nn.Linear(width, PARTS + 1)
        self.word_query, self.word_key = nn.Linear(width, width), nn.Linear(width, width)
        self.part_query = nn.ModuleList(nn.Linear(width, width) for _ in range(PARTS))
        self.part_key = nn.ModuleList(nn.Linear(width, width) for _ in range(PARTS))
        self.relation = RelationHead(config)
        self.prior = nn.Linear(width, 1)
        self.absence = nn.Sequential(
            nn.Linear(2 * width + 8, width), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(width, 1)
        )
        shift = nn.Linear(width, 6)
        nn.init.zeros_(shift.weight)
        nn.init.zeros_(shift.bias)
        self.box = nn.Sequential(nn.Linear(width, width), nn.GELU(), shift)

    def embed(self, proposals: ProposalInput) -> Tensor:
        """Embed proposals -> (p, d)."""
        embedded: Tensor = self.embedding(proposals)
        return embedded

    def things(self, embedded: Tensor) -> Tensor:
        """Return logits (p,) of the overlap with the nearest real object."""
        return self.embedding.things(embedded)

    def encode(self, embedded: Tensor, pairs: Tensor) -> SceneTokens:
        """Put embedded proposals (n, d) into the context of the scene.

        Of pairs (n, n, pair_dim + 1) the last measure is whether both are in the same room.
        """
        lie, tokens = self.pairs(pairs if self.rooms is not None else pairs[..., :-1]), embedded
        for layer in self.scene:
            tokens = layer(tokens, lie)
        tokens, rooms = self.scene_norm(tokens), None
        if self.rooms is not None:
            tokens, rooms = self.rooms(tokens, pairs[..., -1] > 0)
        return SceneTokens(tokens, lie, self.box(tokens), rooms)

    def forward(self, scene: SceneTokens, states: Tensor, there: Tensor) -> ProposalPrediction:
        """Decode sentences: word states (b, t, text_dim), which of them are there (b, t) bool."""
        words = self.sentence(self.words(states), src_key_padding_mask=~there)
        parts = self.parts(words)
        shares = parts.softmax(dim=-1) * there[..., None]
        alignment = self.word_query(scene.tokens) @ self.word_key(words).transpose(1, 2) / self.config.width**0.5
        places = torch.stack([self._place(k, scene.tokens, words, shares[..., k], alignment) for k in range(PARTS)])
        named = shares[..., 1:PARTS].amax(dim=1)  # [b, 2] whether there is such an anchor
        lie = torch.einsum("kbj,ijg->kbig", places[1:].softmax(dim=2), scene.pairs) * named.T[:, :, None, None]
        relation = self.relation(torch.cat(tuple(lie), dim=-1), words, there)
        choice = places[TARGET] + relation + self.prior(scene.tokens)[:, 0]
        if self.rooms is not None and scene.rooms is not None:
            choice = choice + self.rooms.score(scene.rooms, words, there)
        sentence = (words * there[..., None]).sum(dim=1) / there.sum(dim=1, keepdim=True)
        absent = self._absence(scene, choice, relation, places, named, sentence)
        return ProposalPrediction(choice, absent, alignment, parts, places)

    def _place(self, part: int, tokens: Tensor, words: Tensor, share: Tensor, alignment: Tensor) -> Tensor:
        """Score (b, n) what a part's words, by their shares (b, t), mean."""
        total = share.sum(dim=1).clamp(min=LEAST_PART)
        mean = torch.einsum("bt,btd->bd", share, words) / total[:, None]
        whole = self.part_key[part](mean) @ self.part_query[part](tokens).T / self.config.width**0.5
        score: Tensor = whole + torch.einsum("bnt,bt->bn", alignment, share) / total[:, None]
        return score

    def _absence(
        self, scene: SceneTokens, choice: Tensor, relation: Tensor, places: Tensor, named: Tensor, sentence: Tensor
    ) -> Tensor:
        """Return the logit (b,) of there being no such thing: from how sure each part's best proposal is."""
        shares = choice.softmax(dim=1)
        measures = (
            choice.amax(dim=1),
            choice.logsumexp(dim=1),
            places[TARGET].amax(dim=1),
            places[1].amax(dim=1) * named[:, 0],
            places[2].amax(dim=1) * named[:, 1],
            (shares * places[TARGET]).sum(dim=1),
            (shares * relation).sum(dim=1),
            shares.amax(dim=1),
        )
        joined = torch.cat((shares @ scene.tokens, sentence, torch.stack(measures, dim=1) / 5), dim=1)
        logit: Tensor = self.absence(joined)[:, 0]
        return logit

    def doubt(self, shift: float) -> None:
        """Add to the logit of there being no such thing."""
        *_, bias = self.absence.parameters()
        bias.data += shift

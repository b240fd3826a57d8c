"""The text-conditioned decoder: learned queries and words attend to the points, the points to them. MODEL_SPEC §8."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from locate3d_ros.model.attention import KeysValues, PackedAttention
from locate3d_ros.model.clip_text import ClipTextEncoder
from locate3d_ros.model.config import DecoderConfig
from locate3d_ros.model.heads import BoxHead, MaskHead, TextAlignmentHead
from locate3d_ros.model.layers import LayerNorm, Linear
from locate3d_ros.model.rows import in_pieces


@dataclass(frozen=True)
class Prediction:
    """What the heads read off the queries after one layer."""

    token_logits: Tensor  # [q, 77]
    mask_logits: Tensor  # [q, n]
    boxes: Tensor  # [q, 6] x0 y0 z0 x1 y1 z1, metres


class PositionEmbedding(nn.Module):
    """Raw coordinates -> the decoder's width; a point-wise network with stored normalisation statistics."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.position_embedding_head = nn.Sequential(
            nn.Conv1d(3, width, 1), nn.BatchNorm1d(width), nn.ReLU(), nn.Conv1d(width, width, 1)
        )

    def forward(self, xyz: Tensor) -> Tensor:
        """Embed xyz (n, 3) metres, neither centred nor scaled -> (n, width)."""
        embedded: Tensor = self.position_embedding_head(xyz.T[None])[0].T
        return embedded


class AttentionBlock(nn.Module):
    """Attention and feed-forward, each behind a pre-normalised residual."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        width = config.width
        self.query_norm = LayerNorm(width)
        self.keys_norm = LayerNorm(width)  # stored in every checkpoint, never used (MODEL_SPEC §8.3)
        self.attn = PackedAttention(width, config.heads)
        self.ffn_norm = LayerNorm(width)
        self.ffn = nn.Sequential(
            Linear(width, config.feedforward),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            Linear(config.feedforward, width),
            nn.Dropout(config.dropout),
        )

    def forward(self, z: Tensor, position: Tensor, memory: KeysValues | None = None) -> Tensor:
        """Update z (r, width) at its position from projected memory, or from itself without one."""
        if memory is None:
            memory = self.attn.keys_values(self.query_norm(z) + position)
        return in_pieces(lambda rows, places: self._update(rows, places, memory), z, position)

    def _update(self, z: Tensor, position: Tensor, memory: KeysValues) -> Tensor:
        # A sum of two types is several times as slow on a GPU as converting first.
        z = z + self.attn.attend(self.query_norm(z) + position, memory).float()
        updated: Tensor = z + self.ffn(self.ffn_norm(z)).float()
        return updated


class DecoderLayer(nn.Module):
    """Words and queries among themselves, then to the points, then the points to them."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.query_self_attn = AttentionBlock(config)
        self.query_ptc_feat_attn = AttentionBlock(config)
        self.ptc_feat_query_attn = AttentionBlock(config)


@dataclass(frozen=True)
class DecoderScene:
    """What the decoder computes from the scene alone, once for all sentences."""

    xyz: Tensor  # [n, 3] metres
    points: Tensor  # [n, width]
    position: Tensor  # [n, width]
    first_memory: KeysValues  # of the first layer's attention to the points


class Decoder(nn.Module):
    """Point features and a sentence -> masks, words and boxes of the learned queries."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.text_encoder = ClipTextEncoder(config.text) if config.text.kind == "clip" else None
        self.text_projector = nn.Sequential(Linear(config.text.width, width), LayerNorm(width, eps=1e-12))
        self.ptc_feat_projector = nn.Sequential(Linear(config.feature_dim, width), LayerNorm(width, eps=1e-12))
        self.pos_embed_3d = PositionEmbedding(width)
        self.query_feat = nn.Embedding(config.queries, width)
        self.query_pos = nn.Embedding(config.queries, width)
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        self.mask_prediction_heads = nn.ModuleList(MaskHead(width) for _ in range(config.layers))
        self.text_alignment_head = nn.ModuleList(TextAlignmentHead(width, config.dropout) for _ in range(config.layers))
        self.bbox_head = BoxHead(width)

    @property
    def layers(self) -> list[DecoderLayer]:
        """The layers, first to last."""
        return list(cast(Iterable[DecoderLayer], self.decoder))

    def project_scene(self, features: Tensor, xyz: Tensor, position: Tensor | None = None) -> DecoderScene:
        """Compute what no sentence changes from encoder features (n, feature_dim) and xyz (n, 3) metres.

        `position` (n, width) is the embedding of xyz where it was computed for several scenes at once.
        """
        points = self.ptc_feat_projector(features)
        position = self.pos_embed_3d(xyz) if position is None else position
        first = self.layers[0].query_ptc_feat_attn.attn
        return DecoderScene(xyz, points, position, first.keys_values(points + position))

    def forward(self, scene: DecoderScene, word_states: Tensor, every_layer: bool = False) -> list[Prediction]:
        """Decode one sentence from its words' states (t, text width), start and end marks included.

        Returns the last layer's prediction, or every layer's, in order, for deep supervision.
        """
        predictions = []
        for i, (queries, points) in enumerate(self.layer_states(scene, word_states)):
            if every_layer or i == len(self.layers) - 1:
                predictions.append(self._predict(i, queries, points, scene.xyz))
        return predictions

    def layer_states(self, scene: DecoderScene, word_states: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the queries (q, width) and the points (n, width) after every layer."""
        words, points = self.text_projector(word_states), scene.points
        sequence = torch.cat((self.query_feat.weight, words))
        position = torch.cat((self.query_pos.weight, torch.zeros_like(words)))
        for i, layer in enumerate(self.layers):
            sequence = layer.query_self_attn(sequence, position)
            to_points = layer.query_ptc_feat_attn
            memory = scene.first_memory if i == 0 else to_points.attn.keys_values(points + scene.position)
            sequence = to_points(sequence, position, memory)
            to_sequence = layer.ptc_feat_query_attn
            points = to_sequence(points, scene.position, to_sequence.attn.keys_values(sequence + position))
            yield sequence[: self.config.queries], points

    def _predict(self, layer: int, queries: Tensor, points: Tensor, xyz: Tensor) -> Prediction:
        return Prediction(
            self.text_alignment_head[layer](queries),
            self.mask_prediction_heads[layer](queries, points),
            self.bbox_head(queries, points, xyz),
        )

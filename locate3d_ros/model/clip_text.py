"""The CLIP text tower, under the keys of the released checkpoints. Source: MODEL_SPEC §8.2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from locate3d_ros.model.config import TextConfig


class TextAttention(nn.Module):
    """Causal self-attention with separate projections."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.k_proj = nn.Linear(config.width, config.width)
        self.v_proj = nn.Linear(config.width, config.width)
        self.q_proj = nn.Linear(config.width, config.width)
        self.out_proj = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Attend among tokens (t, width), each to itself and those before it."""
        q, k, v = (
            projection(x).unflatten(1, (self.heads, -1)).transpose(0, 1)[None]
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        output: Tensor = self.out_proj(attended[0].transpose(0, 1).flatten(1))
        return output


class TextMlp(nn.Module):
    """Two linear maps with CLIP's quick GELU between."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.width, config.feedforward)
        self.fc2 = nn.Linear(config.feedforward, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (t, width) -> (t, width)."""
        hidden = self.fc1(x)
        output: Tensor = self.fc2(hidden * torch.sigmoid(1.702 * hidden))
        return output


class TextLayer(nn.Module):
    """Attention and MLP, each behind a pre-normalised residual."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.self_attn = TextAttention(config)
        self.layer_norm1 = nn.LayerNorm(config.width)
        self.mlp = TextMlp(config)
        self.layer_norm2 = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Transform tokens (t, width)."""
        x = x + self.self_attn(self.layer_norm1(x))
        output: Tensor = x + self.mlp(self.layer_norm2(x))
        return output


class TextEmbeddings(nn.Module):
    """Token and position embeddings."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocabulary, config.width)
        self.position_embedding = nn.Embedding(config.positions, config.width)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Embed token ids (t,) -> (t, width)."""
        embedded: Tensor = self.token_embedding(token_ids) + self.position_embedding.weight[: len(token_ids)]
        return embedded


class TextModel(nn.Module):
    """Embeddings, layers and the final normalisation."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.embeddings = TextEmbeddings(config)
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(TextLayer(config) for _ in range(config.layers))})
        self.final_layer_norm = nn.LayerNorm(config.width)

    @property
    def layers(self) -> list[TextLayer]:
        """The layers, first to last."""
        return list(cast(Iterable[TextLayer], self.encoder["layers"]))


class ClipTextEncoder(nn.Module):
    """Token ids -> last hidden states."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.text_model = TextModel(config)
        # Part of every checkpoint, not of the computation: the decoder reads token states, not the pooled vector.
        self.text_projection = nn.Linear(config.width, config.projection, bias=False)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the states (t, width) of token ids (t,), start and end tokens included."""
        x = self.text_model.embeddings(token_ids)
        for layer in self.text_model.layers:
            x = layer(x)
        states: Tensor = self.text_model.final_layer_norm(x)
        return states

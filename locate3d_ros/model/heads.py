"""What is read off the queries after a decoder layer: masks, words, boxes. Source: MODEL_SPEC §8.4."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from locate3d_ros.model.attention import KeysValues, PackedAttention
from locate3d_ros.model.layers import LayerNorm, Linear

TOKEN_COLUMNS = 77  # always all positions of the tokenised sentence, however long it is
BOX_HEADS = 16
MIN_BOX_SIZE = 1e-6  # metres


class MaskHead(nn.Module):
    """Which points belong to a query."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mask_embed = nn.Sequential(
            Linear(width, width), nn.ReLU(), Linear(width, width), nn.ReLU(), Linear(width, width)
        )

    def forward(self, queries: Tensor, points: Tensor) -> Tensor:
        """Return mask logits (q, n) of queries (q, width) over points (n, width)."""
        logits: Tensor = self.mask_embed(queries).float() @ points.float().T
        return logits


class TextAlignmentHead(nn.Module):
    """Which words of the sentence a query stands for: a classifier over token positions."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.text_alignment_head = nn.Sequential(
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, TOKEN_COLUMNS, 1),
        )

    def forward(self, queries: Tensor) -> Tensor:
        """Return token logits (q, 77) of queries (q, width)."""
        logits: Tensor = self.text_alignment_head(queries.T[None])[0].T
        return logits


class BoxHead(nn.Module):
    """Where a query's object is: an attention over all points, then centre and size in the map frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query_projector = Linear(width, 2 * width)
        self.xyz_projector = Linear(3, width)
        self.cross_attention = PackedAttention(2 * width, BOX_HEADS)
        self.bbox_predictor = nn.Sequential(
            Linear(2 * width, 2 * width),
            LayerNorm(2 * width),
            nn.ReLU(),
            Linear(2 * width, width),
            LayerNorm(width),
            nn.ReLU(),
            Linear(width, 6),
        )

    def forward(self, queries: Tensor, points: Tensor, xyz: Tensor) -> Tensor:
        """Return boxes (q, 6) x0 y0 z0 x1 y1 z1, metres, of queries (q, width) over points (n, width) at xyz (n, 3)."""
        # Metres need float32 whatever the rest of the model computes in.
        with torch.autocast(queries.device.type, enabled=False):
            memory = self._keys_values(points.float(), xyz)
            attended = self.cross_attention.attend(self.query_projector(queries.float()), memory)
            return decode_boxes(self.bbox_predictor(attended))

    def _keys_values(self, points: Tensor, xyz: Tensor) -> KeysValues:
        """Project [points, xyz_projector(xyz)] to keys and values.

        What the two linear maps do to a place is one map from its three coordinates: half of the products are saved.
        """
        attention, width = self.cross_attention, points.shape[1]
        of_points, of_places = torch.split(attention.in_proj_weight[2 * width :], width, dim=1)
        bias = attention.in_proj_bias[2 * width :] + of_places @ self.xyz_projector.bias
        of_xyz = functional.linear(xyz, of_places @ self.xyz_projector.weight, bias)
        return attention.by_head(torch.addmm(of_xyz, points, of_points.T))


def decode_boxes(prediction: Tensor) -> Tensor:
    """Turn centre and raw size (q, 6) into corners (q, 6), metres."""
    center, size = prediction[:, :3], functional.softplus(prediction[:, 3:]).clamp(min=MIN_BOX_SIZE)
    return torch.cat((center - size / 2, center + size / 2), dim=1)

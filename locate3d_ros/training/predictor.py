"""3D-JEPA's predictor: from the context's features to those of the hidden voxels. Source: MODEL_SPEC §20."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from locate3d_ros.model.config import ORDERS
from locate3d_ros.model.serialization import bit_depth, curve_codes, invert_permutation, window_positions
from locate3d_ros.training.config import JepaConfig

LONGEST = 100.0  # metres: the slowest rotation's wave length; the fastest has 2 pi times SHORTEST
SHORTEST = 0.1


def rotary_angles(xyz: Tensor, head_width: int) -> Tensor:
    """Return rotation angles (n, pairs) of places xyz (n, 3) metres: a third of the pairs for each axis.

    Differences of angles depend on differences of places alone (Su et al. 2021, RoPE, for three axes).
    """
    pairs = head_width // 6
    steps = torch.arange(pairs, device=xyz.device) / max(1, pairs - 1)
    frequencies = (1 / SHORTEST) * (SHORTEST / LONGEST) ** steps
    return (xyz[:, :, None] * frequencies).flatten(1)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn pairs of channels of x (..., n, head_width) by angles (..., n, pairs); channels beyond stay."""
    width = 2 * angles.shape[-1]
    turned, rest = x[..., :width], x[..., width:]
    first, second = turned.reshape(*turned.shape[:-1], -1, 2).unbind(-1)
    cosine, sine = angles.cos(), angles.sin()
    pairs = torch.stack((first * cosine - second * sine, first * sine + second * cosine), dim=-1)
    return torch.cat((pairs.flatten(-2), rest), dim=-1)


class PredictorLayer(nn.Module):
    """Attention within windows along one curve, then an MLP; each behind a residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, angles: Tensor, places: Tensor) -> Tensor:
        """Update x (n, width); places [windows, size] are the rows of every window, angles (n, pairs) of every row."""
        windows, size = places.shape
        qkv = self.qkv(self.norm1(x))[places].reshape(windows, size, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each [windows, heads, size, head width]
        turn = angles[places][:, None]
        attended = functional.scaled_dot_product_attention(rotate(q, turn), rotate(k, turn), v)
        rows = self.proj(attended.transpose(1, 2).flatten(2)).flatten(0, 1)
        # The last window is filled with rows of the one before it: only a row's first place counts.
        x = x + rows[first_places(places.flatten(), len(x))]
        updated: Tensor = x + self.mlp(self.norm2(x))
        return updated


class Predictor(nn.Module):
    """Context tokens and mask tokens -> the target encoder's features at the hidden voxels."""

    def __init__(self, channels: int, config: JepaConfig) -> None:
        super().__init__()
        width = config.predictor_width
        self.config = config
        self.embed = nn.Linear(channels, width)
        self.mask_token = nn.Parameter(torch.zeros(width))
        self.layers = nn.ModuleList(
            PredictorLayer(width, config.predictor_heads) for _ in range(config.predictor_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, channels)
        nn.init.trunc_normal_(self.mask_token, std=0.02)

    def forward(self, context: Tensor, hidden: Tensor, xyz: Tensor, cells: Tensor) -> Tensor:
        """Predict (h, channels) at the hidden voxels.

        context (n - h, channels) of the others, hidden (n,) bool, xyz (n, 3) metres, cells (n, 3) int64 of all.
        """
        embedded = self.embed(context)
        x = self.mask_token.to(embedded.dtype).expand(len(hidden), -1).clone()
        x[~hidden] = embedded
        angles = rotary_angles(xyz - xyz.mean(dim=0), self.config.predictor_width // self.config.predictor_heads)
        curves = self._windows(cells)
        for i, layer in enumerate(self.layers):
            x = layer(x, angles, curves[i % len(curves)])
        predicted: Tensor = self.head(self.norm(x[hidden]))
        return predicted

    def _windows(self, cells: Tensor) -> list[Tensor]:
        """Return the rows [windows, size] of every window along each curve."""
        cells = cells - cells.amin(dim=0)
        size = min(len(cells), self.config.predictor_window)
        positions = window_positions(len(cells), size, cells.device)
        orders = curve_codes(cells, ORDERS, bit_depth(cells)).argsort(dim=1)
        return [order[positions].reshape(-1, size) for order in orders]


def first_places(rows: Tensor, count: int) -> Tensor:
    """Return the first place (count,) at which each row 0 … count-1 stands in rows (m,); every row stands in it."""
    if len(rows) == count:
        return invert_permutation(rows)
    places = torch.arange(len(rows), device=rows.device)
    return torch.full((count,), len(rows), device=rows.device).scatter_reduce(0, rows, places, "amin")

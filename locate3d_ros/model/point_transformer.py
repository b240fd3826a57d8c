"""Point Transformer V3 as Locate 3D uses it. Source: MODEL_SPEC §2-§7. Attribute names are the checkpoints' keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from locate3d_ros.model.config import PointTransformerConfig
from locate3d_ros.model.layers import LayerNorm, Linear
from locate3d_ros.model.rows import in_pieces
from locate3d_ros.model.serialization import bit_depth, curve_codes, invert_permutation, window_positions
from locate3d_ros.model.sparse_conv import ConvolutionBackend, Neighbours, SubmanifoldConv, find_neighbours


@dataclass(frozen=True)
class Level:
    """The geometry of one resolution: cells, their order along every curve, neighbours, windows."""

    cells: Tensor  # [n, 3] int64
    codes: Tensor  # [orders, n] int64
    order: Tensor  # [orders, n] int64: rows sorted along each curve
    inverse: Tensor  # [orders, n] int64
    depth: int  # bits per axis
    neighbours: Neighbours  # 3x3x3
    windows: Tensor  # [orders, n_pad] int64: the row at each window position along each curve
    window_size: int

    @classmethod
    def of(cls, cells: Tensor, codes: Tensor, depth: int, patch_size: int, backend: ConvolutionBackend) -> Level:
        """Order the cells along their curves and find their neighbours and windows."""
        order = codes.argsort(dim=1)
        windows = order[:, window_positions(len(cells), patch_size, cells.device)]
        size = min(len(cells), patch_size)
        neighbours = find_neighbours(cells, 3, backend)
        return cls(cells, codes, order, invert_permutation(order), depth, neighbours, windows, size)


@dataclass(frozen=True)
class Pyramid:
    """All levels of a scene, finest first; `parent[s]` maps rows of level s to rows of level s + 1."""

    levels: tuple[Level, ...]
    parents: tuple[Tensor, ...]
    stem_neighbours: Neighbours  # 5x5x5 of the finest level


def build_pyramid(cells: Tensor, config: PointTransformerConfig, backend: ConvolutionBackend = "portable") -> Pyramid:
    """Serialize cells (n, 3) int64 >= 0 and pool them by two along the first curve, stage by stage."""
    depth = bit_depth(cells)
    codes = curve_codes(cells, config.orders, depth)
    levels = [Level.of(cells, codes, depth, config.patch_sizes[0], backend)]
    parents = []
    for patch_size in config.patch_sizes[1:]:
        fine = levels[-1]
        shift = 1 if fine.depth >= 1 else 0
        clusters, parent = torch.unique(fine.codes[0] >> 3 * shift, return_inverse=True)
        rows = torch.arange(len(parent), device=parent.device)
        representative = torch.full_like(clusters, len(parent)).scatter_reduce_(0, parent, rows, "amin")
        coarse_codes = fine.codes[:, representative] >> 3 * shift
        coarse_cells = fine.cells[representative] >> shift
        levels.append(Level.of(coarse_cells, coarse_codes, fine.depth - shift, patch_size, backend))
        parents.append(parent)
    return Pyramid(tuple(levels), tuple(parents), find_neighbours(cells, 5, backend))


class SceneBatchNorm(nn.Module):
    """Batch normalisation over the rows of the current scene, in training and evaluation alike; eps 1e-3.

    A single row normalises to the bias (the reference raises an error there).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Normalise features (n, channels) by their own mean and biased variance."""
        features = features.float()  # statistics of thousands of rows need the digits
        centred = features - features.mean(dim=0)
        variance = centred.square().mean(dim=0)
        return torch.addcmul(self.bias, centred, torch.rsqrt(variance + 1e-3) * self.weight)


class WindowAttention(nn.Module):
    """Self-attention within windows along one curve."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = Linear(channels, 3 * channels)
        self.proj = Linear(channels, channels)

    def forward(self, features: Tensor, level: Level, curve: int) -> Tensor:
        """Attend among features (n, channels) of a window; the copies that fill the last window are dropped."""
        in_order = features.index_select(0, level.windows[curve])
        attended = in_pieces(lambda rows: self._attend(rows, level.window_size), in_order, multiple=level.window_size)
        return attended.index_select(0, level.inverse[curve])

    def _attend(self, rows: Tensor, window_size: int) -> Tensor:
        """Attend within whole windows of rows (m, channels) in curve order."""
        qkv = self.qkv(rows).reshape(-1, window_size, 3, self.heads, rows.shape[1] // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each [windows, heads, size, channels / heads]
        attended = functional.scaled_dot_product_attention(q, k, v)
        projected: Tensor = self.proj(attended.transpose(1, 2).flatten(2).flatten(0, 1))
        return projected


class Mlp(nn.Module):
    """Two linear maps with a GELU between."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.fc1 = Linear(channels, channels * ratio)
        self.fc2 = Linear(channels * ratio, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (n, channels) -> (n, channels)."""
        return in_pieces(lambda rows: self.fc2(functional.gelu(self.fc1(rows))), features)


class Block(nn.Module):
    """Conditional position encoding, window attention, MLP: each behind a residual."""

    def __init__(self, channels: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.cpe = nn.ModuleList(
            (SubmanifoldConv(channels, channels, 3, bias=True), Linear(channels, channels), LayerNorm(channels))
        )
        self.norm1 = nn.Sequential(LayerNorm(channels))
        self.attn = WindowAttention(channels, heads)
        self.norm2 = nn.Sequential(LayerNorm(channels))
        self.mlp = nn.Sequential(Mlp(channels, mlp_ratio))

    def forward(self, x: Tensor, level: Level, curve: int, convolved: Tensor | None = None) -> Tensor:
        """Transform x (n, channels). `convolved` replaces x as the convolution's input (MODEL_SPEC §7)."""
        conv, linear, norm = self.cpe
        x = x + norm(linear(conv(x if convolved is None else convolved, level.neighbours)))
        # A sum of two types is several times as slow on a GPU as converting first.
        x = x + self.attn(self.norm1(x), level, curve).float()
        transformed: Tensor = x + self.mlp(self.norm2(x)).float()
        return transformed


class Pooling(nn.Module):
    """Halve the resolution: linear, maximum over the children, batch normalisation, GELU - in this order."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.proj = Linear(in_channels, out_channels)
        self.norm = nn.Sequential(SceneBatchNorm(out_channels))

    def forward(self, features: Tensor, parent: Tensor, n_coarse: int) -> Tensor:
        """Pool features (n_fine, in) -> (n_coarse, out)."""
        projected = self.proj(features)
        index = parent[:, None].expand_as(projected)
        pooled = projected.new_full((n_coarse, projected.shape[1]), float("-inf"))
        pooled = pooled.scatter_reduce(0, index, projected, "amax")
        return functional.gelu(self.norm(pooled))


class Unpooling(nn.Module):
    """Double the resolution: parent features beside the skip connection."""

    def __init__(self, coarse_channels: int, skip_channels: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Sequential(Linear(coarse_channels, channels), SceneBatchNorm(channels), nn.GELU())
        self.proj_skip = nn.Sequential(Linear(skip_channels, channels), SceneBatchNorm(channels), nn.GELU())

    def forward(self, coarse: Tensor, skip: Tensor, parent: Tensor) -> tuple[Tensor, Tensor]:
        """Return (skip + up, skip), both (n_fine, channels)."""
        projected_skip = self.proj_skip(skip)
        return projected_skip + self.proj(coarse).index_select(0, parent), projected_skip


class Stage(nn.Module):
    """What one resolution does: an optional resampling, then blocks. Keys `block{i}` beside `down` or `up`."""

    def __init__(self, depth: int, channels: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.down: Pooling | None = None
        self.up: Unpooling | None = None
        self.depth = depth
        for i in range(depth):
            self.add_module(f"block{i}", Block(channels, heads, mlp_ratio))

    def forward(self, x: Tensor, level: Level, convolved: Tensor | None = None) -> Tensor:
        """Apply the blocks to x (n, channels); block i attends along curve i mod the number of curves."""
        for i in range(self.depth):
            block = self.get_submodule(f"block{i}")
            x = block(x, level, i % len(level.order), convolved if i == 0 else None)
        return x


class Stem(nn.Module):
    """5x5x5 convolution, batch normalisation, GELU."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = SubmanifoldConv(in_channels, channels, 5, bias=False)
        self.norm = SceneBatchNorm(channels)

    def forward(self, features: Tensor, neighbours: Neighbours) -> Tensor:
        """Embed features (n, in) -> (n, channels)."""
        return functional.gelu(self.norm(self.conv(features, neighbours)))


class PointTransformerV3(nn.Module):
    """Encoder-decoder over the pyramid of a scene's cells."""

    def __init__(self, config: PointTransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.ModuleDict({"stem": Stem(config.in_channels, config.encoder_channels[0])})
        self.enc = nn.ModuleDict({f"enc{s}": _encoder_stage(config, s) for s in range(len(config.encoder_depths))})
        self.dec = nn.ModuleDict({f"dec{s}": _decoder_stage(config, s) for s in range(len(config.decoder_depths))})

    def forward(self, features: Tensor, pyramid: Pyramid) -> Tensor:
        """Map features (n, in_channels) of the finest cells to (n, decoder_channels[0]), in input order."""
        x: Tensor = self.embedding["stem"](features, pyramid.stem_neighbours)
        skips = []
        for s, level in enumerate(pyramid.levels):
            stage = cast(Stage, self.enc[f"enc{s}"])
            if stage.down is not None:
                x = stage.down(x, pyramid.parents[s - 1], len(level.cells))
            x = stage(x, level)
            skips.append(x)
        for s in reversed(range(len(self.dec))):
            stage = cast(Stage, self.dec[f"dec{s}"])
            if stage.up is not None:
                x, skip = stage.up(x, skips[s], pyramid.parents[s])
                x = stage(x, pyramid.levels[s], convolved=skip)
        return x


def _encoder_stage(config: PointTransformerConfig, s: int) -> Stage:
    channels = config.encoder_channels[s]
    stage = Stage(config.encoder_depths[s], channels, config.encoder_heads[s], config.mlp_ratio)
    if s > 0:
        stage.down = Pooling(config.encoder_channels[s - 1], channels)
    return stage


def _decoder_stage(config: PointTransformerConfig, s: int) -> Stage:
    channels = config.decoder_channels[s]
    coarser = (*config.decoder_channels[1:], config.encoder_channels[-1])[s]
    stage = Stage(config.decoder_depths[s], channels, config.decoder_heads[s], config.mlp_ratio)
    stage.up = Unpooling(coarser, config.encoder_channels[s], channels)
    return stage

"""How pretraining begins: with averages of the features, of which nothing is lost.

With weights drawn at random the pattern of occupied cells drowns the features in a new encoder, and a new predictor
does not find the places around a hidden one (docs/results.md has figures).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import nn

from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.model.point_transformer import Block, Mlp, Pooling, SceneBatchNorm, Stem, Unpooling
from locate3d_ros.model.sparse_conv import SubmanifoldConv
from locate3d_ros.training.predictor import Predictor, PredictorLayer

OPEN = 2.0  # standard deviations above zero: from there a GELU hardly bends anything
NEAR = 6.0  # of a query's and a key's numbers: how much more the predictor's attention looks at near places


@torch.no_grad()
def start_averaging(encoder: Encoder3DJepa) -> None:
    """Let a new encoder hand its features on, and every block add the mean over the neighbouring voxels.

    Features enter by orthogonal maps and keep their channels; attention and MLP of the blocks are silent at first.
    """
    nn.init.orthogonal_(encoder.feature_embed.weight)
    for part in encoder.modules():
        if isinstance(part, SceneBatchNorm):
            nn.init.constant_(part.bias, OPEN)
        elif isinstance(part, Stem):
            _see_own_voxel(part.conv)
        elif isinstance(part, Pooling):
            _keep_channels(part.proj)
        elif isinstance(part, Unpooling):
            _keep_channels(cast(nn.Linear, part.proj[0]))
            _keep_channels(cast(nn.Linear, part.proj_skip[0]))
        elif isinstance(part, Block):
            _add_neighbours(part)


@torch.no_grad()
def start_near(predictor: Predictor) -> None:
    """Let a new predictor answer with the mean of what is around a hidden voxel.

    Equal queries and keys, turned by their places, have products that are largest where the places are the same.
    """
    nn.init.orthogonal_(predictor.embed.weight)
    nn.init.zeros_(predictor.embed.bias)
    nn.init.zeros_(predictor.mask_token)
    predictor.head.weight.copy_(predictor.embed.weight.T)
    nn.init.zeros_(predictor.head.bias)
    for layer in cast(Iterable[PredictorLayer], predictor.layers):
        width = layer.proj.out_features
        nn.init.zeros_(layer.qkv.weight)
        nn.init.eye_(layer.qkv.weight[2 * width :])
        nn.init.constant_(layer.qkv.bias[: 2 * width], NEAR)
        nn.init.zeros_(layer.qkv.bias[2 * width :])
        _keep_channels(layer.proj)
        _silence(cast(nn.Linear, layer.mlp[2]))


def _see_own_voxel(conv: SubmanifoldConv) -> None:
    middle = conv.weight.shape[1] // 2
    own = nn.init.orthogonal_(torch.empty_like(conv.weight[:, middle, middle, middle]))
    nn.init.zeros_(conv.weight)
    conv.weight[:, middle, middle, middle] = own


def _add_neighbours(block: Block) -> None:
    # The layer norm behind it makes a mean of the sum over those neighbours that there are.
    weight = cast(SubmanifoldConv, block.cpe[0]).weight  # [out, 3, 3, 3, in]
    weight.copy_(torch.eye(len(weight))[:, None, None, None].expand_as(weight))
    _keep_channels(cast(nn.Linear, block.cpe[1]))
    _silence(block.attn.proj)
    _silence(cast(Mlp, block.mlp[0]).fc2)


def _silence(linear: nn.Linear) -> None:
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)


def _keep_channels(linear: nn.Linear) -> None:
    """Map every channel to itself; where there are more behind than before, to the channels after them once more."""
    behind, before = linear.weight.shape
    _silence(linear)
    linear.weight[torch.arange(behind), torch.arange(behind) % before] = 1.0

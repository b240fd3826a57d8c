"""Less memory for more time: activations are computed again in the backward pass (Chen et al. 2016)."""

from __future__ import annotations

from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from locate3d_ros.model.decoder import AttentionBlock
from locate3d_ros.model.heads import BoxHead
from locate3d_ros.model.point_transformer import Block, Stem


def recompute_activations(module: nn.Module) -> None:
    """Keep only the inputs of the large parts, in place; results and gradients stay the same."""
    for part in module.modules():
        if isinstance(part, Block | Stem | AttentionBlock | BoxHead):
            part.forward = partial(checkpoint, part.forward, use_reentrant=False)  # type: ignore[method-assign]

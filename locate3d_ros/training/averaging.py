"""An exponential average of a module's state, beside the module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class AveragedState:
    """Averaged parameters and buffers; what is not trained and whole numbers are the module's own."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        """Begin with the module's state. Until 1 / (1 - decay) updates were made the average is over all of them."""
        self.decay = decay
        self.updates = 0
        self.tensors = {name: tensor.clone() for name, tensor in _averaged(module)}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average towards the module's state."""
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + 10))
        for name, tensor in _averaged(module):
            self.tensors[name].lerp_(tensor, 1 - decay)

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """Give the module the averaged state for a while."""
        own = {name: tensor.clone() for name, tensor in _averaged(module)}
        _copy(self.tensors, module)
        try:
            yield
        finally:
            _copy(own, module)


def _averaged(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Walk what is averaged: floating-point parameters and buffers, by name."""
    for name, parameter in module.named_parameters():
        yield name, parameter.detach()
    for name, buffer in module.named_buffers():
        if buffer.is_floating_point():
            yield name, buffer


@torch.no_grad()
def _copy(tensors: dict[str, Tensor], module: nn.Module) -> None:
    for name, tensor in _averaged(module):
        tensor.copy_(tensors[name])

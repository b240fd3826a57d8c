"""Submanifold convolution through spconv, where it is installed. CUDA alone: its CPU kernels return wrong rows."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from locate3d_ros.errors import InputError


@dataclass(frozen=True)
class SpconvTable:
    """A scene's cells as spconv holds them; its index pairs are found at the first convolution and kept."""

    scene: Any  # spconv.pytorch.SparseConvTensor without features
    kernel_size: int

    @classmethod
    def of(cls, cells: Tensor, kernel_size: int) -> SpconvTable:
        """Hold cells (n, 3) int64. Raises InputError off CUDA and where spconv is not installed."""
        require_spconv(cells.device)
        first = cells - cells.amin(dim=0)
        shape = [int(side) for side in (first.amax(dim=0) + kernel_size).tolist()]
        indices = torch.cat((first.new_zeros(len(first), 1), first), dim=1).int()
        empty = torch.zeros(len(cells), 1, device=cells.device)
        return cls(_spconv().SparseConvTensor(empty, indices, shape, batch_size=1), kernel_size)

    def convolve(self, features: Tensor, weight: Tensor) -> Tensor:
        """Convolve features (n, in) with a weight [out, k, k, k, in] -> (n, out), in float32."""
        module = _convolution(weight.shape[4], weight.shape[0], self.kernel_size)
        module.train(torch.is_grad_enabled())
        # Under autocast spconv computes in float16, whose range a bfloat16 model's numbers can leave.
        with torch.autocast("cuda", enabled=False):
            scene = self.scene.replace_feature(features.float())
            convolved: Tensor = functional_call(module, {"weight": weight.float()}, (scene,)).features
        return convolved


def require_spconv(device: torch.device) -> None:
    """Raise InputError, one line, where spconv cannot run."""
    if device.type != "cuda":
        raise InputError("convolution = 'spconv': runs on CUDA only; give convolution = 'portable' here")
    _spconv()


@cache
def _convolution(in_channels: int, out_channels: int, kernel_size: int) -> nn.Module:
    """Make spconv's module without a weight of its own; one index key, so that a scene's pairs are found once."""
    with torch.device("meta"):
        module: nn.Module = _spconv().SubMConv3d(in_channels, out_channels, kernel_size, bias=False, indice_key="pairs")
    return module


def _spconv() -> Any:  # noqa: ANN401  # an optional package without types
    try:
        return importlib.import_module("spconv.pytorch")
    except ImportError:
        raise InputError(
            "convolution = 'spconv': not installed; pip install spconv-cu126, or give convolution = 'portable'"
        ) from None

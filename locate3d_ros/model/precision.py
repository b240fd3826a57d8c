"""Which precision the matrix products run in; harmonics, normalisations, softmax and boxes stay in float32."""

from __future__ import annotations

import time

import torch
from torch import nn

from locate3d_ros.model.attention import PackedAttention
from locate3d_ros.model.heads import BoxHead
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.model.sparse_conv import SubmanifoldConv

PROBE = 512  # rows and columns of the products that decide what is faster
WORTHWHILE = 1.3  # bfloat16 must be this much faster: it costs accuracy


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the type of "float32" or "bfloat16"; "auto" measures which is clearly faster on the device."""
    if name == "auto":
        return torch.bfloat16 if _speedup(device) > WORTHWHILE else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


def lower_precision(model: Locate3DModel, dtype: torch.dtype) -> Locate3DModel:
    """Store the weights of matrix products in `dtype`, once, so that no call converts them again."""
    if dtype is torch.float32:
        return model
    kept = {id(module) for part in _kept(model) for module in part.modules()}
    for module in model.modules():
        if isinstance(module, nn.Linear | SubmanifoldConv | PackedAttention) and id(module) not in kept:
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(dtype)
    return model


def _kept(model: Locate3DModel) -> list[nn.Module]:
    boxes = [module for module in model.modules() if isinstance(module, BoxHead)]
    text = model.decoder.text_encoder
    return [*boxes, model.encoder.rgb_projector, *([] if text is None else [text])]


def _speedup(device: torch.device) -> float:
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.ones(PROBE, PROBE, device=device, dtype=dtype)
        a @ a
        _wait(device)
        started = time.perf_counter()
        for _ in range(4):
            a @ a
        _wait(device)
        seconds[dtype] = time.perf_counter() - started
    return seconds[torch.float32] / seconds[torch.bfloat16]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

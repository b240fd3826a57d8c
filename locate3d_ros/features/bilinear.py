"""Which tokens of a regular grid a pixel takes, and how much of each: bilinear, corners aligned."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


# A camera's images have one size: the table is the same for every frame, and at 640 x 480 it holds 10 MB.
@lru_cache(maxsize=2)
def bilinear_table(image: tuple[int, int], grid: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return index [H, W, 4] int32 and weight [H, W, 4] float32 of every pixel over grid tokens in row order.

    image (H, W) pixels; grid (rows, columns), both 2 or more. The first token lies on the first pixel and the last on
    the last, as in `torch.nn.functional.interpolate` with align_corners=True. Shared between frames: do not write.
    """
    row, row_share = _taps(image[0], grid[0], device)
    column, column_share = _taps(image[1], grid[1], device)
    index = row[:, None, :, None] * grid[1] + column[None, :, None, :]
    weight = row_share[:, None, :, None] * column_share[None, :, None, :]
    return index.reshape(*image, 4), weight.reshape(*image, 4)


def _taps(pixels: int, tokens: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the two tokens [pixels, 2] of each pixel along one axis and their shares [pixels, 2]."""
    position = torch.linspace(0.0, tokens - 1.0, pixels, dtype=torch.float64, device=device)
    lower = position.floor().clamp(0, tokens - 2)
    upper_share = (position - lower).clamp(0.0, 1.0)
    share = torch.stack((1.0 - upper_share, upper_share), dim=-1).float()
    return torch.stack((lower, lower + 1), dim=-1).to(torch.int32), share

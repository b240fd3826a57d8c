"""Variants of a recording: fewer frames in other colours, for what cannot be varied once a scene is lifted."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch

from locate3d_ros.types import Frame

MOST_DROPPED = 0.5  # of the frames of a recording
JITTER = 0.2  # most by which brightness, contrast and the colours' strengths change, as shares


def varied(frames: Iterable[tuple[int, Frame]], scene_id: str, variant: int) -> Iterator[tuple[int, Frame]]:
    """Leave out some of the numbered frames and change the colours of the rest; variant 0 is the recording itself.

    The same scene and number give the same variant. A share of the frames, up to half, is left out, never the first;
    brightness, contrast and white balance shift for the whole recording, as in another light, and a little per frame.
    """
    if variant == 0:
        yield from frames
        return
    generator = torch.Generator().manual_seed(zlib.crc32(f"{scene_id} {variant}".encode()))
    dropped = MOST_DROPPED * float(torch.rand(1, generator=generator))
    light = _light(JITTER, generator)
    for walked, (number, frame) in enumerate(frames):
        kept = float(torch.rand(1, generator=generator)) >= dropped or walked == 0
        own = _light(JITTER / 4, generator)
        if kept:
            yield number, replace(frame, rgb=_in_light(frame.rgb, light * own))


def _light(most: float, generator: torch.Generator) -> torch.Tensor:
    """Return factors (4,) near 1: of contrast, and of the three colours (brightness and white balance)."""
    shares = 2 * torch.rand(5, generator=generator) - 1
    brightness, contrast, balance = shares[0], shares[1], shares[2:] / 2
    return torch.cat((1 + most * contrast[None], (1 + most * brightness) * (1 + most * balance)))


def _in_light(rgb: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Change the colours of an image [H, W, 3] uint8."""
    factors = factors.to(rgb.device)
    values = rgb.float() * factors[1:]
    middle = values.mean()
    return ((values - middle) * factors[0] + middle).round().clamp(0, 255).to(torch.uint8)

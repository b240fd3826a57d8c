"""Segments without a network: floods between the edges of colour, coarse ones first, fine ones over them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Labels = NDArray[np.int32]


@dataclass(frozen=True)
class _Scale:
    blur: float  # pixels of a 640-pixel image
    depth: float  # gradient (grey levels) below which pixels belong together
    smallest: float  # share of the image


SCALES = (_Scale(blur=4.0, depth=6.0, smallest=0.004), _Scale(blur=1.5, depth=10.0, smallest=0.001))
LARGEST = 0.5  # share of the image: more is background


class EmbeddedSegmenter:
    """A watershed on the colour gradient at two scales (implements `Segmenter`); needs no weights."""

    @property
    def name(self) -> str:
        """The segmenter's name."""
        return "embedded"

    def segment(self, rgb: Tensor) -> Tensor:
        """Return the masks [M, H, W] bool, the larger scale's first, on the image's device."""
        image = rgb.cpu().numpy()
        masks = [mask for scale in SCALES for mask in _segments(image, scale)]
        if not masks:
            return torch.zeros((0, *rgb.shape[:2]), dtype=torch.bool, device=rgb.device)
        return torch.from_numpy(np.stack(masks)).to(rgb.device)


def _segments(image: NDArray[np.uint8], scale: _Scale) -> list[NDArray[np.bool_]]:
    """Return the masks of one scale, largest first."""
    labels = _watershed(image, scale)
    count = np.bincount(labels[labels > 0], minlength=1)
    limits = scale.smallest * labels.size, LARGEST * labels.size
    chosen = np.flatnonzero((count >= limits[0]) & (count <= limits[1]))
    return [labels == label for label in chosen[np.argsort(-count[chosen], kind="stable")]]


def _watershed(image: NDArray[np.uint8], scale: _Scale) -> Labels:
    """Return labels [H, W] from 1; 0 or below on borders."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    smooth = cv2.GaussianBlur(lab, (0, 0), max(0.5, scale.blur * image.shape[1] / 640))
    channels = smooth.astype(np.float32)
    across, down = (cv2.Sobel(channels, cv2.CV_32F, *order, ksize=3, scale=0.25) for order in ((1, 0), (0, 1)))
    gradient = np.sqrt((across**2 + down**2).sum(axis=2))
    _, seeds = cv2.connectedComponents((gradient < scale.depth).astype(np.uint8), connectivity=4)
    return np.asarray(cv2.watershed(smooth, seeds.astype(np.int32)), dtype=np.int32)

"""The interface of segmenters, and what a segment's box is."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Segmenter(Protocol):
    """Cuts an image into segments, which may overlap and may leave pixels out."""

    @property
    def name(self) -> str:
        """The segmenter's name, as the extractor's name records it."""

    def segment(self, rgb: Tensor) -> Tensor:
        """Return the masks [M, H, W] bool of an image [H, W, 3] uint8, in the order of painting: later ones cover."""


def mask_boxes(masks: Tensor) -> Tensor:
    """Return the boxes [M, 4] int64 of masks [M, H, W]: x, y of the first column and row, width, height without +1.

    So the last row and column of a mask lie outside its box, as in the released preprocessing (FEATURES_SPEC §2.4).
    An empty mask has the box 0, 0, 0, 0.
    """
    rows, columns = masks.any(dim=2), masks.any(dim=1)
    y0, y1 = _ends(rows)
    x0, x1 = _ends(columns)
    return torch.stack((x0, y0, x1 - x0, y1 - y0), dim=1)


def with_area(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the masks whose box has an area, and their boxes: others have no crop, nor a say among the weights."""
    boxes = mask_boxes(masks)
    kept = (boxes[:, 2] * boxes[:, 3]) > 0
    return masks[kept], boxes[kept]


def _ends(line: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and last True place of every row [M, L], 0 and 0 where there is none."""
    length = line.shape[1]
    place = torch.arange(length, device=line.device)
    last = torch.where(line, place, -1).amax(dim=1).clamp(min=0)
    first = torch.where(line, place, length).amin(dim=1)
    return torch.where(first == length, 0, first), last

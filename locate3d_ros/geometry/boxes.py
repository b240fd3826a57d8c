"""Axis-aligned boxes as tensors (n, 6): x0 y0 z0 x1 y1 z1, metres."""

from __future__ import annotations

import torch
from torch import Tensor

from locate3d_ros.geometry.transforms import invert_transform, transform_points
from locate3d_ros.types import Box


def box_of_points(xyz: Tensor) -> Box:
    """Return the smallest box around points (n, 3). Raises ValueError for no points."""
    if len(xyz) == 0:
        raise ValueError("box_of_points: no points")
    low, high = xyz.min(dim=0).values.tolist(), xyz.max(dim=0).values.tolist()
    return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def box_tensor(box: Box) -> Tensor:
    """Return a box as (6,) float32."""
    return torch.tensor([*box.min, *box.max], dtype=torch.float32)


def box_volume(boxes: Tensor) -> Tensor:
    """Return the volumes (n,) of boxes (n, 6), cubic metres."""
    return (boxes[:, 3:] - boxes[:, :3]).prod(dim=1)


def thickened(boxes: Tensor, least: float) -> Tensor:
    """Widen the edges of boxes (n, 6) that are shorter than `least` metres to that, about their middle."""
    missing = (least - (boxes[:, 3:] - boxes[:, :3])).clamp(min=0) / 2
    return torch.cat((boxes[:, :3] - missing, boxes[:, 3:] + missing), dim=1)


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """Pairwise IoU of axis-aligned boxes, the measure behind Acc@25 and Acc@50.

    a (n, 6), b (m, 6) -> (n, m) in [0, 1]; boxes without volume give 0.
    Raises ValueError if a max corner is below its min corner.
    """
    for boxes in (a, b):
        if (boxes[:, 3:] < boxes[:, :3]).any():
            raise ValueError("box_iou: a box has a max corner below its min corner")
    low = torch.maximum(a[:, None, :3], b[None, :, :3])
    high = torch.minimum(a[:, None, 3:], b[None, :, 3:])
    intersection = (high - low).clamp(min=0).prod(dim=2)
    union = box_volume(a)[:, None] + box_volume(b)[None] - intersection
    return torch.where(union > 0, intersection / union.clamp(min=1e-12), torch.zeros_like(union))


def box_corners(box: Box) -> Tensor:
    """Return the 8 corners (8, 3) float32; corner i has bit 0, 1, 2 of i set for the max of x, y, z."""
    bounds = torch.tensor([box.min, box.max], dtype=torch.float32)  # [2, 3]
    bits = torch.arange(8)
    return torch.stack([bounds[(bits >> axis) & 1, axis] for axis in range(3)], dim=1)


def inside_box(xyz: Tensor, T_map_box: Tensor, size: Tensor) -> Tensor:
    """Return (n,) bool: which points xyz (n, 3) lie in a turned box.

    T_map_box (4, 4): where its middle is and how it is turned; size (3,): its edges, metres.
    """
    inside: Tensor = (transform_points(invert_transform(T_map_box), xyz).abs() <= size.to(xyz) / 2).all(dim=1)
    return inside

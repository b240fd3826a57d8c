"""Keyframe thumbnails that travel with the map, spread over the trajectory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from locate3d_ros.geometry.camera import scale_intrinsics
from locate3d_ros.mapping.lifting import LiftedFrame
from locate3d_ros.types import Frame, Intrinsics, View

MAX_WIDTH = 320
"""Thumbnails are at most this wide, pixels."""


def add_view(views: tuple[View, ...], newest: View, max_views: int) -> tuple[View, ...]:
    """Return the views, oldest first, with one added; where there are too many, the most redundant older one leaves."""
    kept = [*views, newest]
    while len(kept) > max_views:
        kept.pop(_most_redundant(kept))
    return tuple(kept)


def thumbnail(frame: Frame, T_map_camera: Tensor, lifted: LiftedFrame) -> View:
    """Shrink a frame to a view on the CPU; its depth is that of the nearest lifted point in each pixel."""
    width = min(MAX_WIDTH, frame.intrinsics.width)
    height = max(1, round(frame.intrinsics.height * width / frame.intrinsics.width))
    intrinsics = scale_intrinsics(frame.intrinsics, width, height)
    rgb = frame.rgb
    if width < frame.intrinsics.width:
        planes = rgb.permute(2, 0, 1)[None].to(torch.float32)
        rgb = interpolate(planes, (height, width), mode="area")[0].permute(1, 2, 0).round().to(torch.uint8)
    depth = _thumbnail_depth(lifted, frame.intrinsics, intrinsics)
    return View(rgb.cpu().clone(), intrinsics, T_map_camera, frame.stamp, frame.camera, depth.cpu())


def _thumbnail_depth(lifted: LiftedFrame, color: Intrinsics, small: Intrinsics) -> Tensor:
    """Return [height, width] float32 metres; 0 where no point falls."""
    row = torch.div(lifted.pixel, color.width, rounding_mode="floor") * small.height // color.height
    column = lifted.pixel % color.width * small.width // color.width
    known = lifted.depth.masked_fill(~lifted.valid, float("inf"))
    depth = torch.full((small.height * small.width,), float("inf"), dtype=torch.float64, device=lifted.depth.device)
    depth.scatter_reduce_(0, row * small.width + column, known, "amin")
    return depth.masked_fill(torch.isinf(depth), 0.0).reshape(small.height, small.width).to(torch.float32)


def _most_redundant(views: Sequence[View]) -> int:
    """Return the view, other than the newest, whose nearest neighbour is nearest; of equals the oldest."""
    if len(views) == 1:
        return 0
    distance = _pose_distances(torch.stack([view.T_map_camera for view in views]))
    distance.fill_diagonal_(float("inf"))
    return int(distance.amin(dim=1)[:-1].argmin())


def _pose_distances(T: Tensor) -> Tensor:
    """Return metres plus radians (n, n) between poses (n, 4, 4): a metre changes a room's view like a radian does."""
    metres = torch.cdist(T[:, :3, 3], T[:, :3, 3])
    rotations = T[:, :3, :3].reshape(len(T), 9)
    cosine = ((rotations @ rotations.T - 1.0) / 2.0).clamp(-1.0, 1.0)
    return metres + torch.acos(cosine)

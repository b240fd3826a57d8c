"""Turns images that were taken sideways by quarters, so that the sky is up in them; cameras and poses turn along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from locate3d_ros.data.recordings.published import Picture
from locate3d_ros.types import Intrinsics


def turns_to_upright(poses: Sequence[Tensor]) -> int:
    """Return by how many quarter turns, counter-clockwise as displayed, images of these poses stand upright.

    poses: T_world_camera [4, 4] in a z-up world; the mean of what is up and right in the images decides for all.
    """
    if not poses:
        return 0
    rotations = torch.stack([pose[:3, :3] for pose in poses])
    up, right = -rotations[:, 2, 1].mean().item(), rotations[:, 2, 0].mean().item()
    if abs(up) >= abs(right):
        return 0 if up >= 0 else 2
    return 1 if right > 0 else 3


def turn_picture(picture: Picture, turns: int, last_pixel: float = 1.0) -> Picture:
    """Turn colour, depth and camera counter-clockwise by quarters.

    A mirrored coordinate is size - last_pixel - c: 1 where pixel centres are whole numbers; the published loader has 0.
    """
    k = _turned(picture.intrinsics, turns, last_pixel)
    rgb, depth = np.rot90(picture.rgb, turns), np.rot90(picture.depth, turns)
    return Picture(np.ascontiguousarray(rgb), np.ascontiguousarray(depth), k)


def turn_pose(T_world_camera: Tensor, turns: int) -> Tensor:
    """Return the pose [4, 4] of the turned camera, whose axes again are x right, y down."""
    angle = turns * math.pi / 2
    c, s = round(math.cos(angle)), round(math.sin(angle))
    T_camera_turned = torch.eye(4, dtype=T_world_camera.dtype)
    T_camera_turned[:2, :2] = torch.tensor([[c, -s], [s, c]], dtype=T_world_camera.dtype)
    return T_world_camera @ T_camera_turned


def _turned(k: Intrinsics, turns: int, last_pixel: float) -> Intrinsics:
    mirrored_x, mirrored_y = k.width - last_pixel - k.cx, k.height - last_pixel - k.cy
    if turns == 1:
        return Intrinsics(k.fy, k.fx, k.cy, mirrored_x, k.height, k.width)
    if turns == 2:
        return replace(k, cx=mirrored_x, cy=mirrored_y)
    if turns == 3:
        return Intrinsics(k.fy, k.fx, mirrored_y, k.cx, k.height, k.width)
    return k

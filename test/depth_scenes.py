"""Analytic depth images: boxes on a table, seen by a pinhole camera with a depth camera's noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from locate3d_ros.types import Frame, Intrinsics

CAMERA = Intrinsics(fx=540.0, fy=540.0, cx=319.5, cy=239.5, width=640, height=480)


def looking_at(eye, target) -> torch.Tensor:
    """T_map_camera (4, 4) float64 of a level camera, z forward, y down."""
    forward = np.asarray(target, dtype=float) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    T = np.eye(4)
    T[:3, :3] = np.column_stack((right, np.cross(forward, right), forward))
    T[:3, 3] = eye
    return torch.from_numpy(T)


def render(
    boxes: Sequence[tuple],
    T_map_camera: torch.Tensor,
    stamp: float,
    noise: float = 0.0015,
    seed: int = 0,
    camera: Intrinsics = CAMERA,
):
    """A frame of boxes (low, high, rgb), noise in metres at 1 m growing with the square of the depth."""
    v, u = np.mgrid[0 : camera.height, 0 : camera.width]
    rays = np.stack(((u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)), axis=-1)
    T = T_map_camera.numpy()
    directions, origin = rays @ T[:3, :3].T, T[:3, 3]
    depth = np.full(u.shape, np.inf)
    rgb = np.zeros((*u.shape, 3))
    for low, high, colour in boxes:
        with np.errstate(divide="ignore", invalid="ignore"):
            a, b = (np.array(low) - origin) / directions, (np.array(high) - origin) / directions
        enter, leave = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
        hit = (enter < leave) & (enter > 0) & (enter < depth)
        depth[hit], rgb[hit] = enter[hit], colour
    rng = np.random.default_rng(seed)
    depth[np.isinf(depth)] = 0.0
    depth += rng.normal(size=depth.shape) * noise * depth**2
    rgb = np.clip(rgb * 255.0 + rng.normal(0.0, 4.0, rgb.shape), 0, 255)
    return Frame(
        torch.from_numpy(rgb.astype(np.uint8)), torch.from_numpy(depth.astype(np.float32)), camera, T_map_camera, stamp
    )

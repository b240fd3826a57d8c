"""A rendered room that changes between two walks, and how well a map agrees with what is there now."""

from __future__ import annotations

import math

import numpy as np
import torch
from depth_scenes import looking_at, render

from locate3d_ros.types import Intrinsics

CAMERA = Intrinsics(fx=135.0, fy=135.0, cx=79.5, cy=59.5, width=160, height=120)
VIEWS = 24
"""Frames of a walk around the middle of the room, which looks outward once into every direction."""

_SHELL = {
    "floor": ((-2.6, -2.6, -0.1), (2.6, 2.6, 0.0), (0.6, 0.5, 0.4)),
    "north": ((-2.6, 2.5, 0.0), (2.6, 2.6, 2.4), (0.8, 0.8, 0.8)),
    "south": ((-2.6, -2.6, 0.0), (2.6, -2.5, 2.4), (0.8, 0.8, 0.7)),
    "east": ((2.5, -2.6, 0.0), (2.6, 2.6, 2.4), (0.7, 0.8, 0.8)),
    "west": ((-2.6, -2.6, 0.0), (-2.5, 2.6, 2.4), (0.8, 0.7, 0.8)),
    "table": ((1.2, 1.2, 0.0), (2.0, 2.0, 0.75), (0.4, 0.3, 0.2)),
}
CHAIR = ((1.5, -0.7, 0.0), (1.95, -0.25, 0.85), (0.1, 0.1, 0.8))
STOOL = ((-0.9, 1.5, 0.0), (-0.5, 1.9, 0.6), (0.8, 0.1, 0.1))
STOOL_MOVED = ((-2.0, -0.4, 0.0), (-1.6, 0.0, 0.6), (0.8, 0.1, 0.1))
CRATE = ((-0.2, -2.4, 0.0), (0.2, -2.0, 0.4), (0.1, 0.7, 0.1))
CUPBOARD = ((-0.7, -1.8, 0.0), (0.7, -1.5, 2.0), (0.5, 0.5, 0.1))
BEFORE = _SHELL | {"chair": CHAIR, "stool": STOOL, "crate": CRATE}
AFTER = _SHELL | {"stool": STOOL_MOVED, "crate": CRATE, "cupboard": CUPBOARD}
"""The chair is gone, the stool stands elsewhere, the crate is hidden by a new cupboard."""


def view(number: int) -> torch.Tensor:
    """T_map_camera (4, 4) of a place on the walk."""
    angle = 2 * math.pi * number / VIEWS
    eye = np.array([0.5 * math.cos(angle), 0.5 * math.sin(angle), 1.3])
    return looking_at(eye, (3 * math.cos(angle), 3 * math.sin(angle), 0.2))


def frame_of(things: dict, number: int, T_map_camera=None, interval: float = 0.5):
    """A noisy frame of the things that are there, the number-th since the start."""
    T = view(number) if T_map_camera is None else T_map_camera
    return render(list(things.values()), T, stamp=1.0 + interval * number, seed=number, camera=CAMERA)


def seen_surface(things: dict) -> np.ndarray:
    """Points (n, 3) that a walk sees of the things, without noise."""
    points = []
    for number in range(VIEWS):
        frame = render(list(things.values()), view(number), 0.0, noise=0.0, camera=CAMERA)
        v, u = np.mgrid[0 : CAMERA.height, 0 : CAMERA.width]
        rays = np.stack(((u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy, np.ones(u.shape)), axis=-1)
        depth, T = frame.depth.numpy(), frame.T_map_camera.numpy()
        usable = (depth > 0.1) & (depth < 4.0)
        points.append((rays * depth[..., None])[usable] @ T[:3, :3].T + T[:3, 3])
    return np.concatenate(points)


def surface_distance(points: np.ndarray, things: dict) -> np.ndarray:
    """How far points (n, 3) are from the nearest surface of the things (n,), metres."""
    nearest = np.full(len(points), np.inf)
    for low, high, _ in things.values():
        outside = np.maximum(np.maximum(np.array(low) - points, points - np.array(high)), 0.0)
        depth_inside = np.minimum(points - np.array(low), np.array(high) - points).min(axis=1)
        distance = np.where(depth_inside > 0, depth_inside, np.linalg.norm(outside, axis=1))
        nearest = np.minimum(nearest, distance)
    return nearest


def inside(points: np.ndarray, thing: tuple, margin: float = 0.05) -> np.ndarray:
    """Which points (n, 3) belong to a thing: within it, a margin around it, and above the floor."""
    low, high = np.array(thing[0]) - margin, np.array(thing[1]) + margin
    low[2] = margin
    return ((points > low) & (points < high)).all(axis=1)

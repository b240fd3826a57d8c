"""The way a hand-held camera or a robot's head takes through a room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from locate3d_ros.data.synthetic.mesh import Floats


@dataclass(frozen=True)
class Waypoint:
    """Where the camera is and what it looks at, map frame, metres."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]


def look_at(eye: Floats, target: Floats) -> Floats:
    """Return T_map_camera [4, 4] of an optical frame at `eye` whose z axis points at `target`, level with the floor."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    T = np.eye(4)
    T[:3, 0], T[:3, 1], T[:3, 2], T[:3, 3] = right, np.cross(forward, right), forward, eye
    return T


def follow(waypoints: Sequence[Waypoint], frames: int, rng: np.random.Generator) -> list[Floats]:
    """Return poses [4, 4] on a smooth way through the waypoints, with the sway of a hand."""
    knots = np.arange(len(waypoints))
    eyes = CubicSpline(knots, np.array([w.eye for w in waypoints]))
    targets = CubicSpline(knots, np.array([w.target for w in waypoints]))
    times = np.linspace(0.0, len(waypoints) - 1.0, frames)
    sway = rng.normal(0.0, 0.012, (frames, 3))
    shake = rng.normal(0.0, 0.02, (frames, 3))
    return [look_at(eyes(t) + s, targets(t) + k) for t, s, k in zip(times, sway, shake, strict=True)]

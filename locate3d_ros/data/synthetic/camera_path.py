"""The way a hand-held camera or a robot's head takes through a room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from locate3d_ros.data.synthetic.mesh import Floats
from locate3d_ros.data.synthetic.scene import Room

CLEARANCE = 0.35  # metres that the camera keeps from every surface


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


def tour(room: Room, rng: np.random.Generator) -> list[Waypoint]:
    """Plan a round through a room: across it from several sides, then close to what stands on furniture."""
    middle = np.array([room.width / 2.0, room.depth / 2.0, 0.0])
    radius = np.array([0.30 * room.width, 0.30 * room.depth, 0.0])
    start, turn = rng.uniform(0.0, 2.0 * np.pi), rng.choice([-1.0, 1.0])
    waypoints = []
    for step in range(8):
        angle = start + turn * step * 2.0 * np.pi / 8.0
        out = np.array([np.cos(angle), np.sin(angle), 0.0])
        eye = middle + radius * out + [0.0, 0.0, rng.uniform(1.35, 1.6)]
        aim = angle + np.pi + rng.uniform(-0.5, 0.5)
        far = np.array([np.cos(aim), np.sin(aim), 0.0]) * [0.45 * room.width, 0.45 * room.depth, 0.0]
        waypoints.append(Waypoint(tuple(eye), tuple(middle + far + [0.0, 0.0, rng.uniform(0.5, 0.9)])))
    return clear_of_furniture(room, waypoints + _close_looks(room, waypoints[-1], rng))


def _close_looks(room: Room, last: Waypoint, rng: np.random.Generator) -> list[Waypoint]:
    """Visit each support that carries things: about a metre away, on the room's inner side, looking down at it."""
    middle = np.array([room.width / 2.0, room.depth / 2.0])
    looks = []
    for support in {o.support for o in room.objects if o.support} - {0}:
        carried = [o for o in room.objects if o.support == support]
        target = np.mean([(o.mesh.low + o.mesh.high) / 2.0 for o in carried], axis=0)
        inward = middle - target[:2]
        if np.linalg.norm(inward) < 0.3:
            angle = rng.uniform(0.0, 2.0 * np.pi)
            inward = np.array([np.cos(angle), np.sin(angle)])
        inward /= np.linalg.norm(inward)
        eye = np.append(target[:2] + inward * rng.uniform(1.0, 1.4), max(1.35, target[2] + 0.45))
        looks.append(Waypoint(tuple(eye), tuple(target)))
    return sorted(looks, key=lambda w: float(np.hypot(w.eye[0] - last.eye[0], w.eye[1] - last.eye[1])))


def clear_of_furniture(room: Room, waypoints: Sequence[Waypoint]) -> list[Waypoint]:
    """Move waypoints towards the middle of the room until they are clear of all surfaces at camera height."""
    tree = cKDTree(_surface_points(room))
    middle = np.array([room.width / 2.0, room.depth / 2.0])
    cleared = []
    for waypoint in waypoints:
        eye = np.asarray(waypoint.eye)
        for share in np.linspace(0.0, 1.0, 11):
            moved = np.append(eye[:2] + share * (middle - eye[:2]), eye[2])
            if tree.query(moved)[0] > CLEARANCE:
                break
        cleared.append(Waypoint(tuple(moved), waypoint.target))
    return cleared


def _surface_points(room: Room) -> NDArray[np.float64]:
    """Return points on all furniture: corners and middles of its triangles."""
    points = [np.zeros((1, 3)) - 10.0]
    for item in room.objects:
        corners = item.mesh.vertices[item.mesh.triangles]
        points += [corners.reshape(-1, 3), corners.mean(axis=1)]
    return np.concatenate(points)

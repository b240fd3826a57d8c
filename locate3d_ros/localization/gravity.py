"""Which way is up in a map, and the rotation that makes it +z.

Support, height and floor only make sense upright. A map with frame id "map" is z-up (REP-103); one with "world" is in
the recording's own frame, so that up is measured: cameras are mostly held upright, and floors and tables are level.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.surface import Surface
from locate3d_ros.types import MapSnapshot

UPRIGHT_FRAME = "map"
_CONE = np.cos(np.radians(25.0))  # level surfaces are sought this near the cameras' up
_NARROW_CONE = np.cos(np.radians(6.0))


def up_direction(snapshot: MapSnapshot, surface: Surface) -> NDArray[np.float64]:
    """Return the unit vector (3,) that points up in the map frame."""
    if snapshot.frame_id == UPRIGHT_FRAME:
        return np.array([0.0, 0.0, 1.0])
    up = _cameras_up(snapshot)
    if up is None:
        return np.array([0.0, 0.0, 1.0])
    for cone in (_CONE, _NARROW_CONE):
        up = _align_to_normals(up, surface, cone)
    return up


def upright_rotation(up: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R_upright_map (3, 3), the smallest rotation that takes `up` (3,) to +z."""
    z = np.array([0.0, 0.0, 1.0])
    axis = np.cross(up, z)
    sine, cosine = float(np.linalg.norm(axis)), float(up @ z)
    if sine < 1e-9:
        return np.eye(3) if cosine > 0 else np.diag([1.0, -1.0, -1.0])
    x, y, w = axis / sine
    cross = np.array([[0.0, -w, y], [w, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + sine * cross + (1.0 - cosine) * cross @ cross)


def _cameras_up(snapshot: MapSnapshot) -> NDArray[np.float64] | None:
    """Average the cameras' -y axes; None where no pose is known."""
    poses = [view.T_map_camera for view in snapshot.views]
    if snapshot.camera_pose is not None:
        poses.append(snapshot.camera_pose)
    if not poses:
        return None
    mean = -np.mean([pose[:3, 1].cpu().double().numpy() for pose in poses], axis=0)
    length = float(np.linalg.norm(mean))
    return mean / length if length > 1e-6 else None


def _align_to_normals(up: NDArray[np.float64], surface: Surface, cone: float) -> NDArray[np.float64]:
    """Turn `up` to the mean of the surface normals within a cone about it."""
    cosine = surface.normals @ up
    near = np.abs(cosine) > cone
    if near.sum() < 100:
        return up
    mean = (surface.normals[near] * np.sign(cosine[near])[:, None]).mean(axis=0, dtype=np.float64)
    return np.asarray(mean / np.linalg.norm(mean))

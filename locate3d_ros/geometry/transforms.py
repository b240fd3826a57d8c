"""Rigid transforms as 4x4 matrices: `T_a_b` maps points of frame b into frame a."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from locate3d_ros.errors import InputError


def transform_points(T_a_b: Tensor, xyz_b: Tensor) -> Tensor:
    """Map points (..., 3) from frame b to frame a, in the points' dtype and on their device."""
    T = T_a_b.to(dtype=xyz_b.dtype, device=xyz_b.device)
    return xyz_b @ T[:3, :3].T + T[:3, 3]


def invert_transform(T_a_b: Tensor) -> Tensor:
    """Return T_b_a (4, 4) of a rigid T_a_b (4, 4)."""
    T_b_a = torch.eye(4, dtype=T_a_b.dtype, device=T_a_b.device)
    T_b_a[:3, :3] = T_a_b[:3, :3].T
    T_b_a[:3, 3] = -T_a_b[:3, :3].T @ T_a_b[:3, 3]
    return T_b_a


def require_rigid(T: Tensor, source: str) -> Tensor:
    """Return T (4, 4) as float64 if it is a rigid transform.

    Rotations off by up to 1e-3 (poses written with few digits) are projected onto the nearest rotation; those exact
    to 1e-9 stay as they are, so that a pose checked again is the same.
    Raises InputError naming `source` where T has another shape, is not finite, or is no rotation.
    """
    if T.shape != (4, 4):
        raise InputError(f"{source}: pose of shape {tuple(T.shape)}; give a 4x4 matrix")
    T = T.to(torch.float64)
    if not torch.isfinite(T).all():
        raise InputError(f"{source}: pose holds nan or infinity; give a finite 4x4 matrix")
    rotation = T[:3, :3]
    error = (rotation.T @ rotation - torch.eye(3, dtype=torch.float64)).abs().max().item()
    bottom = (T[3] - torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)).abs().max().item()
    if error > 1e-3 or bottom > 1e-6 or torch.linalg.det(rotation) < 0:
        raise InputError(f"{source}: pose is not a rigid transform (rotation off by {error:.2g}); give camera-to-world")
    if error <= 1e-9:
        return T
    u, _, vt = torch.linalg.svd(rotation)
    rigid = T.clone()
    rigid[:3, :3] = u @ vt
    return rigid


def matrix_from_quaternion(translation: tuple[float, float, float], xyzw: tuple[float, float, float, float]) -> Tensor:
    """Build T (4, 4) float64 from a translation in metres and a quaternion (x, y, z, w), normalised here.

    Raises InputError where a number is not finite or the quaternion has no length.
    """
    norm = math.sqrt(sum(v * v for v in xyzw))
    if not math.isfinite(norm) or norm < 1e-6 or not all(math.isfinite(v) for v in translation):
        raise InputError(
            f"transform: quaternion {xyzw}, translation {translation}; give finite numbers, a unit quaternion"
        )
    x, y, z, w = (v / norm for v in xyzw)
    T = torch.eye(4, dtype=torch.float64)
    T[:3, :3] = torch.tensor(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ],
        dtype=torch.float64,
    )
    T[:3, 3] = torch.tensor(translation, dtype=torch.float64)
    return T


def rotation_angle(T_a_b: Tensor) -> float:
    """Return the angle of T's rotation in radians, in [0, pi]."""
    cosine = (T_a_b[0, 0] + T_a_b[1, 1] + T_a_b[2, 2] - 1.0) / 2.0
    return math.acos(min(1.0, max(-1.0, float(cosine))))


def fraction_of_transform(T: Tensor, share: float) -> Tensor:
    """Return the rigid transform (4, 4) that goes a share of T's way, as a screw: 0 gives identity, 1 gives T.

    Going two halves one after the other is going the whole; it is the same whatever frame T is told in.
    """
    turn = Rotation.from_matrix(T[:3, :3].to(torch.float64).cpu().numpy()).as_rotvec()
    slide = np.linalg.solve(_slide_matrix(turn), T[:3, 3].to(torch.float64).cpu().numpy())
    part = np.eye(4)
    part[:3, :3] = Rotation.from_rotvec(share * turn).as_matrix()
    part[:3, 3] = _slide_matrix(share * turn) @ (share * slide)
    return torch.from_numpy(part)


def _slide_matrix(turn: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return (3, 3): what a steady slide adds up to while a rotation vector (3,) turns it (exponential of SE(3))."""
    angle = float(np.linalg.norm(turn))
    x, y, z = turn
    W = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    # Below it the series is exact to the last digit, and the quotients are not.
    if angle < 1e-4:
        return np.asarray(np.eye(3) + W / 2 + W @ W / 6)
    a, b = (1 - math.cos(angle)) / angle**2, (angle - math.sin(angle)) / angle**3
    return np.asarray(np.eye(3) + a * W + b * W @ W)

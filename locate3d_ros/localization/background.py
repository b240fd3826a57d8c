"""The planes on which an object stands or before which it hangs, seen around it in one depth image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # [n, 3] metres

LEVEL = np.cos(np.radians(25.0))  # a support's normal is this near to the cameras' up
MIN_SHARE = 0.2  # of the points around an object, for a plane to be its background
MIN_POINTS = 50
TRIALS = 200
MAX_FITTED = 2000  # points that the trials look at
MAX_PLANES = 3  # a table, a wall, another wall: a corner


@dataclass(frozen=True)
class Plane:
    """Points p with normal · p = offset; the camera is on the positive side."""

    normal: NDArray[np.float64]  # [3]
    offset: float
    is_support: bool

    def height(self, xyz: Points) -> NDArray[np.float64]:
        """Return how far points (..., 3) are in front of the plane, metres."""
        return np.asarray(xyz @ self.normal - self.offset)

    def shadow(self, xyz: Points) -> Points:
        """Project points (n, 3) onto the plane."""
        return np.asarray(xyz - self.height(xyz)[:, None] * self.normal)


def background_planes(around: Points, inside: Points, camera: Points, up: Points, noise: float) -> list[Plane]:
    """Find the planes that go on around an object.

    around, inside: points beyond its mask and in it; camera (3,); up (3,), roughly; noise: of the depth, metres.
    A plane that holds more points inside than around is the object's own.
    """
    planes: list[Plane] = []
    thickness = max(0.005, 2.0 * noise)
    rng = np.random.default_rng(0)
    required = max(MIN_POINTS, MIN_SHARE * len(around))
    while len(planes) < MAX_PLANES and len(around) >= required:
        found = _strongest(around, thickness, rng)
        if found is None or np.count_nonzero(np.abs(around @ found[0] - found[1]) < thickness) < required:
            break
        normal, offset = found
        near = np.abs(around @ normal - offset) < thickness
        if np.count_nonzero(np.abs(inside @ normal - offset) < thickness) < np.count_nonzero(near):
            sign = 1.0 if camera @ normal > offset else -1.0
            planes.append(Plane(sign * normal, sign * offset, bool(abs(normal @ up) > LEVEL)))
        around = around[~near]
    return planes


def _strongest(
    xyz: Points, thickness: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], np.float64] | None:
    """Return normal and offset of the plane with most points near it, fitted to them."""
    sample = xyz[rng.permutation(len(xyz))[:MAX_FITTED]]
    corners = sample[rng.integers(0, len(sample), (TRIALS, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    proper = lengths > 1e-9
    if not proper.any():
        return None
    normals, corners = normals[proper] / lengths[proper, None], corners[proper]
    distances = np.abs(sample @ normals.T - (normals * corners[:, 0]).sum(axis=1))
    best = int((distances < thickness).sum(axis=0).argmax())
    near = sample[distances[:, best] < thickness]
    centre = near.mean(axis=0)
    normal = np.linalg.svd(near - centre, full_matrices=False)[2][2]
    return normal, normal @ centre

"""Textured triangle meshes, z up, metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.vectors import dot, unit

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Material:
    """How a surface answers light. Colours are sRGB, as authors of models pick them."""

    colour: tuple[float, float, float]  # in [0, 1]; unused where there is a texture
    texture: NDArray[np.uint8] | None = None  # [h, w, 3] RGB, repeated; row 0 is v = 1
    shine: float = 0.0  # strength of the highlight, 0 (cloth) to 1 (chrome)
    glow: float = 0.0  # light given off by itself (a window pane, a lamp shade), 1 = display white


@dataclass(frozen=True)
class Mesh:
    """Triangles with texture coordinates and materials."""

    vertices: Floats  # [V, 3] metres
    triangles: NDArray[np.int64]  # [F, 3] into vertices
    uv: Floats  # [F, 3, 2] texture coordinates of each corner
    material: NDArray[np.int64]  # [F] into materials
    materials: tuple[Material, ...]
    normals: Floats | None = None  # [F, 3, 3] unit, of each corner, where they were computed before

    @property
    def corners(self) -> Floats:
        """The vertices [n, 3] that some triangle uses."""
        used = np.zeros(len(self.vertices), dtype=np.bool_)
        used[self.triangles.reshape(-1)] = True
        return np.asarray(self.vertices[used])

    @cached_property
    def low(self) -> Floats:
        """The smallest corner [3] of the bounding box of all used vertices."""
        return np.asarray([column.min() for column in self.corners.T], dtype=np.float64)

    @cached_property
    def high(self) -> Floats:
        """The largest corner [3] of the bounding box of all used vertices."""
        return np.asarray([column.max() for column in self.corners.T], dtype=np.float64)

    def moved(self, x: float, y: float, z: float, yaw: float = 0.0) -> Mesh:
        """Turn by `yaw` radians about the z axis through the origin, then shift by (x, y, z)."""
        c, s = math.cos(yaw), math.sin(yaw)
        R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        normals = None if self.normals is None else self.normals @ R.T
        return replace(self, vertices=self.vertices @ R.T + np.array([x, y, z]), normals=normals)

    def stretched(self, factors: tuple[float, float, float]) -> Mesh:
        """Stretch along the axes, from the origin."""
        scale = np.asarray(factors)
        normals = None if self.normals is None else np.asarray(unit(self.normals / scale), dtype=np.float64)
        return replace(self, vertices=self.vertices * scale, normals=normals)


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """Put several meshes into one, without normals; the order of triangles is the order of the meshes."""
    vertex_offsets = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    material_offsets = np.cumsum([0] + [len(m.materials) for m in meshes[:-1]])
    return Mesh(
        vertices=np.concatenate([m.vertices for m in meshes]),
        triangles=np.concatenate([m.triangles + o for m, o in zip(meshes, vertex_offsets, strict=True)]),
        uv=np.concatenate([m.uv for m in meshes]),
        material=np.concatenate([m.material + o for m, o in zip(meshes, material_offsets, strict=True)]),
        materials=tuple(material for m in meshes for material in m.materials),
    )


def corner_normals(mesh: Mesh, crease: float = 0.8) -> Floats:
    """Return unit normals [F, 3, 3] of every corner: smooth across flat joints, sharp across creases.

    A corner takes the normal of its vertex, averaged over faces by their angle there, where that is within
    acos(crease) of the face's own normal. Vertices at the same place are one vertex, whatever the file says.
    A mesh that has normals keeps them.
    """
    if mesh.normals is not None:
        return mesh.normals
    corners = mesh.vertices[mesh.triangles]
    face = face_normals(mesh)
    _, place = np.unique(np.round(mesh.vertices, 5), axis=0, return_inverse=True)
    place_of_corner = place.reshape(-1)[mesh.triangles]
    total = np.zeros((int(place.max()) + 1, 3))
    for k in range(3):
        to_next = unit(corners[:, (k + 1) % 3] - corners[:, k])
        to_last = unit(corners[:, (k + 2) % 3] - corners[:, k])
        angle = np.arccos(np.clip(dot(to_next, to_last), -1.0, 1.0))
        for axis in range(3):
            weights = angle * face[:, axis]
            total[:, axis] += np.bincount(place_of_corner[:, k], weights=weights, minlength=len(total))
    smooth = unit(total)[place_of_corner]
    flat = np.repeat(face[:, None, :], 3, axis=1)
    return np.where((dot(smooth, flat) > crease)[..., None], smooth, flat)


def face_normals(mesh: Mesh) -> Floats:
    """Return unit normals [F, 3]; a triangle without area has a zero normal."""
    corners = mesh.vertices[mesh.triangles]
    return np.asarray(unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])), dtype=np.float64)

"""Meshes made from a few numbers: boxes, turned shapes, panels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from locate3d_ros.data.synthetic.mesh import Floats, Material, Mesh

Point = tuple[float, float, float]


def quad(corner: Point, along: Point, up: Point, material: Material, repeat: tuple[float, float] = (1.0, 1.0)) -> Mesh:
    """Make a rectangle from `corner` over the edges `along` and `up`; the texture is repeated over them."""
    c, a, b = (np.asarray(p, dtype=np.float64) for p in (corner, along, up))
    uv = np.array([[0.0, 0.0], [repeat[0], 0.0], [repeat[0], repeat[1]], [0.0, repeat[1]]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    return Mesh(np.stack((c, c + a, c + a + b, c + b)), triangles, uv[triangles], np.zeros(2, np.int64), (material,))


def box(low: Point, high: Point, material: Material, metres_per_repeat: float = 1.0) -> Mesh:
    """Make an axis-aligned box; the texture runs over each face at its own scale."""
    size = np.subtract(high, low)
    signs = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], dtype=np.float64)
    faces = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    normal_axis = [2, 2, 1, 1, 0, 0]
    vertices: list[Floats] = []
    uv: list[Floats] = []
    triangles: list[list[int]] = []
    for face, axis in zip(faces, normal_axis, strict=True):
        start = len(vertices)
        across, up = [i for i in range(3) if i != axis]
        for corner in face:
            vertices.append(np.asarray(low) + signs[corner] * size)
            uv.append(signs[corner][[across, up]] * size[[across, up]] / metres_per_repeat)
        triangles += [[start, start + 1, start + 2], [start, start + 2, start + 3]]
    index = np.asarray(triangles)
    return Mesh(np.asarray(vertices), index, np.asarray(uv)[index], np.zeros(len(index), np.int64), (material,))


def turned(profile: Sequence[tuple[float, float]], material: Material, segments: int = 28) -> Mesh:
    """Make a shape turned on a lathe: `profile` lists (radius, height) from bottom to top, metres."""
    outline = np.asarray(profile, dtype=np.float64)
    angles = np.linspace(0.0, 2.0 * np.pi, segments + 1)
    ring = np.stack((np.cos(angles), np.sin(angles)), axis=1)
    xy = outline[:, None, :1] * ring[None]
    z = np.broadcast_to(outline[:, None, 1:], (*xy.shape[:2], 1))
    vertices = np.concatenate((xy, z), axis=2).reshape(-1, 3)
    uv_points = _grid_uv(len(outline), segments)
    row = segments + 1
    triangles = [
        t
        for i in range(len(outline) - 1)
        for j in range(segments)
        for t in (
            [i * row + j, i * row + j + 1, (i + 1) * row + j + 1],
            [i * row + j, (i + 1) * row + j + 1, (i + 1) * row + j],
        )
    ]
    index = np.asarray(triangles)
    return Mesh(vertices, index, uv_points[index], np.zeros(len(index), np.int64), (material,))


def _grid_uv(rows: int, segments: int) -> Floats:
    v, u = np.meshgrid(np.linspace(0.0, 1.0, rows), np.linspace(0.0, 1.0, segments + 1), indexing="ij")
    return np.stack((u, v), axis=2).reshape(-1, 2)

"""Fewer triangles where nobody sees the difference, and more where light needs corners."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Mesh, corner_normals
from locate3d_ros.data.synthetic.vectors import norm

CELLS = (0.003, 0.004, 0.006, 0.008, 0.011, 0.015, 0.02, 0.03, 0.04)  # metres


def lighter(mesh: Mesh, max_triangles: int) -> Mesh:
    """Return a mesh of at most about `max_triangles`: vertices within a small cell become one.

    Every corner keeps the normal and the texture coordinates that it had. The cell is the smallest of CELLS that does,
    else the largest.
    """
    mesh = replace(mesh, normals=corner_normals(mesh))
    if len(mesh.triangles) <= max_triangles:
        return mesh
    simpler = mesh
    for cell in CELLS:
        simpler = _clustered(mesh, cell)
        if len(simpler.triangles) <= max_triangles:
            break
    return simpler


def _clustered(mesh: Mesh, cell: float) -> Mesh:
    used = np.zeros(len(mesh.vertices), dtype=np.bool_)
    used[mesh.triangles] = True
    origin = mesh.vertices[used].min(axis=0)
    place = np.floor((mesh.vertices - origin) / cell).astype(np.int64)
    place -= place.min(axis=0)
    extent = place.max(axis=0) + 1
    key = (place[:, 0] * extent[1] + place[:, 1]) * extent[2] + place[:, 2]
    _, cluster = np.unique(key[used], return_inverse=True)
    of_vertex = np.zeros(len(mesh.vertices), dtype=np.int64)
    of_vertex[used] = cluster.reshape(-1)
    count = np.bincount(of_vertex[used]).astype(np.float64)
    vertices = np.stack(
        [np.bincount(of_vertex[used], weights=mesh.vertices[used, k]) / count for k in range(3)], axis=1
    )
    triangles = of_vertex[mesh.triangles]
    kept = _first_of_each(triangles)
    return replace(
        mesh,
        vertices=vertices,
        triangles=triangles[kept],
        uv=mesh.uv[kept],
        material=mesh.material[kept],
        normals=None if mesh.normals is None else mesh.normals[kept],
    )


def _first_of_each(triangles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the indices of triangles that have an area and that no earlier one repeats."""
    a, b, c = np.sort(triangles, axis=1).T
    whole = np.flatnonzero((a != b) & (b != c))
    size = int(triangles.max()) + 1
    _, first = np.unique((a[whole] * size + b[whole]) * size + c[whole], return_index=True)
    return np.sort(whole[first])


def finer(mesh: Mesh, longest: float) -> Mesh:
    """Return a mesh whose triangles have no edge above `longest` metres: each long edge is cut in the middle."""
    corners = np.concatenate((mesh.vertices[mesh.triangles], mesh.uv, corner_normals(mesh)), axis=2)  # [F, 3, 8]
    material = mesh.material
    done_corners, done_material = [], []
    while len(corners):
        edges = norm(np.roll(corners[..., :3], -1, axis=1) - corners[..., :3])
        long = edges.max(axis=1) > longest
        done_corners.append(corners[~long])
        done_material.append(material[~long])
        corners, material = _halved(corners[long], edges[long].argmax(axis=1)), np.tile(material[long], 2)
    every = np.concatenate(done_corners)
    return replace(
        mesh,
        vertices=every[..., :3].reshape(-1, 3),
        triangles=np.arange(3 * len(every)).reshape(-1, 3),
        uv=every[..., 3:5],
        material=np.concatenate(done_material),
        normals=every[..., 5:],
    )


def _halved(corners: NDArray[np.float64], edge: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cut triangles [F, 3, 8] in the middle of edge [F] (0: first to second corner, …): [2F, 3, 8]."""
    row = np.arange(len(corners))
    first, second, third = (corners[row, (edge + k) % 3] for k in range(3))
    middle = (first + second) / 2.0
    return np.concatenate((np.stack((first, middle, third), axis=1), np.stack((middle, second, third), axis=1)))

"""A scene made ready for casting rays: one triangle soup, its normals, textures and lights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.atlas import Floats32, TextureAtlas
from locate3d_ros.data.synthetic.caster import EveryRay, Hits, RayCaster
from locate3d_ros.data.synthetic.mesh import Mesh, corner_normals, face_normals, merge
from locate3d_ros.data.synthetic.vectors import dot, unit

BACKGROUND = 0  # the object id of walls, floor, ceiling and of nothing at all


@dataclass(frozen=True)
class AreaLight:
    """A shining rectangle: its middle, its two half edges, and its radiant colour (linear)."""

    center: tuple[float, float, float]
    half_u: tuple[float, float, float]
    half_v: tuple[float, float, float]
    colour: tuple[float, float, float]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit direction [3] of the light's face: half_u x half_v."""
        across = np.cross(self.half_u, self.half_v)
        return np.asarray(across / np.linalg.norm(across), dtype=np.float64)

    @property
    def area(self) -> float:
        """Square metres."""
        return float(4.0 * np.linalg.norm(np.cross(self.half_u, self.half_v)))


class World:
    """Geometry, materials and lights of one scene.

    Raises InputError where Open3D, which casts the rays, is not installed.
    """

    def __init__(self, meshes: Sequence[Mesh], ids: Sequence[int], lights: Sequence[AreaLight]) -> None:
        mesh = merge(meshes)
        self.lights = tuple(lights)
        self.atlas = TextureAtlas(mesh.materials)
        self.object_of = np.repeat(np.asarray(ids, dtype=np.int64), [len(m.triangles) for m in meshes])
        self.material_of = mesh.material
        self.uv = mesh.uv.astype(np.float32)
        # Per mesh: a wall and the ceiling meet in a corner, and yet neither is rounded there.
        self.normals = np.concatenate([corner_normals(m) for m in meshes]).astype(np.float32)
        self.faces = face_normals(mesh).astype(np.float32)
        self.shine = np.asarray([m.shine for m in mesh.materials], dtype=np.float32)
        self.glow = np.asarray([m.glow for m in mesh.materials], dtype=np.float32)
        self.texel_density = _texel_density(mesh, self.atlas.full_size)
        self.corners = mesh.vertices[mesh.triangles].astype(np.float32)  # [F, 3, 3]
        self.mesh_of = np.repeat(np.arange(len(meshes)), [len(m.triangles) for m in meshes])
        self._caster = RayCaster(mesh)

    def cast(self, rays: Floats32) -> Hits:
        """Cast rays [n, 6] (origin, direction)."""
        return self._caster.cast(rays)

    def cast_every(self, rays: Floats32) -> EveryRay:
        """Cast rays [n, 6] (origin, direction), nearly all of which meet something."""
        return self._caster.cast_every(rays)

    def blocked(self, rays: Floats32, reach: float) -> NDArray[np.bool_]:
        """Return for rays [n, 6] whether anything lies within `reach` lengths of their direction."""
        return self._caster.blocked(rays, reach)

    def normal_at(self, hits: Hits, directions: Floats32) -> Floats32:
        """Return smooth unit normals [n, 3] turned towards where the rays (directions [n, 3]) came from."""
        normal = unit(_mixed(self.normals, hits))
        away = dot(self.faces[hits.triangle], directions) > 0
        return np.asarray(np.where(away[:, None], -normal, normal), dtype=np.float32)

    def albedo_at(self, hits: Hits, pixel_size: Floats32) -> Floats32:
        """Return linear surface colours [n, 3]; pixel_size [n] metres chooses the level of detail."""
        uv = _mixed(self.uv, hits)
        texels = np.maximum(self.texel_density[hits.triangle] * pixel_size, 1e-6)
        level = np.round(np.log2(texels)).astype(np.int64)
        return self.atlas.sample(self.material_of[hits.triangle], uv, level)


def _mixed(corner_values: Floats32, hits: Hits) -> Floats32:
    """Interpolate values [F, 3, k] of triangle corners at hits: [n, k]."""
    first, second, third = (corner_values[hits.triangle, k] * hits.weights[:, k : k + 1] for k in range(3))
    return np.asarray(first + second + third, dtype=np.float32)


def _texel_density(mesh: Mesh, texture_size: NDArray[np.int64]) -> Floats32:
    """Return how many texels of the finest level lie along one metre of each triangle, [F]."""
    corners = mesh.vertices[mesh.triangles]
    edges = corners[:, 1:] - corners[:, :1]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    uv_edges = mesh.uv[:, 1:] - mesh.uv[:, :1]
    uv_area = np.abs(uv_edges[:, 0, 0] * uv_edges[:, 1, 1] - uv_edges[:, 0, 1] * uv_edges[:, 1, 0])
    texels = uv_area * texture_size[mesh.material].prod(axis=1)
    return np.asarray(np.sqrt(texels / np.maximum(area, 1e-12)), dtype=np.float32)

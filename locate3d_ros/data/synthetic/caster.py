"""Casts rays at triangles, by Open3D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Mesh
from locate3d_ros.errors import InputError

Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Hits:
    """Where rays met the scene. Rays that met nothing are left out; `ray` tells which ones these are."""

    ray: NDArray[np.int64]  # [n] index of the ray
    distance: Floats32  # [n] along the ray in lengths of its direction
    triangle: NDArray[np.int64]  # [n]
    weights: Floats32  # [n, 3] of the triangle's corners


@dataclass(frozen=True)
class EveryRay:
    """What each of many rays met, also those that met nothing."""

    distance: Floats32  # [n] along the ray in lengths of its direction; 0 where nothing was met
    triangle: NDArray[np.uint32]  # [n]; the number of triangles where nothing was met
    sides: Floats32  # [n, 2] shares of the triangle's two sides from its first corner


class RayCaster:
    """The triangles of a mesh, made ready for rays. Raises InputError where Open3D is not installed."""

    def __init__(self, mesh: Mesh) -> None:
        self._open3d = _import_open3d()
        self._triangles = len(mesh.triangles)
        self._scene = self._open3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(
            self._open3d.core.Tensor(np.ascontiguousarray(mesh.vertices, dtype=np.float32)),
            self._open3d.core.Tensor(np.ascontiguousarray(mesh.triangles, dtype=np.uint32)),
        )

    def cast(self, rays: Floats32) -> Hits:
        """Cast rays [n, 6] (origin, direction)."""
        found = self._scene.cast_rays(self._open3d.core.Tensor(np.ascontiguousarray(rays)), nthreads=1)
        distance = found["t_hit"].numpy()
        ray = np.flatnonzero(np.isfinite(distance))
        bary = found["primitive_uvs"].numpy()[ray]
        weights = np.stack((1.0 - bary[:, 0] - bary[:, 1], bary[:, 0], bary[:, 1]), axis=1)
        triangle = found["primitive_ids"].numpy()[ray].astype(np.int64)
        return Hits(ray, distance[ray], triangle, weights)

    def cast_every(self, rays: Floats32) -> EveryRay:
        """Cast rays [n, 6] (origin, direction), nearly all of which meet something."""
        found = self._scene.cast_rays(self._open3d.core.Tensor(np.ascontiguousarray(rays)), nthreads=1)
        distance = found["t_hit"].numpy()
        distance[np.isinf(distance)] = 0.0
        triangle = np.minimum(found["primitive_ids"].numpy(), np.uint32(self._triangles))
        return EveryRay(distance, triangle, found["primitive_uvs"].numpy())

    def blocked(self, rays: Floats32, reach: float) -> NDArray[np.bool_]:
        """Return for rays [n, 6] whether anything lies within `reach` lengths of their direction."""
        tensor = self._open3d.core.Tensor(np.ascontiguousarray(rays))
        return np.asarray(self._scene.test_occlusions(tensor, 0.0, reach, nthreads=1).numpy(), dtype=np.bool_)

    def distance(self, xyz: Floats32) -> Floats32:
        """Return how far points [n, 3] are from the nearest surface, metres [n]."""
        tensor = self._open3d.core.Tensor(np.ascontiguousarray(xyz))
        return np.asarray(self._scene.compute_distance(tensor, nthreads=1).numpy(), dtype=np.float32)


def _import_open3d() -> Any:  # noqa: ANN401 — a module without type stubs
    try:
        import open3d
    except ImportError as error:
        raise InputError(
            f"open3d cannot be imported ({error}); install the extra: pip install locate3d_ros[scenes]"
        ) from None
    return open3d

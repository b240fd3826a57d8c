"""Renders all frames of a recording with light that is computed once (baked_light): tens of milliseconds a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.atlas import to_srgb
from locate3d_ros.data.synthetic.baked_light import SeenTriangles, corner_light, seen_triangles
from locate3d_ros.data.synthetic.caster import EveryRay, Floats32
from locate3d_ros.data.synthetic.render import Camera, View, edges_of, tone
from locate3d_ros.data.synthetic.vectors import dot
from locate3d_ros.data.synthetic.world import World

SUBPIXELS = ((-0.27, 0.2), (0.27, -0.2))  # beside the pixel's middle, where edges are smoothed
SHINY = 0.08  # materials above this show a highlight
TARGET_GREY = 0.27  # linear: the median of all frames is brought here
_TONES = 4096  # steps of the table from linear to sRGB
_TO_BYTE = np.round(to_srgb(np.linspace(0.0, 1.0, _TONES, dtype=np.float32)) * 255.0).astype(np.uint8)


@dataclass(frozen=True)
class _Surface:
    """What shading needs to know of the surface that rays met. Vectors lie in columns: numpy is quicker so."""

    known: NDArray[np.bool_]  # [n] False where nothing was met, or a triangle that no frame saw
    uv: Floats32  # [2, n]
    normal: Floats32  # [3, n] unit, of the side that most frames see
    light: Floats32  # [3, n]
    density: Floats32  # [n] texels along one metre
    glow: Floats32  # [n]
    shine: Floats32  # [n]
    material: NDArray[np.int32]  # [n]
    object: NDArray[np.uint16]  # [n]


class FrameRenderer:
    """One world seen by several cameras of the same size."""

    def __init__(self, world: World, cameras: Sequence[Camera]) -> None:
        self._world, self._cameras = world, cameras
        self._hits = [world.cast_every(camera.pixel_rays) for camera in cameras]
        seen = seen_triangles(world, [(h, c.T_map_camera[:3, 3]) for h, c in zip(self._hits, cameras, strict=True)])
        self._corners, self._figures = _tables(world, seen, corner_light(world, seen))
        self._row = np.append(np.where(seen.slot < 0, len(seen.index), seen.slot), len(seen.index))
        self._lamps = np.asarray([light.center for light in world.lights], dtype=np.float32).reshape(-1, 3)

    def exposure(self) -> float:
        """Return the factor on linear light that brings the frames' median grey to TARGET_GREY."""
        greys = []
        for camera, hits in zip(self._cameras, self._hits, strict=True):
            some = slice(None, None, max(1, len(hits.triangle) // 400))
            few = EveryRay(hits.distance[some], hits.triangle[some], hits.sides[some])
            surface = self._surface(few)
            colour = self._shade(few, camera.pixel_rays[some], camera.intrinsics.fx, surface)
            greys.append(colour[:, surface.known].mean(axis=0))
        median = float(np.median(np.concatenate(greys))) if greys else 0.0
        return TARGET_GREY / max(median, 1e-3)

    def views(self, exposures: Sequence[float]) -> Iterator[View]:
        """Render every frame with its own exposure."""
        for camera, hits, exposure in zip(self._cameras, self._hits, exposures, strict=True):
            yield self._view(camera, hits, exposure)

    def view_from(self, camera: Camera, exposure: float) -> View:
        """Render one more image, of a camera beside one of the frames': what no frame saw stays black."""
        return self._view(camera, self._world.cast_every(camera.pixel_rays), exposure)

    def _view(self, camera: Camera, hits: EveryRay, exposure: float) -> View:
        rays, shape = camera.pixel_rays, (camera.intrinsics.height, camera.intrinsics.width)
        surface = self._surface(hits)
        away = _inner(surface.normal, rays[:, 3:].T) > 0
        normal = np.where(away, -surface.normal, surface.normal).reshape(3, *shape).transpose(1, 2, 0)
        depth = np.where(surface.known, hits.distance, np.float32(0.0)).reshape(shape)
        ids = surface.object.reshape(shape)
        colour = tone(self._shade(hits, rays, camera.intrinsics.fx, surface) * np.float32(exposure))
        self._smooth_edges(colour, camera, np.flatnonzero(edges_of(depth, ids, normal)), exposure)
        levels = _TO_BYTE[(colour * np.float32(_TONES - 1) + np.float32(0.5)).astype(np.int32)]
        rgb = cv2.merge(list(levels.reshape(3, *shape)))
        return View(np.asarray(rgb, dtype=np.uint8), depth, ids, normal, surface.shine.reshape(shape))

    def _smooth_edges(self, colour: Floats32, camera: Camera, edges: NDArray[np.int64], exposure: float) -> None:
        """Average the pixels `edges` of an image [3, H·W] with samples beside their middle."""
        total, count = colour[:, edges], np.ones(len(edges), np.float32)
        v, u = np.divmod(edges, camera.intrinsics.width)
        for du, dv in SUBPIXELS:
            rays = camera.rays(u + du, v + dv)
            hits = self._world.cast_every(rays)
            surface = self._surface(hits)
            # What no frame saw is black here, and is not counted.
            total += tone(self._shade(hits, rays, camera.intrinsics.fx, surface) * np.float32(exposure))
            count += surface.known
        colour[:, edges] = total / count

    def _surface(self, hits: EveryRay) -> _Surface:
        row = self._row[hits.triangle]
        corners = np.take(self._corners, row, axis=0).reshape(-1, 3, 8)
        mixed = np.einsum("nk,nkc->nc", hits.sides, corners[:, 1:])
        mixed = np.ascontiguousarray(np.add(mixed, corners[:, 0], out=mixed).T)
        density, glow, shine, material, number = np.take(self._figures, row, axis=1)
        normal = mixed[2:5]
        return _Surface(
            known=row < len(self._corners) - 1,
            uv=mixed[:2],
            normal=normal / np.maximum(_length(normal), np.float32(1e-12)),
            light=mixed[5:],
            density=density,
            glow=glow,
            shine=shine,
            material=material.astype(np.int32),
            object=number.astype(np.uint16),
        )

    def _shade(self, hits: EveryRay, rays: Floats32, focal: float, surface: _Surface) -> Floats32:
        """Return linear colours [3, n] of what rays [n, 6] met; black where that is not known."""
        texels = np.maximum(surface.density * (hits.distance / np.float32(focal)), np.float32(1e-6))
        level = np.rint(np.log2(texels)).astype(np.int32)
        colour = (surface.light + surface.glow) * self._world.atlas.nearest(surface.material, surface.uv, level).T
        shiny = np.flatnonzero(surface.shine > SHINY)
        if len(shiny) and len(self._lamps):
            start, toward = np.ascontiguousarray(np.take(rays, shiny, axis=0).T).reshape(2, 3, -1)
            xyz = start + toward * hits.distance[shiny]
            lobe = self._highlight(xyz, np.divide(toward, _length(toward), dtype=np.float32), surface.normal[:, shiny])
            colour[:, shiny] += surface.shine[shiny] * lobe * np.minimum(surface.light[:, shiny], np.float32(1.0))
        return np.asarray(colour, dtype=np.float32)

    def _highlight(self, xyz: Floats32, toward: Floats32, normal: Floats32) -> Floats32:
        """Return how closely mirrored views [3, n] point at a lamp: [n], a soft lobe."""
        mirrored = toward - np.float32(2.0) * _inner(toward, normal) * normal
        best = np.zeros(xyz.shape[1], dtype=np.float32)
        for lamp in self._lamps:
            to_lamp = lamp[:, None] - xyz
            best = np.maximum(best, _inner(to_lamp, mirrored) / _length(to_lamp))
        return np.asarray(np.float32(1.5) * best**40, dtype=np.float32)


def _inner(a: Floats32, b: Floats32) -> Floats32:
    """Return the inner products [n] of vectors [3, n]."""
    return np.asarray(dot(a.T, b.T), dtype=np.float32)


def _length(vectors: Floats32) -> Floats32:
    """Return the lengths [n] of vectors [3, n]."""
    return np.sqrt(_inner(vectors, vectors))


def _tables(world: World, seen: SeenTriangles, light: Floats32) -> tuple[Floats32, Floats32]:
    """Put what shading needs side by side, so that one look-up fetches it.

    Returns texture coordinates, normal and light of each triangle's first corner and how they change along the two
    sides from there [s + 1, 24], and figures of the whole triangle [5, s + 1]. The last triangle is for what nobody
    knows: it has no light, no glow and no direction.
    """
    turn = np.where(seen.flipped, -1.0, 1.0).astype(np.float32)[:, None, None]
    corners = np.zeros((len(seen.index) + 1, 24), dtype=np.float32)
    parts = np.concatenate((world.uv[seen.index], world.normals[seen.index] * turn, light), axis=2)
    parts[:, 1:] -= parts[:, :1]
    corners[:-1] = parts.reshape(-1, 24)
    material = world.material_of[seen.index]
    figures = np.zeros((5, len(seen.index) + 1), dtype=np.float32)
    figures[:, :-1] = (
        world.texel_density[seen.index],
        world.glow[material],
        world.shine[material],
        material,
        world.object_of[seen.index],
    )
    return corners, figures

"""Renders all frames of a recording with light that is computed once (baked_light): tens of milliseconds a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.atlas import to_srgb
from locate3d_ros.data.synthetic.baked_light import SeenTriangles, corner_light, seen_triangles
from locate3d_ros.data.synthetic.caster import Floats32, Hits
from locate3d_ros.data.synthetic.render import Camera, View, edges_of, tone
from locate3d_ros.data.synthetic.vectors import dot, unit
from locate3d_ros.data.synthetic.world import World

SUBPIXELS = ((-0.27, 0.2), (0.27, -0.2))  # beside the pixel's middle, where edges are smoothed
SHINY = 0.08  # materials above this show a highlight
TARGET_GREY = 0.27  # linear: the median of all frames is brought here
_TONES = 4096  # steps of the table from linear to sRGB
_TO_BYTE = np.round(to_srgb(np.linspace(0.0, 1.0, _TONES, dtype=np.float32)) * 255.0).astype(np.uint8)


@dataclass(frozen=True)
class _Surface:
    """What shading needs at hits."""

    uv: Floats32  # [n, 2]
    normal: Floats32  # [n, 3] unit, of the side that most frames see
    light: Floats32  # [n, 3]


class FrameRenderer:
    """One world seen by several cameras of the same size."""

    def __init__(self, world: World, cameras: Sequence[Camera]) -> None:
        self._world, self._cameras = world, cameras
        self._hits = [world.cast(camera.pixel_rays) for camera in cameras]
        rays = (camera.pixel_rays for camera in cameras)
        self._seen = seen_triangles(world, list(zip(self._hits, rays, strict=True)))
        self._table = _table(world, self._seen, corner_light(world, self._seen))
        self._lamps = np.asarray([light.center for light in world.lights], dtype=np.float32).reshape(-1, 3)

    def exposure(self) -> float:
        """Return the factor on linear light that brings the frames' median grey to TARGET_GREY."""
        greys = []
        for camera, hits in zip(self._cameras, self._hits, strict=True):
            some = slice(None, None, max(1, len(hits.ray) // 400))
            few = Hits(hits.ray[some], hits.distance[some], hits.triangle[some], hits.weights[some])
            greys.append(self._shade(few, camera.pixel_rays, camera.intrinsics.fx, self._surface(few)).mean(axis=1))
        median = float(np.median(np.concatenate(greys))) if greys else 0.0
        return TARGET_GREY / max(median, 1e-3)

    def views(self, exposures: Sequence[float]) -> Iterator[View]:
        """Render every frame with its own exposure."""
        for camera, hits, exposure in zip(self._cameras, self._hits, exposures, strict=True):
            yield self._view(camera, hits, exposure)

    def view_from(self, camera: Camera, exposure: float) -> View:
        """Render one more image, of a camera beside one of the frames': what no frame saw stays black."""
        return self._view(camera, self._known(self._world.cast(camera.pixel_rays)), exposure)

    def _view(self, camera: Camera, hits: Hits, exposure: float) -> View:
        world, rays, shape = self._world, camera.pixel_rays, (camera.intrinsics.height, camera.intrinsics.width)
        surface = self._surface(hits)
        away = dot(surface.normal, rays[hits.ray, 3:]) > 0
        normal = _image(hits, np.where(away[:, None], -surface.normal, surface.normal), shape)
        depth = _image(hits, hits.distance, shape)
        ids = _image(hits, world.object_of[hits.triangle], shape).astype(np.uint16)
        shine = _image(hits, world.shine[world.material_of[hits.triangle]], shape)
        colour = tone(self._shade(hits, rays, camera.intrinsics.fx, surface) * np.float32(exposure))
        light = _image(hits, colour, shape).reshape(-1, 3)
        self._smooth_edges(light, camera, np.flatnonzero(edges_of(depth, ids, normal)), exposure)
        steps = (light * np.float32(_TONES - 1) + np.float32(0.5)).astype(np.int32)
        rgb = _TO_BYTE[np.clip(steps, 0, _TONES - 1)]
        return View(rgb.reshape(*shape, 3), depth, ids, normal, shine)

    def _smooth_edges(self, light: Floats32, camera: Camera, edges: NDArray[np.int64], exposure: float) -> None:
        """Average the pixels `edges` of an image [H·W, 3] with samples beside their middle."""
        total, count = light[edges].copy(), np.ones((len(edges), 1), np.float32)
        v, u = np.divmod(edges, camera.intrinsics.width)
        for du, dv in SUBPIXELS:
            rays = camera.rays(u + du, v + dv)
            hits = self._known(self._world.cast(rays))
            colour = self._shade(hits, rays, camera.intrinsics.fx, self._surface(hits))
            total[hits.ray] += tone(colour * np.float32(exposure))
            count[hits.ray] += 1.0
        light[edges] = total / count

    def _known(self, hits: Hits) -> Hits:
        """Leave out hits on triangles that no frame saw."""
        known = self._seen.slot[hits.triangle] >= 0
        return Hits(hits.ray[known], hits.distance[known], hits.triangle[known], hits.weights[known])

    def _surface(self, hits: Hits) -> _Surface:
        corners, weights = self._table[self._seen.slot[hits.triangle]], hits.weights  # [n, 24], [n, 3]
        mixed = corners[:, :8] * weights[:, :1]
        mixed += corners[:, 8:16] * weights[:, 1:2]
        mixed += corners[:, 16:] * weights[:, 2:]
        return _Surface(mixed[:, :2], np.asarray(unit(mixed[:, 2:5]), dtype=np.float32), mixed[:, 5:])

    def _shade(self, hits: Hits, rays: Floats32, focal: float, surface: _Surface) -> Floats32:
        """Return linear colours [n, 3] of hits on seen triangles."""
        world, light = self._world, surface.light
        material = world.material_of[hits.triangle]
        texels = np.maximum(world.texel_density[hits.triangle] * (hits.distance / np.float32(focal)), np.float32(1e-6))
        level = np.rint(np.log2(texels)).astype(np.int64)
        colour = world.atlas.nearest(material, surface.uv, level) * (light + world.glow[material][:, None])
        shiny = np.flatnonzero(world.shine[material] > SHINY)
        if len(shiny) and len(self._lamps):
            toward = rays[hits.ray[shiny], 3:]
            xyz = rays[hits.ray[shiny], :3] + toward * hits.distance[shiny, None]
            highlight = self._highlight(xyz, np.asarray(unit(toward), dtype=np.float32), surface.normal[shiny])
            colour[shiny] += world.shine[material[shiny], None] * highlight * np.minimum(light[shiny], 1.0)
        return np.asarray(colour, dtype=np.float32)

    def _highlight(self, xyz: Floats32, directions: Floats32, normal: Floats32) -> Floats32:
        """Return how closely mirrored views [n, 3] point at a lamp: [n, 1], a soft lobe."""
        mirrored = directions - 2.0 * dot(directions, normal)[:, None] * normal
        best = np.zeros(len(xyz), dtype=np.float32)
        for lamp in self._lamps:
            best = np.maximum(best, dot(unit(lamp - xyz), mirrored))
        return np.asarray(1.5 * best[:, None] ** 40, dtype=np.float32)


def _image(hits: Hits, values: NDArray[Any], shape: tuple[int, int]) -> Floats32:
    """Scatter values [n, …] of hits into an image [H, W, …]; zero where nothing is seen."""
    image = np.zeros((shape[0] * shape[1], *values.shape[1:]), dtype=np.float32)
    image[hits.ray] = values
    return image.reshape(*shape, *values.shape[1:])


def _table(world: World, seen: SeenTriangles, light: Floats32) -> Floats32:
    """Put what shading mixes side by side: texture coordinates, normal, light, per corner: [s, 24]."""
    turn = np.where(seen.flipped, -1.0, 1.0).astype(np.float32)[:, None, None]
    parts = (world.uv[seen.index], world.normals[seen.index] * turn, light)
    return np.ascontiguousarray(np.concatenate(parts, axis=2).reshape(len(seen.index), 24), dtype=np.float32)

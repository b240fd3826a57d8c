"""Renders all frames of a recording with light that is computed once (baked_light): tens of milliseconds a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.atlas import to_srgb
from locate3d_ros.data.synthetic.baked_light import SeenTriangles, corner_light, seen_triangles
from locate3d_ros.data.synthetic.caster import Floats32, Hits
from locate3d_ros.data.synthetic.render import Camera, View, buffers_of, edges_of, tone
from locate3d_ros.data.synthetic.vectors import dot, unit
from locate3d_ros.data.synthetic.world import World

SUBPIXELS = ((-0.27, 0.2), (0.27, -0.2))  # beside the pixel's middle, where edges are smoothed
SHINY = 0.08  # materials above this show a highlight
TARGET_GREY = 0.27  # linear: the median of all frames is brought here
_TONES = 4096  # steps of the table from linear to sRGB
_TO_BYTE = np.round(to_srgb(np.linspace(0.0, 1.0, _TONES, dtype=np.float32)) * 255.0).astype(np.uint8)


class FrameRenderer:
    """One world seen by several cameras of the same size."""

    def __init__(self, world: World, cameras: Sequence[Camera]) -> None:
        self._world, self._cameras = world, cameras
        self._frames = [(self._cast(camera), rays) for camera in cameras for rays in (camera.pixel_rays(),)]
        self._seen = seen_triangles(world, self._frames)
        self._table = _table(world, self._seen, corner_light(world, self._seen))
        self._lamps = np.asarray([light.center for light in world.lights], dtype=np.float32).reshape(-1, 3)

    def _cast(self, camera: Camera) -> Hits:
        return self._world.cast(camera.pixel_rays())

    def exposure(self) -> float:
        """Return the factor on linear light that brings the frames' median grey to TARGET_GREY."""
        greys = []
        for camera, (hits, rays) in zip(self._cameras, self._frames, strict=True):
            some = slice(None, None, max(1, len(hits.ray) // 400))
            few = Hits(hits.ray[some], hits.distance[some], hits.triangle[some], hits.weights[some])
            greys.append(self._shade(few, rays, camera.intrinsics.fx).mean(axis=1))
        median = float(np.median(np.concatenate(greys))) if greys else 0.0
        return TARGET_GREY / max(median, 1e-3)

    def views(self, exposures: Sequence[float]) -> Iterator[View]:
        """Render every frame with its own exposure."""
        for camera, (hits, rays), exposure in zip(self._cameras, self._frames, exposures, strict=True):
            yield self._view(camera, hits, rays, exposure)

    def view_from(self, camera: Camera, exposure: float) -> View:
        """Render one more image, of a camera beside one of the frames': what no frame saw stays black."""
        rays = camera.pixel_rays()
        return self._view(camera, self._known(self._world.cast(rays)), rays, exposure)

    def _view(self, camera: Camera, hits: Hits, rays: Floats32, exposure: float) -> View:
        k = camera.intrinsics
        depth, ids, normal = buffers_of(self._world, hits, rays, (k.height, k.width))
        light = np.zeros((k.height * k.width, 3), dtype=np.float32)
        light[hits.ray] = tone(self._shade(hits, rays, k.fx) * np.float32(exposure))
        self._smooth_edges(light, camera, np.flatnonzero(edges_of(depth, ids, normal)), exposure)
        steps = np.clip(light * (_TONES - 1) + 0.5, 0, _TONES - 1).astype(np.int32)
        shine = np.zeros(k.height * k.width, dtype=np.float32)
        shine[hits.ray] = self._world.shine[self._world.material_of[hits.triangle]]
        return View(_TO_BYTE[steps].reshape(k.height, k.width, 3), depth, ids, normal, shine.reshape(depth.shape))

    def _smooth_edges(self, light: Floats32, camera: Camera, edges: NDArray[np.int64], exposure: float) -> None:
        """Average the pixels `edges` of an image [H·W, 3] with samples beside their middle."""
        total, count = light[edges].copy(), np.ones((len(edges), 1), np.float32)
        v, u = np.divmod(edges, camera.intrinsics.width)
        for du, dv in SUBPIXELS:
            rays = camera.rays(u + du, v + dv)
            hits = self._known(self._world.cast(rays))
            total[hits.ray] += tone(self._shade(hits, rays, camera.intrinsics.fx) * np.float32(exposure))
            count[hits.ray] += 1.0
        light[edges] = total / count

    def _known(self, hits: Hits) -> Hits:
        """Leave out hits on triangles that no frame saw."""
        known = self._seen.slot[hits.triangle] >= 0
        return Hits(hits.ray[known], hits.distance[known], hits.triangle[known], hits.weights[known])

    def _shade(self, hits: Hits, rays: Floats32, focal: float) -> Floats32:
        """Return linear colours [n, 3] of hits on seen triangles."""
        world = self._world
        corners = self._table[self._seen.slot[hits.triangle]]  # [n, 3, 8]
        mixed = (corners * hits.weights[:, :, None]).sum(axis=1)
        uv, normal, light = mixed[:, :2], mixed[:, 2:5], mixed[:, 5:]
        material = world.material_of[hits.triangle]
        texels = np.maximum(world.texel_density[hits.triangle] * (hits.distance / np.float32(focal)), 1e-6)
        level = np.round(np.log2(texels)).astype(np.int64)
        colour = world.atlas.nearest(material, uv, level) * (light + world.glow[material][:, None])
        shiny = np.flatnonzero(world.shine[material] > SHINY)
        if len(shiny) and len(self._lamps):
            directions = unit(rays[hits.ray[shiny], 3:])
            xyz = rays[hits.ray[shiny], :3] + rays[hits.ray[shiny], 3:] * hits.distance[shiny, None]
            shine = world.shine[material[shiny], None] * self._highlight(xyz, directions, unit(normal[shiny]))
            colour[shiny] += shine * np.minimum(light[shiny], 1.0)
        return np.asarray(colour, dtype=np.float32)

    def _highlight(self, xyz: Floats32, directions: Floats32, normal: Floats32) -> Floats32:
        """Return how closely mirrored views [n, 3] point at a lamp: [n, 1], a soft lobe."""
        mirrored = directions - 2.0 * dot(directions, normal)[:, None] * normal
        best = np.zeros(len(xyz), dtype=np.float32)
        for lamp in self._lamps:
            best = np.maximum(best, dot(unit(lamp - xyz), mirrored))
        return np.asarray(1.5 * best[:, None] ** 40, dtype=np.float32)


def _table(world: World, seen: SeenTriangles, light: Floats32) -> Floats32:
    """Put what shading mixes side by side: texture coordinates, normal, light: [s, 3, 8]."""
    turn = np.where(seen.flipped, -1.0, 1.0).astype(np.float32)[:, None, None]
    parts = (world.uv[seen.index], world.normals[seen.index] * turn, light)
    return np.ascontiguousarray(np.concatenate(parts, axis=2), dtype=np.float32)

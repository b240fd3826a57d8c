"""Colour, depth and object ids of a scene as one pinhole camera sees it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.atlas import Floats32, to_srgb
from locate3d_ros.data.synthetic.caster import Hits
from locate3d_ros.data.synthetic.lighting import Light, Surface, direct, light_on, same_surface
from locate3d_ros.data.synthetic.vectors import dot, unit
from locate3d_ros.data.synthetic.world import BACKGROUND, World
from locate3d_ros.types import Intrinsics

LIGHT_STEP = 2  # light is computed on every second pixel
SUBPIXELS = ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25))


@dataclass(frozen=True)
class View:
    """One rendered camera image, before any noise."""

    rgb: NDArray[np.uint8]  # [H, W, 3]
    depth: Floats32  # [H, W] metres along the optical axis; 0 where nothing is seen
    ids: NDArray[np.uint16]  # [H, W] object id, 0 = background
    normal: Floats32  # [H, W, 3] map frame, towards the camera; zero where nothing is seen
    shine: Floats32 | None = None  # [H, W] of the surface, where the sensor needs it


@dataclass(frozen=True)
class Camera:
    """Intrinsics and pose; frame: optical (x right, y down, z forward)."""

    intrinsics: Intrinsics
    T_map_camera: NDArray[np.float64]  # [4, 4]

    def rays(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> Floats32:
        """Return rays [..., 6] in the map frame through pixels u, v [...]; their directions have depth 1."""
        k, T = self.intrinsics, self.T_map_camera
        x, y = (u - k.cx) / k.fx, (v - k.cy) / k.fy
        rays = np.empty((*np.broadcast_shapes(x.shape, y.shape), 6), dtype=np.float32)
        for axis in range(3):
            rays[..., axis] = T[axis, 3]
            # No matrix product: numpy would spread one over all cores, and wait for them.
            rays[..., axis + 3] = x * T[axis, 0] + (y * T[axis, 1] + T[axis, 2])
        return rays

    @cached_property
    def pixel_rays(self) -> Floats32:
        """The rays [H·W, 6] through all pixels, row by row."""
        return self.rays(*_pixels(self.intrinsics)).reshape(-1, 6)

    @property
    def ray_lengths(self) -> Floats32:
        """Length [H·W] of the directions of `pixel_rays`."""
        return _pixel_lengths(self.intrinsics)


def _pixels(k: Intrinsics) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the columns [1, W] and the rows [H, 1]."""
    return np.arange(k.width, dtype=np.float64)[None, :], np.arange(k.height, dtype=np.float64)[:, None]


@lru_cache(maxsize=4)
def _pixel_lengths(k: Intrinsics) -> Floats32:
    u, v = _pixels(k)
    squared = 1.0 + ((u - k.cx) / k.fx) ** 2 + ((v - k.cy) / k.fy) ** 2
    return np.sqrt(squared).reshape(-1).astype(np.float32)


def render(world: World, camera: Camera, exposure: float = 1.0) -> View:
    """Render one image. Depth is exact at pixel centres; colour is averaged over four subpixels at edges."""
    k = camera.intrinsics
    v, u = (g.reshape(-1).astype(np.float64) for g in np.mgrid[0 : k.height, 0 : k.width])
    rays = camera.rays(u, v)
    hits = world.cast(rays)
    depth, ids, normal = buffers_of(world, hits, rays, (k.height, k.width))
    xyz = rays[:, :3] + rays[:, 3:] * depth.reshape(-1, 1)
    shader = _Shader(world, camera, Surface(xyz.reshape(k.height, k.width, 3), normal))
    light = np.zeros((k.height * k.width, 3), dtype=np.float32)
    light[hits.ray] = tone(shader.shade(hits, rays, u, v) * exposure)
    edges = np.flatnonzero(edges_of(depth, ids, normal))
    if len(edges):
        samples = [tone(shader.colours(u[edges] + du, v[edges] + dv) * exposure) for du, dv in SUBPIXELS]
        light[edges] = np.mean(samples, axis=0)
    rgb = to_srgb(light).reshape(k.height, k.width, 3)
    return View((rgb * 255.0 + 0.5).astype(np.uint8), depth, ids, normal)


class _Shader:
    """Shades any sample of one camera image with light computed once on a coarser grid."""

    def __init__(self, world: World, camera: Camera, surface: Surface) -> None:
        self._world, self._camera = world, camera
        step = slice(None, None, LIGHT_STEP)
        grid = Surface(surface.xyz[step, step], surface.normal[step, step])
        light = light_on(world, grid)
        self._grid_size = grid.xyz.shape[:2]
        # Side by side, so that one look-up per neighbour fetches where it is and what light it has.
        packed = np.concatenate((grid.xyz, grid.normal, light.bounced, light.visible), axis=2)
        self._grid = packed.reshape(-1, packed.shape[2])

    def colours(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> Floats32:
        """Return linear colours [n, 3] seen through pixels u, v [n]."""
        rays = self._camera.rays(u, v)
        hits = self._world.cast(rays)
        colours = np.zeros((len(u), 3), dtype=np.float32)
        colours[hits.ray] = self.shade(hits, rays, u, v)
        return colours

    def shade(self, hits: Hits, rays: Floats32, u: NDArray[np.float64], v: NDArray[np.float64]) -> Floats32:
        """Return linear colours [n, 3] of hits of rays through pixels u, v."""
        world, directions = self._world, rays[hits.ray, 3:]
        normal = world.normal_at(hits, directions)
        xyz = rays[hits.ray, :3] + directions * hits.distance[:, None]
        albedo = world.albedo_at(hits, hits.distance / np.float32(self._camera.intrinsics.fx))
        light = self._arriving(xyz, normal, u[hits.ray], v[hits.ray])
        toward = unit(directions)
        mirrored = toward - 2.0 * dot(toward, normal)[:, None] * normal
        diffuse, highlight = light.bounced.copy(), np.zeros_like(light.bounced)
        for i, lamp in enumerate(world.lights):
            seen = light.visible[:, i : i + 1]
            diffuse += seen * direct(lamp, xyz, normal)
            highlight += seen * direct(lamp, xyz, mirrored) * _highlight(lamp.center, xyz, mirrored)
        material = world.material_of[hits.triangle]
        shine, glow = world.shine[material][:, None], world.glow[material][:, None]
        return np.asarray(albedo * (diffuse + glow) + shine * highlight, dtype=np.float32)

    def _arriving(self, xyz: Floats32, normal: Floats32, u: NDArray[np.float64], v: NDArray[np.float64]) -> Light:
        """Interpolate the coarse grid's light at samples, with grid points of the same surface only."""
        height, width = self._grid_size
        column, row = (u / LIGHT_STEP).astype(np.float32), (v / LIGHT_STEP).astype(np.float32)
        left, top = np.floor(column).astype(np.int32), np.floor(row).astype(np.int32)
        total = np.zeros((len(u), self._grid.shape[1] - 6), dtype=np.float32)
        weight = np.full((len(u), 1), 1e-9, np.float32)
        for dy in (0, 1):
            for dx in (0, 1):
                x, y = np.clip(left + dx, 0, width - 1), np.clip(top + dy, 0, height - 1)
                there = self._grid[y * width + x]
                near = np.maximum(1.0 - np.abs(column - x), 0.05) * np.maximum(1.0 - np.abs(row - y), 0.05)
                alike = same_surface(xyz, normal, there[:, :3], there[:, 3:6])
                w = (near * (alike + np.float32(1e-5))).astype(np.float32)[:, None]
                total += w * there[:, 6:]
                weight += w
        total /= weight
        return Light(total[:, :3], total[:, 3:])


def _highlight(center: tuple[float, float, float], xyz: Floats32, mirrored: Floats32) -> Floats32:
    """Return how closely the mirrored view [n, 3] points at a light: [n, 1], a soft lobe."""
    to_light = unit(np.asarray(center, dtype=np.float32) - xyz)
    lobe = np.maximum(dot(to_light, mirrored), 0.0) ** 40
    return np.asarray(1.2 * lobe[:, None], dtype=np.float32)


def buffers_of(
    world: World, hits: Hits, rays: Floats32, shape: tuple[int, int]
) -> tuple[Floats32, NDArray[np.uint16], Floats32]:
    """Scatter hits into depth, ids and normal images."""
    depth = np.zeros(shape[0] * shape[1], dtype=np.float32)
    ids = np.full(shape[0] * shape[1], BACKGROUND, dtype=np.uint16)
    normal = np.zeros((shape[0] * shape[1], 3), dtype=np.float32)
    depth[hits.ray] = hits.distance
    ids[hits.ray] = world.object_of[hits.triangle]
    normal[hits.ray] = world.normal_at(hits, rays[hits.ray, 3:])
    return depth.reshape(shape), ids.reshape(shape), normal.reshape(*shape, 3)


def edges_of(depth: Floats32, ids: NDArray[np.uint16], normal: Floats32) -> NDArray[np.bool_]:
    """Mark pixels [H, W] whose right or lower neighbour is of another object, depth or direction, and those too."""
    marked = np.zeros(depth.shape, dtype=np.bool_)
    for axis in (0, 1):
        first, second = (slice(None, -1), slice(1, None))
        here = (first, slice(None)) if axis == 0 else (slice(None), first)
        there = (second, slice(None)) if axis == 0 else (slice(None), second)
        jump = np.abs(depth[here] - depth[there]) > 0.03 * np.minimum(depth[here], depth[there])
        turned = dot(normal[here], normal[there]) < 0.9
        edge = jump | turned | (ids[here] != ids[there])
        marked[here] |= edge
        marked[there] |= edge
    return marked


def tone(linear: Floats32) -> Floats32:
    """Compress bright light softly into [0, 1], as cameras do; dark and middle values keep their contrast."""
    shoulder = 0.7
    over = np.maximum(linear - shoulder, 0.0)
    bright = shoulder + (1.0 - shoulder) * (1.0 - np.exp(-over / (1.0 - shoulder)))
    return np.asarray(np.where(linear > shoulder, bright, linear), dtype=np.float32)

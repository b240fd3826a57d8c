"""Soft light on the surfaces that a camera sees: shadowed area lights, and one bounce off what is near.

Both are computed on every second pixel with few rays; a 4x4 block of neighbours uses different rays, and averaging over
the block, within one surface, takes the noise out again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.atlas import Floats32
from locate3d_ros.data.synthetic.vectors import dot, unit
from locate3d_ros.data.synthetic.world import AreaLight, World

TILE = 4
BOUNCE_RAYS = 8
LIGHT_RAYS = 5
LIFT = 2e-3  # metres: rays start this far off their surface
NEAR = 0.7  # metres: what lies within this darkens a surface, as corners are darker than open walls


@dataclass(frozen=True)
class Surface:
    """The surface points of a pixel grid; where a pixel sees nothing its normal is zero."""

    xyz: Floats32  # [h, w, 3] map frame, metres
    normal: Floats32  # [h, w, 3] unit


@dataclass(frozen=True)
class Light:
    """Light arriving at a surface, per pixel of its grid."""

    bounced: Floats32  # [h, w, 3] linear
    visible: Floats32  # [h, w, L] seen share of each area light


def light_on(world: World, surface: Surface) -> Light:
    """Compute the light that arrives at each surface point."""
    height, width = surface.xyz.shape[:2]
    xyz = surface.xyz.reshape(-1, 3) + LIFT * surface.normal.reshape(-1, 3)
    normal = surface.normal.reshape(-1, 3)
    rows, columns = np.divmod(np.arange(height * width), width)
    tile = (rows % TILE) * TILE + columns % TILE
    reflected = bounced(world, xyz, normal, tile).reshape(height, width, 3)
    visible = [visible_share(world, light, xyz, tile).reshape(height, width, 1) for light in world.lights]
    stacked = _smooth(np.concatenate([reflected, *visible], axis=2), surface)
    return Light(stacked[..., :3], stacked[..., 3:])


def direct(light: AreaLight, xyz: Floats32, normal: Floats32) -> Floats32:
    """Return unshadowed light [n, 3] at points [n, 3] with unit normals [n, 3]."""
    to_light = np.asarray(light.center, dtype=np.float32) - xyz
    squared = np.maximum(dot(to_light, to_light), 0.05)
    toward = to_light / np.sqrt(squared)[:, None]
    received = np.maximum(dot(toward, normal), 0.0)
    given = np.maximum(-dot(toward, light.normal.astype(np.float32)), 0.0)
    strength = received * given * np.float32(light.area) / (squared + np.float32(light.area / np.pi))
    return np.asarray(strength[:, None] * np.asarray(light.colour, dtype=np.float32), dtype=np.float32)


def bounced(world: World, xyz: Floats32, normal: Floats32, tile: NDArray[np.int64]) -> Floats32:
    """Average the guessed light [n, 3] of what each point sees around it."""
    total = np.zeros((len(xyz), 3), dtype=np.float32)
    table = _hemisphere(TILE * TILE * BOUNCE_RAYS).reshape(TILE * TILE, BOUNCE_RAYS, 3)
    frames = _tangent_frames(normal)
    for k in range(BOUNCE_RAYS):
        directions = np.einsum("nij,nj->ni", frames, table[tile, k])
        hits = world.cast(np.concatenate((xyz, directions), axis=1).astype(np.float32))
        material = world.material_of[hits.triangle]
        openness = np.clip(hits.distance / NEAR, 0.0, 1.0)[:, None]
        light = world.atlas.mean[material] * (0.10 + 1.0 * openness + 2.0 * world.glow[material][:, None])
        total[hits.ray] += light
    return np.asarray(total / BOUNCE_RAYS, dtype=np.float32)


def visible_share(world: World, light: AreaLight, xyz: Floats32, tile: NDArray[np.int64]) -> Floats32:
    """Return the share [n] of an area light that each point sees."""
    spots = _square(TILE * TILE * LIGHT_RAYS).reshape(TILE * TILE, LIGHT_RAYS, 2)
    axes = np.stack((light.half_u, light.half_v)).astype(np.float32)
    center = np.asarray(light.center, dtype=np.float32)
    seen = np.zeros(len(xyz), dtype=np.float32)
    for k in range(LIGHT_RAYS):
        to_light = center + spots[tile, k] @ axes - xyz
        seen += ~world.blocked(np.concatenate((xyz, to_light), axis=1), 0.98)
    return np.asarray(seen / LIGHT_RAYS, dtype=np.float32)


def _smooth(values: Floats32, surface: Surface) -> Floats32:
    """Average values [h, w, c] over blocks of TILE x TILE pixels, only with pixels of about the same surface."""
    height, width = values.shape[:2]
    around = ((TILE // 2, TILE // 2), (TILE // 2, TILE // 2), (0, 0))
    all_values, all_xyz, all_normals = (np.pad(a, around, mode="edge") for a in (values, surface.xyz, surface.normal))
    total, weight = np.zeros_like(values), np.zeros((height, width, 1), dtype=np.float32)
    for dy in range(TILE):
        for dx in range(TILE):
            part = (slice(dy, dy + height), slice(dx, dx + width))
            w = same_surface(surface.xyz, surface.normal, all_xyz[part], all_normals[part])[..., None]
            total += w * all_values[part]
            weight += w
    return np.asarray(total / np.maximum(weight, 1e-6), dtype=np.float32)


def same_surface(xyz: Floats32, normal: Floats32, other_xyz: Floats32, other_normal: Floats32) -> Floats32:
    """Weigh [...] in [0, 1] how much two points [..., 3] belong to one smooth surface."""
    off_plane = np.abs(dot(other_xyz - xyz, normal))
    alike = np.maximum(dot(normal, other_normal), 0.0)
    alike *= alike
    return np.asarray(alike * alike / (1.0 + (off_plane / 0.02) ** 2), dtype=np.float32)


def _tangent_frames(normal: Floats32) -> Floats32:
    """Return matrices [n, 3, 3] whose third column is the normal."""
    up, side = np.eye(3, dtype=np.float32)[[2, 0]]
    helper = np.where(np.abs(normal[:, 2:3]) < 0.9, up, side)
    u = unit(np.cross(helper, normal))
    return np.stack((u, np.cross(normal, u), normal), axis=2).astype(np.float32)


def _square(count: int) -> Floats32:
    """Return a low-discrepancy point set [count, 2] in [-1, 1]² (additive recurrence of the plastic number)."""
    g = 1.32471795724474602596
    steps = np.arange(1, count + 1)[:, None] * np.array([1 / g, 1 / g**2])
    return np.asarray(2.0 * np.mod(steps + 0.5, 1.0) - 1.0, dtype=np.float32)


def _hemisphere(count: int) -> Floats32:
    """Return cosine-weighted directions [count, 3] about +z."""
    points = (_square(count) + 1.0) / 2.0
    radius, angle = np.sqrt(points[:, 0]), 2.0 * np.pi * points[:, 1]
    up = np.sqrt(1.0 - points[:, 0])
    return np.stack((radius * np.cos(angle), radius * np.sin(angle), up), axis=1).astype(np.float32)

"""Light on everything that a recording's frames see, computed once for all of them at the corners of triangles.

Corners are gathered in small cells of one mesh and one direction; each cell gets the light of a few rays, and a corner
the blend of the cells around it. What no frame sees costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.caster import EveryRay, Floats32
from locate3d_ros.data.synthetic.lighting import TILE, bounced, direct, visible_share
from locate3d_ros.data.synthetic.mesh import Floats
from locate3d_ros.data.synthetic.vectors import dot, unit
from locate3d_ros.data.synthetic.world import BACKGROUND, World

CELL = 0.14  # metres
SHELL_CELL = 0.33  # metres: of walls, floors and ceilings, whose light changes slowly
LIFT = 0.006  # metres: a cell's rays start this far off its surface
LIGHTS = 3  # of the strongest lights of each cell, shadows are computed
BOUNCES = (0, 5, 10)  # sets of rays that are averaged
_SPAN = 1 << 12  # cells along one axis that a key can tell apart


@dataclass(frozen=True)
class SeenTriangles:
    """The triangles that some frame sees, and on which side."""

    index: NDArray[np.int64]  # [s] of the world's triangles
    slot: NDArray[np.int32]  # [F] place in `index`; −1 where unseen
    flipped: NDArray[np.bool_]  # [s] seen from behind: the normals must be turned


def seen_triangles(world: World, frames: Sequence[tuple[EveryRay, Floats]]) -> SeenTriangles:
    """Collect the triangles that rays met; frames are what their rays met and where these start, [3]."""
    # By the corners' normals: a simplified mesh may wind a sliver the other way round than its corners look.
    pixels, votes = np.zeros(len(world.normals) + 1, dtype=np.int64), np.zeros(len(world.normals) + 1)
    for hits, origin in frames:
        count = np.bincount(hits.triangle, minlength=len(pixels))
        met = np.flatnonzero(count[:-1])
        outward = world.normals[met].sum(axis=1)
        votes[met] += count[met] * np.sign(dot(outward, world.corners[met].mean(axis=1) - origin))
        pixels += count
    index = np.flatnonzero(pixels[:-1])
    slot = np.full(len(world.normals), -1, dtype=np.int32)
    slot[index] = np.arange(len(index), dtype=np.int32)
    return SeenTriangles(index, slot, votes[index] > 0)


def corner_light(world: World, seen: SeenTriangles) -> Floats32:
    """Return the light [s, 3, 3] (linear RGB) that arrives at the corners of seen triangles."""
    normals = world.normals[seen.index] * np.where(seen.flipped, -1.0, 1.0).astype(np.float32)[:, None, None]
    xyz, normal = world.corners[seen.index].reshape(-1, 3), normals.reshape(-1, 3)
    axis = np.abs(normal).argmax(axis=1)
    facing = 2 * axis + (normal[np.arange(len(axis)), axis] < 0)
    surface = np.repeat(world.mesh_of[seen.index], 3) * 6 + facing
    large = world.object_of[seen.index] == BACKGROUND
    size = np.repeat(np.where(large, SHELL_CELL, CELL), 3).astype(np.float32)
    where = (xyz - (xyz.min(axis=0) - 2.0 * SHELL_CELL)) / size[:, None]
    keys, cell = np.unique(_key(surface, np.floor(where).astype(np.int64)), return_inverse=True)
    place, outward = _means(xyz, cell, len(keys)), unit(_means(normal, cell, len(keys))).astype(np.float32)
    light = _light_at(world, _outermost(place, xyz, cell, facing), outward)
    return _blended(keys, _smoothed(keys, light), surface, where).reshape(-1, 3, 3)


def _key(surface: NDArray[np.int64], cell: NDArray[np.int64]) -> NDArray[np.int64]:
    return ((surface * _SPAN + cell[:, 0]) * _SPAN + cell[:, 1]) * _SPAN + cell[:, 2]


def _means(values: Floats32, cell: NDArray[np.int64], count: int) -> Floats32:
    """Average values [n, 3] over cells: [count, 3]."""
    sizes = np.bincount(cell, minlength=count)
    sums = [np.bincount(cell, weights=values[:, k], minlength=count) for k in range(3)]
    return np.asarray(np.stack(sums, axis=1) / sizes[:, None], dtype=np.float32)


def _outermost(place: Floats32, xyz: Floats32, cell: NDArray[np.int64], facing: NDArray[np.int64]) -> Floats32:
    """Move places [c, 3] out to the foremost corner of their cell, so that no panel stands before them."""
    axis, sign = facing // 2, np.where(facing % 2 == 0, 1.0, -1.0)
    ahead = np.full(len(place), -np.inf)
    np.maximum.at(ahead, cell, sign * xyz[np.arange(len(xyz)), axis])
    of_cell = np.zeros(len(place), dtype=np.int64)
    of_cell[cell] = facing
    moved = place.copy()
    moved[np.arange(len(place)), of_cell // 2] = np.where(of_cell % 2 == 0, ahead, -ahead)
    return np.asarray(moved, dtype=np.float32)


def _light_at(world: World, xyz: Floats32, normal: Floats32) -> Floats32:
    """Return bounced light and the strongest lamps' shadowed light [n, 3]."""
    lifted = np.asarray(xyz + np.float32(LIFT) * normal, dtype=np.float32)
    tile = np.arange(len(xyz), dtype=np.int64) % (TILE * TILE)
    total: Floats32 = sum(bounced(world, lifted, normal, (tile + k) % (TILE * TILE)) for k in BOUNCES) / np.float32(
        len(BOUNCES)
    )
    if not world.lights:
        return total
    given = np.stack([direct(light, lifted, normal) for light in world.lights])  # [L, n, 3]
    strength = given.sum(axis=2)
    order = np.argsort(-strength, axis=0)[:LIGHTS]
    for rank in order:
        for number, light in enumerate(world.lights):
            mine = np.flatnonzero((rank == number) & (strength[number] > 1e-3))
            if len(mine):
                share = visible_share(world, light, lifted[mine], tile[mine])
                total[mine] += share[:, None] * given[number, mine]
    return np.asarray(total, dtype=np.float32)


def _smoothed(keys: NDArray[np.int64], light: Floats32) -> Floats32:
    """Average the light of every cell with that of its neighbours on the same surface."""
    total, weight = light.copy(), np.ones((len(keys), 1), np.float32)
    for step in np.ndindex(3, 3, 3):
        offset = ((step[0] - 1) * _SPAN + step[1] - 1) * _SPAN + step[2] - 1
        place = np.minimum(np.searchsorted(keys, keys + offset), len(keys) - 1)
        there = (keys[place] == keys + offset).astype(np.float32)[:, None] * np.float32(0.6)
        total += there * light[place]
        weight += there
    return np.asarray(total / weight, dtype=np.float32)


def _blended(keys: NDArray[np.int64], light: Floats32, surface: NDArray[np.int64], where: Floats32) -> Floats32:
    """Blend the cells around each corner; `where` [n, 3] counts in cells."""
    start = np.floor(where - 0.5).astype(np.int64)
    share = where - 0.5 - start
    total, weight = np.zeros((len(where), 3), np.float32), np.full(len(where), 1e-9, np.float32)
    for corner in np.ndindex(2, 2, 2):
        key = _key(surface, start + np.asarray(corner))
        place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        near = np.prod(np.where(np.asarray(corner) == 1, share, 1.0 - share), axis=1) + np.float32(1e-4)
        near = np.where(keys[place] == key, near, 0.0).astype(np.float32)
        total += near[:, None] * light[place]
        weight += near
    return np.asarray(total / weight[:, None], dtype=np.float32)

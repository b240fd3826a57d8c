"""Level patches (floor, table tops, shelves, seats) and walls of an upright surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from locate3d_ros.localization.surface import Surface

LEVEL = 0.9  # |normal z| of a level point: within 26 degrees, for sensor noise bends fine normals
UPRIGHT = 0.35  # |normal z| of a wall point
THICKNESS = 0.03  # points this near a plane are the plane's, metres
MIN_PATCH_AREA = 0.03  # square metres
MIN_WALL_AREA = 0.6
MAX_WALLS = 8


@dataclass(frozen=True)
class Patch:
    """A connected level patch z = a x + b y + c."""

    points: NDArray[np.int64]  # indices into the surface
    slope: NDArray[np.float64]  # [3]: a, b, c
    height: float  # mean z, metres
    area: float  # square metres

    def above(self, xyz: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how far points (n, 3) are above the plane, metres."""
        return np.asarray(xyz[:, 2] - xyz[:, :2] @ self.slope[:2] - self.slope[2], dtype=np.float64)


@dataclass(frozen=True)
class Planes:
    """The large planes of a scene."""

    patches: tuple[Patch, ...]  # largest first; the floor is among them where it was seen
    walls: tuple[NDArray[np.int64], ...]  # point indices
    floor: Patch | None
    floor_height: float  # of the floor, else of the lowest points, metres


def find_planes(surface: Surface) -> Planes:
    """Find the level patches and walls of an upright surface (z up)."""
    patches = tuple(sorted(_level_patches(surface), key=lambda patch: -patch.area))
    floor = _floor(patches, surface)
    lowest = float(np.percentile(surface.xyz[:, 2], 0.5)) if len(surface) else 0.0
    return Planes(patches, tuple(_walls(surface)), floor, floor.height if floor is not None else lowest)


def components(edges: NDArray[np.int32], points: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """Split some of `count` points into the connected components of the edges among them, largest first."""
    place = np.full(count, -1, dtype=np.int64)
    place[points] = np.arange(len(points))
    a, b = place[edges[:, 0]], place[edges[:, 1]]
    inside = (a >= 0) & (b >= 0)
    shape = (len(points), len(points))
    graph = coo_matrix((np.ones(int(inside.sum()), dtype=np.int8), (a[inside], b[inside])), shape=shape)
    labels = connected_components(graph, directed=False)[1]
    order = np.argsort(labels, kind="stable")
    groups = np.split(points[order], np.flatnonzero(np.diff(labels[order])) + 1)
    return sorted((group for group in groups if len(group)), key=len, reverse=True)


def _level_patches(surface: Surface) -> list[Patch]:
    level = np.flatnonzero(np.abs(surface.normals[:, 2]) > LEVEL)
    steps = np.abs(surface.xyz[surface.edges[:, 0], 2] - surface.xyz[surface.edges[:, 1], 2])
    cell = surface.voxel_size**2
    groups = components(surface.edges[steps < 0.7 * surface.voxel_size], level, len(surface))
    patches = [_fit(surface, group) for group in groups if len(group) * cell > MIN_PATCH_AREA]
    return [patch for patch in patches if patch.area > MIN_PATCH_AREA]


def _fit(surface: Surface, group: NDArray[np.int64]) -> Patch:
    """Fit a level plane to a group, twice: the second time without what is off the first."""
    xyz = surface.xyz[group].astype(np.float64)
    near = np.ones(len(group), dtype=bool)
    slope = np.zeros(3)
    for _ in range(2):
        design = np.column_stack((xyz[near, :2], np.ones(near.sum())))
        slope = np.linalg.lstsq(design, xyz[near, 2], rcond=None)[0]
        off = np.abs(xyz[:, 2] - xyz[:, :2] @ slope[:2] - slope[2])
        near = off <= max(THICKNESS, float(np.median(off)))
    cells = np.unique(np.floor(xyz[near, :2] / surface.voxel_size), axis=0)
    return Patch(group[near], slope, float(xyz[near, 2].mean()), len(cells) * surface.voxel_size**2)


def _floor(patches: tuple[Patch, ...], surface: Surface) -> Patch | None:
    """Take the largest patch near the bottom of the scene."""
    if not patches:
        return None
    lowest = float(np.percentile(surface.xyz[:, 2], 1.0))
    low = [patch for patch in patches if patch.height < lowest + 0.25]
    return max(low, key=lambda patch: patch.area) if low else None


def _walls(surface: Surface) -> list[NDArray[np.int64]]:
    """Peel off vertical planes, the one with most points first."""
    remaining = np.flatnonzero(np.abs(surface.normals[:, 2]) < UPRIGHT)
    min_points = MIN_WALL_AREA / surface.voxel_size**2
    walls: list[NDArray[np.int64]] = []
    while len(walls) < MAX_WALLS and len(remaining) > min_points:
        wall = _strongest_wall(surface, remaining)
        if len(wall) < min_points:
            break
        walls.append(wall)
        remaining = np.setdiff1d(remaining, wall, assume_unique=True)
    return walls


def _strongest_wall(surface: Surface, candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Vote over direction (3 degrees) and offset (4 cm); return the points of the winner."""
    xy, normal = surface.xyz[candidates, :2], surface.normals[candidates, :2]
    azimuth = np.arctan2(normal[:, 1], normal[:, 0]) % np.pi
    best = np.zeros(0, dtype=np.int64)
    counts = np.bincount((azimuth / np.pi * 60).astype(np.int64) % 60, minlength=60)
    for bin_index in np.argsort(-(counts + np.roll(counts, 1) + np.roll(counts, -1)), kind="stable")[:3]:
        angle = (bin_index + 0.5) * np.pi / 60
        turned = np.abs((azimuth - angle + np.pi / 2) % np.pi - np.pi / 2) < np.radians(12)
        offset = xy @ np.array([np.cos(angle), np.sin(angle)])
        votes = np.bincount(((offset[turned] - offset.min()) / 0.04).astype(np.int64))
        peak = offset.min() + (int(np.argmax(votes)) + 0.5) * 0.04 if len(votes) else 0.0
        points = candidates[turned & (np.abs(offset - peak) < 0.05)]
        best = points if len(points) > len(best) else best
    return best

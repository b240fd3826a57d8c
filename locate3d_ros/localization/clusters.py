"""What is left when floor, walls and supports are taken away: clusters of points that hang together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.planes import Patch, Planes, components
from locate3d_ros.localization.surface import Surface

Points = NDArray[np.int64]

RADII = (1.25, 1.8, 3.0)  # fine voxels between points of one cluster: faces, edges and gaps
MIN_POINTS = 12
MAX_RISE = 0.8  # metres above its support that an object reaches
CLEARANCE = 0.015  # metres above a support where an object begins
FOOTPRINT_CELL = 0.05  # metres


def structure_mask(surface: Surface, planes: Planes) -> NDArray[np.bool_]:
    """Mark the points (M,) of floor and walls, with what lies within a plane's noise below the floor."""
    mask = np.zeros(len(surface), dtype=bool)
    for wall in planes.walls:
        mask[wall] = True
    if planes.floor is not None:
        mask |= planes.floor.above(surface.xyz) < 0.04
    return mask


def free_clusters(surface: Surface, structure: NDArray[np.bool_], planes: Planes) -> list[Points]:
    """Cluster what is neither floor nor wall, with and without the level patches."""
    supports = structure.copy()
    for patch in planes.patches:
        supports[patch.points] = True
    return _clusters(surface, ~structure) + _clusters(surface, ~supports)


def supported_clusters(surface: Surface, patch: Patch) -> list[Points]:
    """Cluster what stands on a level patch."""
    above = patch.above(surface.xyz)
    standing = over_footprint(surface, patch.points) & (above > CLEARANCE) & (above < MAX_RISE)
    standing[patch.points] = False
    return _clusters(surface, standing)


def _clusters(surface: Surface, members: NDArray[np.bool_]) -> list[Points]:
    """Cluster the member points at every radius."""
    inside = members[surface.edges[:, 0]] & members[surface.edges[:, 1]]
    edges, lengths, points = surface.edges[inside], surface.lengths[inside], np.flatnonzero(members)
    clusters: list[Points] = []
    for radius in RADII:
        clusters += _large(components(edges[lengths < radius * surface.voxel_size], points, len(surface)))
    return clusters


def over_footprint(surface: Surface, points: Points) -> NDArray[np.bool_]:
    """Mark the points (M,) above or below a cell that some of `points` occupy, seen from above."""
    cells = np.floor(surface.xyz[:, :2] / FOOTPRINT_CELL).astype(np.int64)
    cells -= cells.min(axis=0)
    keys = cells[:, 0] * (int(cells[:, 1].max()) + 1) + cells[:, 1]
    return np.asarray(np.isin(keys, np.unique(keys[points])))


def down_to_floor(xyz: NDArray[np.float32], box: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Mark the points (n, 3) in and under a box (6,): legs under a seat, the body under a table top."""
    x, y, z = xyz.T
    return np.asarray((x >= box[0]) & (x <= box[3]) & (y >= box[1]) & (y <= box[4]) & (z <= box[5]))


def _large(groups: list[Points]) -> list[Points]:
    return [group for group in groups if len(group) >= MIN_POINTS]

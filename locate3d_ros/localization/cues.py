"""What every proposal shows by itself, whatever the request: how much like a thing it is, and what carries it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from locate3d_ros.localization.planes import Patch, Planes
from locate3d_ros.localization.surface import Surface

Values = NDArray[np.float32]

FOOTPRINT_CELL = 0.05  # metres
CONTACT = (-0.05, 0.07)  # metres that a bottom may be below and above the support that carries it
WALL_REACH = 0.12  # metres between an object and the wall it hangs on


@dataclass(frozen=True)
class ProposalCues:
    """Measures of P proposals."""

    isolation: Values  # [P] share of a region's links that stay inside
    contrast: Values  # [P] mean difference across its border, colour and bend
    filling: Values  # [P] log of points per face area of the box
    bottom: Values  # [P] metres above the floor
    top: Values  # [P] metres above the floor
    carried: Values  # [P] share of the footprint over a level patch at the bottom's height
    by_wall: Values  # [P] 1 where a wall is within reach

    def objectness(self) -> Values:
        """Stack the cues of being a thing (P, 3), each about unit size."""
        return np.stack((self.isolation, self.contrast, self.filling), axis=1)


def measure_cues(surface: Surface, planes: Planes, members: csr_matrix, boxes: Values) -> ProposalCues:
    """Measure proposals given as memberships (P, M) and upright boxes (P, 6)."""
    isolation, contrast = _border(surface, members)
    size = np.maximum(boxes[:, 3:] - boxes[:, :3], surface.voxel_size)
    faces = size[:, 0] * size[:, 1] + size[:, 1] * size[:, 2] + size[:, 0] * size[:, 2]
    points = np.asarray(members.sum(axis=1)).ravel() * surface.voxel_size**2
    return ProposalCues(
        isolation=isolation,
        contrast=contrast,
        filling=np.log(np.maximum(points, 1e-6) / faces).astype(np.float32),
        bottom=(boxes[:, 2] - planes.floor_height).astype(np.float32),
        top=(boxes[:, 5] - planes.floor_height).astype(np.float32),
        carried=_carried(surface, planes.patches, boxes),
        by_wall=_by_wall(surface, planes.walls, boxes),
    )


def _border(surface: Surface, members: csr_matrix) -> tuple[Values, Values]:
    """Return the share of inner links and the mean difference across the border, each (P,)."""
    a, b = surface.edges[::3].T  # a third of the links tells as much as all
    difference = np.linalg.norm(surface.lab[a] - surface.lab[b], axis=1)
    difference += 1.0 - np.abs(np.einsum("ei,ei->e", surface.normals[a], surface.normals[b]))
    shape = (len(surface), len(surface))
    links = coo_matrix((np.ones(len(a), dtype=np.float32), (a, b)), shape=shape).tocsr()
    strain = coo_matrix((difference.astype(np.float32), (a, b)), shape=shape).tocsr()
    ends = _ends(links), _ends(strain)
    inner = _inner(members, links), _inner(members, strain)
    total, total_strain = members @ ends[0], members @ ends[1]
    border = np.maximum(total - 2.0 * inner[0], 0.0)
    isolation = 1.0 - border / np.maximum(total - inner[0], 1.0)
    contrast = (total_strain - 2.0 * inner[1]) / np.maximum(border, 1.0)
    return np.asarray(isolation, dtype=np.float32), np.asarray(contrast, dtype=np.float32)


def _ends(links: csr_matrix) -> Values:
    """Sum the links that end at each point, as first or as second end."""
    return np.asarray(np.asarray(links.sum(axis=0)).ravel() + np.asarray(links.sum(axis=1)).ravel())


def _inner(members: csr_matrix, links: csr_matrix) -> Values:
    """Sum the links with both ends in each region (P,)."""
    return np.asarray((members @ links).multiply(members).sum(axis=1)).ravel()


def _carried(surface: Surface, patches: tuple[Patch, ...], boxes: Values) -> Values:
    """Return the share (P,) of each footprint that lies on the best support at the bottom's height."""
    carried = np.zeros(len(boxes), dtype=np.float32)
    for patch in patches:
        near = np.flatnonzero((boxes[:, 2] - patch.height > CONTACT[0]) & (boxes[:, 2] - patch.height < CONTACT[1]))
        if len(near):
            carried[near] = np.maximum(carried[near], _overlap(surface.xyz[patch.points, :2], boxes[near]))
    return carried


def _overlap(xy: Values, boxes: Values) -> Values:
    """Return the share (n,) of each box's footprint cells that hold some of the points (m, 2)."""
    low = xy.min(axis=0)
    cells = np.unique(((xy - low) / FOOTPRINT_CELL).astype(np.int64), axis=0)
    grid = np.zeros(cells.max(axis=0) + 2)
    grid[cells[:, 0] + 1, cells[:, 1] + 1] = 1.0
    table = grid.cumsum(axis=0).cumsum(axis=1)
    limit = np.array(table.shape) - 1
    start = np.clip(np.floor((boxes[:, :2] - low) / FOOTPRINT_CELL).astype(np.int64), 0, limit)
    stop = np.clip(np.ceil((boxes[:, 3:5] - low) / FOOTPRINT_CELL).astype(np.int64), 0, limit)
    held = table[stop[:, 0], stop[:, 1]] - table[start[:, 0], stop[:, 1]]
    held += table[start[:, 0], start[:, 1]] - table[stop[:, 0], start[:, 1]]
    area = np.prod(np.ceil((boxes[:, 3:5] - boxes[:, :2]) / FOOTPRINT_CELL), axis=1)
    return np.asarray(np.clip(held / np.maximum(area, 1.0), 0.0, 1.0), dtype=np.float32)


def _by_wall(surface: Surface, walls: tuple[NDArray[np.int64], ...], boxes: Values) -> Values:
    """Return 1 for boxes (P, 6) that a wall's points touch, 0 for others."""
    touching = np.zeros(len(boxes), dtype=np.float32)
    for wall in walls:
        cells = np.unique(np.floor(surface.xyz[wall] / (2 * FOOTPRINT_CELL)), axis=0) * (2 * FOOTPRINT_CELL)
        for start in range(0, len(boxes), 256):
            block = boxes[start : start + 256]
            near = (cells[None] >= block[:, None, :3] - WALL_REACH) & (
                cells[None] <= block[:, None, 3:] + WALL_REACH / 2
            )
            touching[start : start + 256] = np.maximum(
                touching[start : start + 256], np.any(np.all(near, axis=2), axis=1)
            )
    return touching

"""Where somebody can stand and walk in a furnished home: a grid over its floor plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from locate3d_ros.data.synthetic.caster import RayCaster
from locate3d_ros.data.synthetic.mesh import Floats, merge
from locate3d_ros.data.synthetic.scene import Scene

STEP = 0.08  # metres between two points of the grid
STEP_OVER = 0.05  # metres: what is lower than this does not stop anybody (rugs, sills)
MARGIN = 0.3  # metres around the home
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True)
class FreeSpace:
    """How far every point of the floor is from what stands on it."""

    origin: Floats  # [2] metres, of the first point
    clearance: Floats  # [X, Y] metres to the nearest obstacle or wall; 0 within one

    def points(self, radius: float) -> Floats:
        """Return all places [n, 2] that a round body of this radius can stand at."""
        return self.origin + STEP * np.argwhere(self.clearance > radius)

    def clearance_at(self, places: Floats) -> Floats:
        """Return the clearance [n] of the grid points nearest to places [n, 2]."""
        cell = np.round((places - self.origin) / STEP).astype(np.int64)
        cell = np.clip(cell, 0, np.asarray(self.clearance.shape) - 1)
        return np.asarray(self.clearance[cell[:, 0], cell[:, 1]], dtype=np.float64)


def free_space(scene: Scene) -> FreeSpace:
    """Look down from below the ceiling: what is not floor is in the way. Doorways are open."""
    low, high = (scene.bounds[0] - MARGIN, scene.bounds[1] + MARGIN)
    size = np.ceil((high - low) / STEP).astype(np.int64) + 1
    grid = low + STEP * np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="ij"), axis=2)
    flat = grid.reshape(-1, 2)
    free = np.zeros(len(flat), dtype=np.bool_)
    for room in scene.rooms:
        free |= (flat > room.low).all(axis=1) & (flat < room.high).all(axis=1)
    solid = merge([o.mesh for o in scene.objects if o.mesh.high[2] > STEP_OVER])
    rays = np.zeros((len(flat), 6), dtype=np.float32)
    rays[:, :2], rays[:, 2], rays[:, 5] = flat, min(r.height for r in scene.rooms) - 0.02, -1.0
    hits = RayCaster(solid).cast(rays)
    below = rays[hits.ray, 2] - hits.distance
    free[hits.ray[below > STEP_OVER]] = False
    blocked = ~free
    for doorway in scene.doorways:
        low, high = (np.asarray(doorway.low) - 0.06, np.asarray(doorway.high) + 0.06)
        narrow = int(np.argmin(np.subtract(doorway.high, doorway.low)))
        low[1 - narrow], high[1 - narrow] = doorway.low[1 - narrow], doorway.high[1 - narrow]
        blocked[((flat > low) & (flat < high)).all(axis=1)] = False
    clearance = distance_transform_edt(~blocked.reshape(grid.shape[:2]), sampling=STEP)
    return FreeSpace(grid[0, 0], np.asarray(clearance, dtype=np.float64))


class Walker:
    """Finds ways for a round body of `radius` metres."""

    def __init__(self, space: FreeSpace, radius: float) -> None:
        self.space, self.radius = space, radius
        self._index = np.full(space.clearance.shape, -1, dtype=np.int64)
        self._cells = np.argwhere(space.clearance > radius)
        self._index[tuple(self._cells.T)] = np.arange(len(self._cells))
        self._graph = self._edges()

    def _edges(self) -> coo_matrix:
        rows, columns, costs = [], [], []
        room = self.space.clearance[tuple(self._cells.T)]
        for step in _NEIGHBOURS:
            there = self._cells + step
            inside = ((there >= 0) & (there < self._index.shape)).all(axis=1)
            target = np.full(len(there), -1)
            target[inside] = self._index[tuple(there[inside].T)]
            start = np.flatnonzero(target >= 0)
            rows.append(start)
            columns.append(target[start])
            # The middle of a passage is preferred to its sides.
            costs.append(np.hypot(*step) * STEP * (1.0 + 0.15 / room[start]))
        size = len(self._cells)
        data = (np.concatenate(costs), (np.concatenate(rows), np.concatenate(columns)))
        return coo_matrix(data, shape=(size, size)).tocsr()

    def nearest(self, place: Floats) -> int:
        """Return the number of the walkable point nearest to a place [2]."""
        return int(np.argmin(((self.points - place) ** 2).sum(axis=1)))

    @property
    def points(self) -> Floats:
        """All walkable points [n, 2]."""
        return np.asarray(self.space.origin + STEP * self._cells, dtype=np.float64)

    def ways_from(self, start: int) -> tuple[Floats, NDArray[np.int64]]:
        """Return the length [n] of the way to every point (inf: none) and the point before it [n]."""
        length, before = dijkstra(self._graph, directed=False, indices=start, return_predecessors=True)
        return np.asarray(length), np.asarray(before, dtype=np.int64)


def way_to(before: NDArray[np.int64], stop: int) -> list[int]:
    """Return the points from the start of `before` to `stop`, both included."""
    way = [stop]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return way[::-1]

"""Rooms of a map: free floor, split where it narrows to a door.

The distance-transform segmentation of floor plans (Bormann et al., "Room segmentation: survey, implementation, and
analysis", ICRA 2016): every free cell knows how far the next wall is, water rises from the widest places, and two pools
that meet at a width of a door remain two rooms. The plan is read off the voxels, upright, by what is tall.

Letters in shapes: v voxels, n boxes, w and d cells of the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Plan = NDArray[np.int64]
Mask = NDArray[np.bool_]

CELL = 0.1  # metres: edge of a cell of the plan
MARGIN = 1.0  # metres around the map
TALL = (0.6, 1.9)  # metres above the floor: over most furniture, under a door's lintel
HIGH = 1.2  # metres: over what stands before a wall
WALL_SHARE = 0.45  # of a column's levels that are occupied, where there is a wall
LEAST_WALL = 0.4  # metres: a shorter one is a lamp or a plant
UNSEEN = 0.3  # metres: gaps in what was seen of the floor are closed up to twice this
WIDEST_DOOR = 1.8  # metres
NARROWER = 0.7  # a door is at most this share as wide as the room behind it
LEAST_WIDTH = 0.9  # metres of a room
LEAST_AREA = 1.5  # square metres of a room
WIDE = 3.0  # metres to the next wall, above which no difference is made
BESIDE = 0.1  # metres around a box that count as its place: what hangs on a wall is in no free cell


@dataclass(frozen=True)
class Rooms:
    """The rooms of a map, upright."""

    plan: Plan  # [w, d] room of each cell from 1 on; 0: none
    corner: NDArray[np.float64]  # [2] of the first cell, metres
    cell: float  # metres

    def __len__(self) -> int:
        """Count the rooms."""
        return int(self.plan.max(initial=0))

    def of_boxes(self, boxes: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the room of each box (n, 6), upright frame -> (n,): the one that most of it stands in, or the nearest.

        All are in room 0 where there is none.
        """
        if len(self) == 0 or len(boxes) == 0:
            return np.zeros(len(boxes), dtype=np.int64)
        shares = _cells_within(self.plan, *self._cells(boxes))
        nearest = self._nearest((boxes[:, :2] + boxes[:, 3:5]) / 2)
        return np.where(shares.any(axis=0), shares.argmax(axis=0) + 1, nearest)

    def _cells(self, boxes: NDArray[np.float32]) -> tuple[Plan, Plan]:
        """Return the first cells (n, 2) of boxes and those behind the last."""
        first = np.floor((boxes[:, :2] - BESIDE - self.corner) / self.cell)
        last = np.ceil((boxes[:, 3:5] + BESIDE - self.corner) / self.cell)
        return first.astype(np.int64).clip(0, self.plan.shape), last.astype(np.int64).clip(0, self.plan.shape)

    def _nearest(self, places: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the room nearest to places (n, 2)."""
        cells = np.floor((places - self.corner) / self.cell).astype(np.int64)
        x, y = cells.clip(0, np.array(self.plan.shape) - 1).T
        rows, columns = _nearest_of(self.plan)
        return np.asarray(self.plan[rows[x, y], columns[x, y]])


def find_rooms(xyz: NDArray[np.float32], voxel_size: float) -> Rooms:
    """Find the rooms of voxels (v, 3), upright frame, metres. Maps of any size, also empty, have rooms or none."""
    cell = max(CELL, voxel_size)
    if len(xyz) == 0:
        return Rooms(np.zeros((1, 1), dtype=np.int64), np.zeros(2), cell)
    # By half a cell more, so that voxels as large as cells lie in the cells' middles, not on their edges.
    corner = xyz[:, :2].min(axis=0).astype(np.float64) - MARGIN - cell / 2
    cells = np.floor((xyz[:, :2] - corner) / cell).astype(np.int64)
    shape = (*(cells.max(axis=0) + 1 + round(MARGIN / cell)).tolist(),)
    height = xyz[:, 2] - floor_height(xyz[:, 2])
    walls = _walls(cells, height, shape, cell)
    free = _seen(cells[height < TALL[1]], shape, cell) & ~walls
    walls[[0, -1]] = walls[:, [0, -1]] = True  # the distance to the next wall is known everywhere
    clearance = np.where(free, ndimage.distance_transform_edt(~walls) * cell, 0.0).clip(max=WIDE)
    return Rooms(_without_small(_flooded(clearance, cell), cell), corner, cell)


def floor_height(z: NDArray[np.float32]) -> float:
    """Return the height with most voxels near the bottom of the map."""
    step = 0.05
    levels = np.floor((z - np.percentile(z, 1.0)) / step).astype(np.int64) + 2
    low = (levels >= 0) & (levels < 8)
    return float(np.median(z[levels == np.bincount(levels[low]).argmax()]))


def _walls(cells: Plan, height: NDArray[np.float32], shape: tuple[int, ...], cell: float) -> Mask:
    """Return the cells (w, d) over which much is occupied where little but walls reaches."""
    inside = (height > TALL[0]) & (height < TALL[1])
    levels = int(np.ceil((TALL[1] - TALL[0]) / cell))
    level = ((height[inside] - TALL[0]) / cell).astype(np.int64).clip(max=levels - 1)
    occupied = np.zeros((*shape, levels), dtype=bool)
    occupied[cells[inside, 0], cells[inside, 1], level] = True
    high = occupied[..., int((HIGH - TALL[0]) / cell) :]
    walls = (occupied.mean(axis=2) >= WALL_SHARE) | (high.mean(axis=2) >= WALL_SHARE)
    parts, _ = ndimage.label(walls, np.ones((3, 3)))
    lengths = [max(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in _extents(parts)]
    return np.isin(parts, 1 + np.flatnonzero(np.array(lengths) * cell >= LEAST_WALL - 1e-6))


def _extents(parts: NDArray[np.int32]) -> list[tuple[slice, slice]]:
    found: list[tuple[slice, slice]] = ndimage.find_objects(parts)
    return found


def _seen(cells: Plan, shape: tuple[int, ...], cell: float) -> Mask:
    """Return the cells (w, d) where anything was seen, floor or furniture, without small gaps between them."""
    seen = np.zeros(shape, dtype=bool)
    seen[cells[:, 0], cells[:, 1]] = True
    reach = round(UNSEEN / cell)
    x, y = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(ndimage.binary_fill_holes(ndimage.binary_closing(seen, x**2 + y**2 <= reach**2)))


def _flooded(clearance: NDArray[np.float64], cell: float) -> Plan:
    """Let rooms grow from where the next wall is farthest (w, d), metres -> (w, d) rooms; 0 where there is none."""
    rooms = np.zeros(clearance.shape, dtype=np.int64)
    widest = [0.0]  # half the width of each room
    for level in np.arange(clearance.max(), 0.0, -cell):
        parts, count = ndimage.label(clearance >= level)
        pooled = np.zeros(count + 1, dtype=bool)
        for part, within in _rooms_by_part(parts, rooms):
            pooled[part] = True
            _rise(rooms, parts == part, _apart(within, widest, float(level), cell))
        for part in (1 + np.flatnonzero(~pooled[1:])).tolist() if level >= LEAST_WIDTH / 2 else ():
            rooms[parts == part] = len(widest)
            widest.append(float(level))
    return rooms


def _apart(within: list[int], widest: list[float], level: float, cell: float) -> dict[int, int]:
    """Say which room becomes of each one that has met others at a level: the widest, unless it is behind a door."""
    main = max(within, key=lambda room: widest[room])
    return {room: room if _is_door(level, widest[room], cell) else main for room in within}


def _rise(rooms: Plan, pool: Mask, become: dict[int, int]) -> None:
    """Fill a pool (w, d) with the rooms that are in it, each by what it becomes; in place."""
    for room, kept in become.items():
        if room != kept:
            rooms[rooms == room] = kept
    left = set(become.values())
    if len(left) == 1:
        rooms[pool] = left.pop()
        return
    rows, columns = _nearest_of(np.where(pool, rooms, 0))  # not of another pool, behind a wall
    rooms[pool] = rooms[rows[pool], columns[pool]]


def _is_door(clearance: float, widest: float, cell: float) -> bool:
    """Whether a passage is a door to a room whose middle is `widest` from its walls; both are as far as cells tell."""
    return 2 * clearance - cell <= WIDEST_DOOR and clearance < NARROWER * widest


def _rooms_by_part(parts: NDArray[np.int32], rooms: Plan) -> Iterator[tuple[int, list[int]]]:
    """Give every part that has rooms, with its rooms."""
    there, count = rooms > 0, int(rooms.max()) + 1
    pairs = np.flatnonzero(np.bincount(parts[there].astype(np.int64) * count + rooms[there]))
    for part in np.unique(pairs // count):
        yield int(part), (pairs[pairs // count == part] % count).tolist()


def _without_small(rooms: Plan, cell: float) -> Plan:
    """Leave out what is too small for a room, unless nothing else is there, and number the rest anew."""
    areas = np.bincount(rooms.ravel(), minlength=2) * cell**2
    areas[0] = 0.0
    kept = (areas >= LEAST_AREA) | ((areas == areas.max()) & (areas > 0))
    return np.where(kept, np.cumsum(kept), 0)[rooms]


def _cells_within(plan: Plan, first: Plan, last: Plan) -> Plan:
    """Count the cells of every room between cells (n, 2) -> (rooms, n), by sums over rectangles from the corner."""
    own = plan[None] == np.arange(1, plan.max() + 1)[:, None, None]
    sums = np.pad(own, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    (x0, y0), (x1, y1) = first.T, last.T
    return np.asarray(sums[:, x1, y1] - sums[:, x0, y1] - sums[:, x1, y0] + sums[:, x0, y0])


def _nearest_of(rooms: Plan) -> NDArray[np.int32]:
    """Return the rows and columns (2, w, d) of the nearest cell that has a room."""
    found: NDArray[np.int32] = ndimage.distance_transform_edt(rooms == 0, return_distances=False, return_indices=True)
    return found

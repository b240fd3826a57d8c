"""Plans of homes: rectangular rooms side by side, and the doorways and windows in their walls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from locate3d_ros.data.synthetic.scene import Doorway, RoomArea
from locate3d_ros.data.synthetic.shell import DOOR_SIZE, WALLS, WINDOW_SIZE, Opening, wall_length

WALL = 0.12  # metres: thickness of the walls between rooms
SIDE = 0.2  # metres between a doorway and the end of the wall that two rooms share
# Kind of room -> usual and least floor area, square metres.
AREAS: Mapping[str, tuple[float, float]] = {
    "living room": (21.0, 13.0),
    "kitchen": (13.0, 8.0),
    "bedroom": (14.0, 9.5),
    "office": (11.0, 7.5),
    "dining room": (14.0, 9.5),
    "bathroom": (7.5, 4.5),
    "playroom": (14.0, 10.0),
    "hallway": (6.5, 4.0),
}
TRIES = 40
SHORTEST_SIDE = 1.9  # metres


@dataclass(frozen=True)
class FloorPlan:
    """Rooms, what joins them, and where daylight comes in; openings and windows by the name of their room."""

    rooms: tuple[RoomArea, ...]
    doorways: tuple[Doorway, ...]
    openings: Mapping[str, tuple[Opening, ...]]
    outer_walls: Mapping[str, tuple[str, ...]]


def make_plan(rng: np.random.Generator, kinds: Sequence[str]) -> FloorPlan | None:
    """Lay out one room of each kind; every room can be reached from every other. None where TRIES plans do not do."""
    for _ in range(TRIES):
        height = float(rng.uniform(2.45, 2.8))
        areas = {kind: AREAS[kind][0] * float(rng.uniform(0.8, 1.3)) for kind in kinds}
        total, aspect = sum(areas.values()), float(rng.uniform(1.0, 1.45))
        width = float(np.sqrt(total * aspect))
        tiles = _divided(rng, list(areas.items()), (0.0, 0.0, width, total / width))
        rooms = tuple(_room(kind, tile, height) for kind, tile in tiles.items())
        doorways = _doorways(rng, rooms)
        if doorways is not None and all(_is_usable(room) for room in rooms):
            openings = {room.name: _openings(room, doorways) for room in rooms}
            return FloorPlan(rooms, doorways, openings, {room.name: _outer_walls(room, rooms) for room in rooms})
    return None


def _divided(
    rng: np.random.Generator, areas: list[tuple[str, float]], tile: tuple[float, float, float, float]
) -> dict[str, tuple[float, float, float, float]]:
    """Cut a rectangle (x0, y0, x1, y1) across its longer side until every room has its share of it."""
    if len(areas) == 1:
        return {areas[0][0]: tile}
    order = [areas[i] for i in rng.permutation(len(areas))]
    cut = int(rng.integers(1, len(order)))
    share = sum(a for _, a in order[:cut]) / sum(a for _, a in order)
    x0, y0, x1, y1 = tile
    if x1 - x0 > y1 - y0:
        x = x0 + share * (x1 - x0)
        first, second = (x0, y0, x, y1), (x, y0, x1, y1)
    else:
        y = y0 + share * (y1 - y0)
        first, second = (x0, y0, x1, y), (x0, y, x1, y1)
    return _divided(rng, order[:cut], first) | _divided(rng, order[cut:], second)


def _room(kind: str, tile: tuple[float, float, float, float], height: float) -> RoomArea:
    half = WALL / 2.0
    return RoomArea(kind, (tile[0] + half, tile[1] + half), (tile[2] - half, tile[3] - half), height)


def _is_usable(room: RoomArea) -> bool:
    width, depth, _ = room.size
    narrow = 1.35 if room.name == "hallway" else SHORTEST_SIDE if room.name == "bathroom" else 2.6
    aspect = max(width, depth) / min(width, depth)
    return min(width, depth) > narrow and aspect < (4.0 if room.name == "hallway" else 1.9)


def _doorways(rng: np.random.Generator, rooms: Sequence[RoomArea]) -> tuple[Doorway, ...] | None:
    """Join all rooms by doorways, sometimes by one more than needed; None where some room cannot be reached."""
    pairs = [(a, b) for i, a in enumerate(rooms) for b in rooms[i + 1 :]]
    walls = [(a, b, shared) for a, b in pairs if (shared := _shared_wall(a, b)) is not None]
    group = {room.name: i for i, room in enumerate(rooms)}
    doorways = []
    for index in rng.permutation(len(walls)):
        a, b, shared = walls[index]
        joined = group[a.name] == group[b.name]
        if joined and rng.random() > 0.25:
            continue
        group = {name: group[a.name] if g == group[b.name] else g for name, g in group.items()}
        doorways.append(_doorway(rng, a, b, shared))
    return tuple(doorways) if len(set(group.values())) == 1 else None


def _shared_wall(a: RoomArea, b: RoomArea) -> tuple[int, float, float, float] | None:
    """Return axis across the wall, its middle on that axis, and the span along it that both rooms share."""
    for axis in (0, 1):
        along = 1 - axis
        start, stop = max(a.low[along], b.low[along]), min(a.high[along], b.high[along])
        for first, second in ((a, b), (b, a)):
            touches = abs(second.low[axis] - first.high[axis] - WALL) < 1e-6
            if touches and stop - start > DOOR_SIZE[0] + 2.0 * SIDE:
                return axis, first.high[axis] + WALL / 2.0, start, stop
    return None


def _doorway(rng: np.random.Generator, a: RoomArea, b: RoomArea, shared: tuple[int, float, float, float]) -> Doorway:
    axis, middle, start, stop = shared
    living = {"living room", "kitchen", "dining room", "playroom", "hallway"}
    wide = {a.name, b.name} <= living and stop - start > 2.4 and rng.random() < 0.5
    half = (float(rng.uniform(1.3, 1.7)) if wide else DOOR_SIZE[0]) / 2.0
    first, last = start + SIDE + half, stop - SIDE - half
    near_end = first + float(rng.uniform(0.0, 0.15)) * (last - first)
    along = near_end if rng.random() < 0.5 else first + last - near_end
    low, high = (middle - WALL / 2.0, along - half), (middle + WALL / 2.0, along + half)
    if axis == 1:
        low, high = (low[1], low[0]), (high[1], high[0])
    return Doorway(low, high, (a.name, b.name))


def _openings(room: RoomArea, doorways: Sequence[Doorway]) -> tuple[Opening, ...]:
    """Return a room's doorways as holes in its own walls."""
    return tuple(_opening(room, d) for d in doorways if room.name in d.rooms)


def _opening(room: RoomArea, doorway: Doorway) -> Opening:
    width, depth, _ = room.size
    x, y = (np.asarray(doorway.low) + np.asarray(doorway.high)) / 2.0 - np.asarray(room.low)
    wide = max(doorway.high[0] - doorway.low[0], doorway.high[1] - doorway.low[1])
    if doorway.high[0] - doorway.low[0] < doorway.high[1] - doorway.low[1]:
        wall, along = ("west", y) if x < 0 else ("east", depth - y)
    else:
        wall, along = ("south", width - x) if y < 0 else ("north", x)
    return Opening(wall, float(along), float(wide), DOOR_SIZE[1])


def _outer_walls(room: RoomArea, rooms: Sequence[RoomArea]) -> tuple[str, ...]:
    """Return the walls that a window fits into: with no other room behind."""
    low, high = np.min([r.low for r in rooms], axis=0), np.max([r.high for r in rooms], axis=0)
    outside = {
        "west": room.low[0] - low[0] < 1e-6,
        "south": room.low[1] - low[1] < 1e-6,
        "east": high[0] - room.high[0] < 1e-6,
        "north": high[1] - room.high[1] < 1e-6,
    }
    long_enough = WINDOW_SIZE[0] + 0.5
    return tuple(w for w in WALLS if outside[w] and wall_length(w, *room.size[:2]) > long_enough)

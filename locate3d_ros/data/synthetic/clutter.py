"""Scatters loose things over a furnished room: on tables and chests, on the walls, on the floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from locate3d_ros.data.synthetic.loose_things import ON_FLOORS, ON_SURFACES, ON_WALLS, Loose
from locate3d_ros.data.synthetic.painting import PALETTE
from locate3d_ros.data.synthetic.placement import Furnisher, Spot
from locate3d_ros.data.synthetic.scene import SceneObject
from locate3d_ros.data.synthetic.shell import WALLS, on_wall, wall_length

SUPPORT_HEIGHTS = (0.3, 1.6)  # metres: what is higher is not seen from above
SUPPORT_GROUND = 0.12  # square metres, at least
WALL_THINGS = 1.2  # of a room, for each thing that a support gets; half as many stand on the floor
TRIES = 8  # places for a thing


def scatter(rng: np.random.Generator, room: Furnisher, clutter: float) -> None:
    """Put about `clutter` loose things on every table, chest or counter of a room, others on floor and walls."""
    for support in list(room.objects):
        if _carries(support):
            for _ in range(int(rng.poisson(clutter))):
                _lay(rng, room, support)
    for _ in range(int(rng.poisson(WALL_THINGS * clutter))):
        _hang(rng, room)
    for _ in range(int(rng.poisson(WALL_THINGS * clutter / 2.0))):
        _stand(rng, room)


def _carries(item: SceneObject) -> bool:
    low, high = item.mesh.low, item.mesh.high
    ground = float(np.prod((high - low)[:2]))
    return low[2] < 0.05 and SUPPORT_HEIGHTS[0] < high[2] < SUPPORT_HEIGHTS[1] and ground > SUPPORT_GROUND


def _drawn(rng: np.random.Generator, kinds: Sequence[Loose]) -> tuple[Loose, SceneObject]:
    kind = kinds[int(rng.integers(len(kinds)))]
    colour = str(rng.choice(kind.colours)) if kind.colours else ""
    return kind, SceneObject(0, kind.name, kind.make(rng, PALETTE[colour or "white"]), colour)


def _lay(rng: np.random.Generator, room: Furnisher, support: SceneObject) -> None:
    _, item = _drawn(rng, ON_SURFACES)
    for _ in range(TRIES):
        x, y = rng.uniform(support.mesh.low[:2], support.mesh.high[:2])
        if room.lay_on(item, support, Spot(float(x), float(y), float(rng.uniform(-math.pi, math.pi)))):
            return


def _hang(rng: np.random.Generator, room: Furnisher) -> None:
    kind, item = _drawn(rng, ON_WALLS)
    for _ in range(TRIES):
        wall = str(rng.choice(list(WALLS)))
        along = float(rng.uniform(0.3, wall_length(wall, *room.size[:2]) - 0.3))
        hung = on_wall(item.mesh, wall, along, room.size[:2], float(rng.uniform(*kind.heights)))
        if room.add_where_it_fits(replace(item, mesh=hung)):
            return


def _stand(rng: np.random.Generator, room: Furnisher) -> None:
    _, item = _drawn(rng, ON_FLOORS)
    for _ in range(TRIES):
        x, y = (float(rng.uniform(0.3, side - 0.3)) for side in room.size[:2])
        stood = item.mesh.moved(x, y, 0.0, float(rng.uniform(-math.pi, math.pi)))
        if room.add_where_it_fits(replace(item, mesh=stood)):
            return

"""Random furnished rooms, each decided by its seed alone."""

from __future__ import annotations

import numpy as np

from locate3d_ros.data.synthetic.arrangements import hang_picture
from locate3d_ros.data.synthetic.models import installed_models
from locate3d_ros.data.synthetic.placement import Furnisher
from locate3d_ros.data.synthetic.scene import Room, SceneObject
from locate3d_ros.data.synthetic.shell import (
    WALLS,
    WINDOW_SILL,
    Surfaces,
    ceiling_lamp,
    door,
    on_wall,
    shell,
    wall_length,
    window,
    window_light,
)
from locate3d_ros.data.synthetic.textures import Colour
from locate3d_ros.data.synthetic.themes import THEMES, Planner
from locate3d_ros.data.synthetic.world import AreaLight

FLOORS: tuple[tuple[str, Colour], ...] = (
    ("wood_planks", (0.70, 0.50, 0.33)),
    ("wood_planks", (0.50, 0.33, 0.21)),
    ("wood_planks", (0.80, 0.66, 0.48)),
    ("carpet", (0.58, 0.54, 0.48)),
    ("carpet", (0.42, 0.47, 0.52)),
    ("tiles", (0.80, 0.77, 0.70)),
    ("tiles", (0.58, 0.57, 0.55)),
)
WALL_COLOURS: tuple[Colour, ...] = (
    (0.90, 0.88, 0.83),
    (0.86, 0.88, 0.90),
    (0.93, 0.87, 0.74),
    (0.78, 0.84, 0.78),
    (0.88, 0.80, 0.76),
    (0.74, 0.80, 0.87),
)
DOOR_COLOURS: tuple[Colour, ...] = ((0.55, 0.36, 0.22), (0.90, 0.89, 0.86), (0.72, 0.56, 0.38))


def make_room(seed: int) -> Room:
    """Furnish a room at random; the same seed and furniture libraries give the same room.

    Raises InputError where no furniture library is installed.
    """
    rng = np.random.default_rng(seed)
    kind, furnish = THEMES[seed % len(THEMES)]
    size = (float(rng.uniform(4.0, 5.4)), float(rng.uniform(3.6, 4.8)), float(rng.uniform(2.5, 2.8)))
    room = Furnisher(size, rng)
    light = _build_in(room)
    furnish(Planner(room, installed_models(), kind))
    for wall in rng.permutation(list(WALLS))[:2]:
        hang_picture(room, str(wall))
    floor, floor_colour = FLOORS[int(rng.integers(len(FLOORS)))]
    surfaces = Surfaces(
        floor,
        floor_colour,
        str(rng.choice(["plaster", "plaster", "stripes"])),
        WALL_COLOURS[int(rng.integers(len(WALL_COLOURS)))],
    )
    lamp, lamp_light = ceiling_lamp(size, float(rng.uniform(9.0, 16.0)))
    built = (*shell(rng, size, surfaces), lamp)
    return Room(f"room{seed:04d}", *size, seed, tuple(room.objects), built, (lamp_light, light))


def _build_in(room: Furnisher) -> AreaLight:
    """Build a window and a door into two walls; return the daylight."""
    rng, plan = room.rng, room.size[:2]
    walls = [str(w) for w in rng.permutation(list(WALLS))]
    along = wall_length(walls[0], *plan) * float(rng.uniform(0.4, 0.6))
    pane = on_wall(window(rng), walls[0], along, plan, WINDOW_SILL)
    room.add(SceneObject(0, "window", pane))
    colour = DOOR_COLOURS[int(rng.integers(len(DOOR_COLOURS)))]
    door_along = float(rng.choice([0.7, wall_length(walls[1], *plan) - 0.7]))
    name = "white" if min(colour) > 0.8 else "brown"
    room.add(SceneObject(0, "door", on_wall(door(rng, colour), walls[1], door_along, plan), name))
    room.keep_door_free(walls[1], door_along)
    return window_light(walls[0], along, plan, float(rng.uniform(2.0, 4.0)))

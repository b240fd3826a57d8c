"""The furnished room of the demo, arranged by hand from public-domain models and own geometry."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from locate3d_ros.data.synthetic.arrangements import lay_rug, picture_mesh
from locate3d_ros.data.synthetic.camera_path import Waypoint
from locate3d_ros.data.synthetic.mesh import Mesh
from locate3d_ros.data.synthetic.models import CC0_LIBRARY, find_model
from locate3d_ros.data.synthetic.own_models import bookcase, laptop, low_cabinet
from locate3d_ros.data.synthetic.placement import Furnisher, Spot
from locate3d_ros.data.synthetic.scene import RoomArea, Scene, SceneObject
from locate3d_ros.data.synthetic.shell import (
    WINDOW_SILL,
    Surfaces,
    ceiling_lamp,
    door,
    on_wall,
    shell,
    window,
    window_light,
)
from locate3d_ros.errors import InputError

SEED = 2026
SIZE = (5.4, 4.4, 2.6)  # width, depth, height in metres
WINDOW = ("east", 2.6)  # wall, metres from its left end
DOOR = ("south", 0.75)
TABLE = (2.75, 1.95)

# key, wall, metres from the wall's left end
AT_WALLS = (
    ("couch", "north", 1.75),
    ("decorativePlant", "north", 0.36),
    ("largeFridge", "west", 0.55),
    ("drawersCabinet", "west", 1.36),
    ("sinkCabinet", "west", 2.0),
    ("radiator3", "east", 2.6),
    ("lbDesk", "north", 4.3),
)
# key, x, y, yaw
ON_FLOOR = (
    ("oakTable", TABLE[0], TABLE[1], 0.0),
    ("oakChair", TABLE[0] - 0.85, TABLE[1], math.pi / 2.0),
    ("oakChair", TABLE[0], TABLE[1] + 0.88, 0.0),
    ("chair2", TABLE[0] + 0.84, TABLE[1] - 0.1, -math.pi / 2.0 - 0.1),
    ("plasticChair", 4.35, 3.3, math.pi + 0.15),
    ("basketball", 1.2, 0.3, 0.0),
    ("dustbin", 3.25, 4.1, 0.0),
)
# key, key of the support, x, y, yaw, how uneven the support may be
ON_FURNITURE = (
    ("caffe_final", "oakTable", TABLE[0] - 0.28, TABLE[1] - 0.1, 0.6, 0.012),
    ("plasticCup", "oakTable", TABLE[0] + 0.18, TABLE[1] - 0.32, 0.0, 0.012),
    ("bread", "oakTable", TABLE[0] + 0.12, TABLE[1] + 0.25, 0.5, 0.012),
    ("littlePlant", "oakTable", TABLE[0] + 0.02, TABLE[1] - 0.02, 0.0, 0.012),
    ("coffeeBrewer", "drawersCabinet", 0.33, 1.22, math.pi / 2.0 + 0.2, 0.012),
    ("tetrapak", "drawersCabinet", 0.30, 1.50, 0.9, 0.012),
    ("teddyBear", "couch", 1.9, 3.77, 0.15, 0.03),
    ("desklamp", "lbDesk", 4.95, 4.1, 0.0, 0.012),
)


def demo_room() -> Scene:
    """Furnish the demo's room. Raises InputError where a model is missing, not public domain, or does not fit."""
    rng = np.random.default_rng(SEED)
    room = Furnisher(SIZE, rng)
    _build_in(room, rng)
    placed: dict[str, SceneObject] = {}
    for key, wall, along in AT_WALLS:
        placed[key] = _placed(room.stand_at_wall(find_model(CC0_LIBRARY, key), wall, along), key)
    for key, x, y, yaw in ON_FLOOR:
        above = tuple(placed[k].id for k in ("oakTable", "lbDesk") if k in placed)
        item = room.stand(find_model(CC0_LIBRARY, key), Spot(x, y, yaw), tucked_under=above)
        placed[key] = _placed(item, key)
    for key, support, x, y, yaw, uneven in ON_FURNITURE:
        thing = room.put_on(find_model(CC0_LIBRARY, key), placed[support], Spot(x, y, yaw), uneven)
        placed[key] = _placed(thing, key)
    _television(room, rng)
    desk = placed["lbDesk"]
    _add_on(room, desk, "laptop", "gray", laptop(rng).moved(4.3, 3.98, float(desk.mesh.high[2]) + 0.001, 0.1))
    lay_rug(room, TABLE, (2.6, 2.2))
    floor = Surfaces("wood_planks", (0.72, 0.53, 0.36), "plaster", (0.91, 0.88, 0.80))
    lamp, light = ceiling_lamp(SIZE, 14.0)
    daylight = window_light(*WINDOW, SIZE[:2], 3.5)
    area = RoomArea("demo_room", (0.0, 0.0), SIZE[:2], SIZE[2])
    objects = tuple(replace(o, room=area.name) for o in room.objects)
    return Scene("demo_room", SEED, (area,), objects, (*shell(rng, SIZE, floor), lamp), (light, daylight))


def demo_path() -> list[Waypoint]:
    """Return the camera's way: once around the table looking across it, then close to table, kitchen, desk, sofa."""
    return [
        Waypoint((4.2, 0.8, 1.5), (1.6, 3.4, 0.7)),
        Waypoint((4.4, 1.9, 1.5), (1.0, 2.6, 0.7)),
        Waypoint((4.0, 2.9, 1.5), (1.0, 1.0, 0.8)),
        Waypoint((2.7, 3.1, 1.5), (1.6, 0.2, 0.8)),
        Waypoint((1.4, 2.9, 1.5), (3.2, 0.2, 0.7)),
        Waypoint((1.2, 1.9, 1.5), (4.6, 1.4, 0.7)),
        Waypoint((1.3, 1.0, 1.5), (4.4, 3.6, 0.7)),
        Waypoint((2.6, 0.9, 1.45), (2.7, 2.3, 0.7)),
        Waypoint((3.2, 1.0, 1.45), (5.2, 1.9, 0.8)),
        Waypoint((3.4, 2.9, 1.45), (4.5, 4.2, 0.8)),
        Waypoint((2.3, 2.9, 1.4), (2.0, 4.2, 0.5)),
        Waypoint((1.5, 1.9, 1.4), (0.2, 1.3, 0.9)),
    ]


def _placed(item: SceneObject | None, key: str) -> SceneObject:
    if item is None:
        raise InputError(f"demo room: {key} does not fit where it is to go; change its place in demo_room.py")
    if item.licence != "CC0-1.0":
        raise InputError(f"demo room: {key} is {item.licence}; only public-domain models may ship")
    return item


def _build_in(room: Furnisher, rng: np.random.Generator) -> None:
    """Add window, door, bookcase, picture and clock, in this order of their ids."""
    plan = SIZE[:2]
    room.add(SceneObject(0, "window", on_wall(window(rng), *WINDOW, plan, WINDOW_SILL)))
    room.add(SceneObject(0, "door", on_wall(door(rng, (0.90, 0.89, 0.86)), *DOOR, plan), "white"))
    room.keep_door_free(*DOOR)
    shelf = bookcase(rng, (0.9, 0.3, 1.9), (0.50, 0.32, 0.19)).moved(0.0, -0.18, 0.0)
    room.add(SceneObject(0, "bookcase", on_wall(shelf, "west", 3.15, plan), "brown"))
    room.add(SceneObject(0, "picture", on_wall(picture_mesh(rng, 0.9, 0.6), "north", 1.75, plan, 1.3)))
    clock = room.make(find_model(CC0_LIBRARY, "cuckooClock"))
    back = clock.mesh.moved(0.0, -float(clock.mesh.high[1]), 0.0)
    room.add(replace(_placed(clock, "cuckooClock"), mesh=on_wall(back, "south", 1.9, plan, 1.3)))


def _television(room: Furnisher, rng: np.random.Generator) -> None:
    """Stand a low cabinet at the wall and the television on it."""
    mesh = on_wall(
        low_cabinet(rng, (1.5, 0.42, 0.5), (0.62, 0.43, 0.27)).moved(0.0, -0.24, 0.0), "south", 3.0, SIZE[:2]
    )
    stand = room.add(SceneObject(0, "tv stand", mesh, "brown"))
    middle = (mesh.low + mesh.high) / 2.0
    tv = room.put_on(find_model(CC0_LIBRARY, "led_tv"), stand, Spot(float(middle[0]), float(middle[1]), math.pi))
    _placed(tv, "led_tv")


def _add_on(room: Furnisher, support: SceneObject, name: str, colour: str, mesh: Mesh) -> None:
    if not room.fits(mesh, (support.id,)):
        _placed(None, name)
    room.add(SceneObject(0, name, mesh, colour, support.id))

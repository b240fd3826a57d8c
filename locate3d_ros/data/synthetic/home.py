"""Random furnished homes, each decided by its seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from locate3d_ros.data.synthetic.arrangements import hang_picture
from locate3d_ros.data.synthetic.clutter import scatter
from locate3d_ros.data.synthetic.floor_plan import WALL, FloorPlan, make_plan
from locate3d_ros.data.synthetic.mesh import Mesh
from locate3d_ros.data.synthetic.models import LONGEST_EDGE, Model, load_light_mesh, models_of
from locate3d_ros.data.synthetic.options import SceneOptions
from locate3d_ros.data.synthetic.placement import Furnisher
from locate3d_ros.data.synthetic.scene import Doorway, RoomArea, Scene, SceneObject
from locate3d_ros.data.synthetic.shell import (
    WALLS,
    WINDOW_SILL,
    Opening,
    ceiling_lamp,
    door,
    doorway_frame,
    on_wall,
    open_leaf,
    shell,
    wall_length,
    window,
    window_light,
)
from locate3d_ros.data.synthetic.simplify import finer
from locate3d_ros.data.synthetic.sizes import with_sizes
from locate3d_ros.data.synthetic.styles import STYLES, Styles, pick_surfaces
from locate3d_ros.data.synthetic.textures import Colour
from locate3d_ros.data.synthetic.themes import THEMES, Planner
from locate3d_ros.data.synthetic.variation import made, varied
from locate3d_ros.data.synthetic.world import AreaLight

MAX_TRIANGLES = 290_000  # of all furniture of a home; clutter beyond it is left out
NEAR_CORNER = 0.35  # metres: an open door stands along a side wall that is this near
# How often each kind of room is in a home of several rooms.
_WEIGHTS = {
    "living room": 1.0,
    "kitchen": 1.0,
    "bedroom": 0.9,
    "office": 0.6,
    "dining room": 0.5,
    "bathroom": 0.6,
    "playroom": 0.2,
    "hallway": 0.25,
}


@dataclass
class _Furnished:
    """A room that is being furnished, in its own frame: its south-west corner is the origin."""

    area: RoomArea
    openings: Sequence[Opening]
    furnisher: Furnisher
    lights: list[AreaLight]
    shell: list[Mesh]


def make_home(seed: Sequence[int], name: str, options: SceneOptions) -> Scene:
    """Furnish a home at random; the same seed and furniture libraries give the same home."""
    rng = np.random.default_rng(list(seed))
    styles, models = STYLES[options.split], models_of(options.split)
    if options.split == "train":
        models = varied(models, rng)
    if options.made:
        models = (*models, *made(rng, options.made))
    plan = None
    while plan is None:
        plan = make_plan(rng, _pick_kinds(rng, int(rng.integers(options.min_rooms, options.max_rooms + 1))))
    colour = styles.doors[int(rng.integers(len(styles.doors)))]
    rooms = [_open_room(rng, plan, area, colour) for area in plan.rooms]
    _hang_front_door(rng, rooms, plan, colour)
    for room in rooms:
        room.furnisher.max_triangles = MAX_TRIANGLES // len(rooms)
        _furnish(rng, room, models, styles, options.clutter)
    frames = [_frame_of(rooms, d, colour) for d in plan.doorways]
    return Scene(
        id=name,
        seed=int(seed[-1]),
        rooms=tuple(room.area for room in rooms),
        objects=with_sizes(_joined(rooms)),
        shell=(*(m for room in rooms for m in _in_place(room)), *frames),
        lights=tuple(_moved_light(light, room.area) for room in rooms for light in room.lights),
        doorways=plan.doorways,
    )


def _pick_kinds(rng: np.random.Generator, count: int) -> list[str]:
    """Pick different kinds of rooms; a home of several always has a living room or a kitchen."""
    kinds, weights = list(_WEIGHTS), np.asarray(list(_WEIGHTS.values()))
    while True:
        picked = [str(k) for k in rng.choice(kinds, count, replace=False, p=weights / weights.sum())]
        lived_in = count == 1 and picked[0] != "hallway"
        if lived_in or {"living room", "kitchen"} & set(picked):
            return picked


def _open_room(rng: np.random.Generator, plan: FloorPlan, area: RoomArea, colour: Colour) -> _Furnished:
    """Build doorways and windows into a room that is still empty."""
    furnisher = Furnisher(area.size, rng, load_light_mesh)
    room = _Furnished(area, plan.openings[area.name], furnisher, [], [])
    for opening in room.openings:
        if opening.width < 1.0:
            _hang_open_door(rng, room, opening, colour)
        furnisher.keep_door_free(opening.wall, opening.along, opening.width)
    walls = [str(w) for w in rng.permutation(sorted(plan.outer_walls[area.name]))]
    for wall in walls[: 2 if rng.random() < 0.35 else 1]:
        along = wall_length(wall, *area.size[:2]) * float(rng.uniform(0.42, 0.58))
        pane = on_wall(window(rng), wall, along, area.size[:2], WINDOW_SILL)
        furnisher.add(SceneObject(0, "window", pane))
        room.lights.append(window_light(wall, along, area.size[:2], float(rng.uniform(2.0, 4.0))))
    return room


def _hang_open_door(rng: np.random.Generator, room: _Furnished, opening: Opening, colour: Colour) -> None:
    """Hang a door that stands open along the side wall, where the doorway is near a corner of the room."""
    length = wall_length(opening.wall, *room.area.size[:2])
    half = opening.width / 2.0
    for side, space in ((-1.0, opening.along - half), (1.0, length - opening.along - half)):
        if space < NEAR_CORNER and rng.random() < 0.5:
            leaf = on_wall(open_leaf(rng, colour, side * half), opening.wall, opening.along, room.area.size[:2])
            if room.furnisher.fits(leaf):
                room.furnisher.add(SceneObject(0, "door", leaf, _door_colour(colour), material="wood"))
            return


def _hang_front_door(rng: np.random.Generator, rooms: Sequence[_Furnished], plan: FloorPlan, colour: Colour) -> None:
    """Close the home by one door in an outer wall."""
    for index in rng.permutation(len(rooms)):
        room = rooms[int(index)]
        size = room.area.size[:2]
        for wall in rng.permutation(sorted(plan.outer_walls[room.area.name])):
            length = wall_length(str(wall), *size)
            along = float(rng.choice([0.7, length - 0.7]))
            mesh = on_wall(door(rng, colour), str(wall), along, size)
            if room.furnisher.fits(mesh.moved(0.0, 0.0, 0.0)):
                room.furnisher.add(SceneObject(0, "door", mesh, _door_colour(colour), material="wood"))
                room.furnisher.keep_door_free(str(wall), along)
                return


def _door_colour(colour: Colour) -> str:
    return "white" if min(colour) > 0.75 else "brown"


def _furnish(
    rng: np.random.Generator, room: _Furnished, models: Sequence[Model], styles: Styles, clutter: float
) -> None:
    usual, furnish = THEMES[room.area.name]
    furnish(Planner(room.furnisher, models, usual))
    for wall in rng.permutation(list(WALLS))[: int(rng.integers(1, 3))]:
        hang_picture(room.furnisher, str(wall))
    if clutter:
        scatter(rng, room.furnisher, clutter)
    lamp, light = ceiling_lamp(room.area.size, float(rng.uniform(9.0, 16.0)))
    room.lights.append(light)
    surfaces = pick_surfaces(rng, styles, room.area.name)
    room.area = replace(room.area, surfaces=surfaces)
    room.shell += [*shell(rng, room.area.size, surfaces, room.openings), lamp]


def _joined(rooms: Sequence[_Furnished]) -> tuple[SceneObject, ...]:
    """Bring all rooms' objects into the map frame, their ids counted on from room to room."""
    objects: list[SceneObject] = []
    for room in rooms:
        start = len(objects)
        for item in room.furnisher.objects:
            objects.append(
                replace(
                    item,
                    id=start + item.id,
                    support=start + item.support if item.support else item.support,
                    mesh=_lightable(item.mesh).moved(*room.area.low, 0.0),
                    room=room.area.name,
                )
            )
    return tuple(objects)


def _in_place(room: _Furnished) -> list[Mesh]:
    return [_lightable(mesh).moved(*room.area.low, 0.0) for mesh in room.shell]


def _lightable(mesh: Mesh) -> Mesh:
    """Cut what has no normals yet (walls, our own furniture) into triangles small enough for light at their corners."""
    return finer(mesh, LONGEST_EDGE) if mesh.normals is None else mesh


def _frame_of(rooms: Sequence[_Furnished], doorway: Doorway, colour: Colour) -> Mesh:
    room = next(r for r in rooms if r.area.name == doorway.rooms[0])
    middle = (np.asarray(doorway.low) + np.asarray(doorway.high)) / 2.0
    opening = min(room.openings, key=lambda o: _distance(room.area, o, middle))
    frame = doorway_frame(opening, WALL, colour)
    return _lightable(on_wall(frame, opening.wall, opening.along, room.area.size[:2])).moved(*room.area.low, 0.0)


def _distance(area: RoomArea, opening: Opening, place: np.ndarray) -> float:  # type: ignore[type-arg]
    foot = on_wall(doorway_frame(opening, WALL, (1.0, 1.0, 1.0)), opening.wall, opening.along, area.size[:2])
    middle = (foot.low[:2] + foot.high[:2]) / 2.0 + np.asarray(area.low)
    return float(np.hypot(*(middle - place)))


def _moved_light(light: AreaLight, area: RoomArea) -> AreaLight:
    x, y, z = light.center
    return replace(light, center=(x + area.low[0], y + area.low[1], z))

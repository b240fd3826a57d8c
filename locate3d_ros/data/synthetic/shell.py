"""Walls, floor, ceiling, and what is built into them: window, door, skirting, ceiling lamp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from locate3d_ros.data.synthetic import textures
from locate3d_ros.data.synthetic.mesh import Floats, Material, Mesh, merge
from locate3d_ros.data.synthetic.shapes import Point, box, quad
from locate3d_ros.data.synthetic.textures import Colour
from locate3d_ros.data.synthetic.world import AreaLight

WINDOW_SIZE = (1.5, 1.25)  # metres
WINDOW_SILL = 0.95
DOOR_SIZE = (0.9, 2.05)

# The four walls as seen from above: name -> (inward normal's yaw in quarter turns). A thing with its back to the wall
# "north" (y = depth) looks along -y, as models do without being turned.
WALLS = {"north": 0, "west": 1, "south": 2, "east": 3}


@dataclass(frozen=True)
class Surfaces:
    """What a room's shell is covered with."""

    floor: str  # a function of `textures`
    floor_colour: Colour
    wall: str
    wall_colour: Colour
    metres_per_floor_repeat: float = 1.6


@dataclass(frozen=True)
class Opening:
    """A hole in a wall that reaches down to the floor."""

    wall: str  # one of WALLS
    along: float  # metres from the wall's left end, as seen from inside, to its middle
    width: float
    top: float  # metres above the floor


def wall_length(wall: str, width: float, depth: float) -> float:
    """Return how long a wall is in a room of width x depth."""
    return width if wall in ("north", "south") else depth


def on_wall(mesh: Mesh, wall: str, along: float, size: tuple[float, float], z: float = 0.0) -> Mesh:
    """Move a mesh whose back is the plane y = 0 onto a wall of a room of `size` (width, depth).

    `along` is metres from the wall's left end as seen from inside.
    """
    width, depth = size
    x, y = {
        "north": (along, depth),
        "west": (0.0, along),
        "south": (width - along, 0.0),
        "east": (width, depth - along),
    }[wall]
    return mesh.moved(x, y, z, WALLS[wall] * np.pi / 2.0)


def shell(
    rng: np.random.Generator, size: Point, surfaces: Surfaces, openings: Sequence[Opening] = ()
) -> tuple[Mesh, ...]:
    """Make floor, ceiling, four walls with their openings, and skirting of a room of (width, depth, height)."""
    width, depth, height = size
    floor = Material((1, 1, 1), getattr(textures, surfaces.floor)(rng, surfaces.floor_colour), shine=0.02)
    wall = Material((1, 1, 1), getattr(textures, surfaces.wall)(rng, surfaces.wall_colour))
    ceiling = Material((0.93, 0.93, 0.92))
    skirting = Material((0.9, 0.9, 0.88), shine=0.05)
    repeat = surfaces.metres_per_floor_repeat
    parts = [
        quad((0, 0, 0), (width, 0, 0), (0, depth, 0), floor, (width / repeat, depth / repeat)),
        quad((0, 0, height), (width, 0, 0), (0, depth, 0), ceiling),
    ]
    for name in WALLS:
        length = wall_length(name, width, depth)
        holes = [o for o in openings if o.wall == name]
        panels = _wall_panels(length, height, holes, wall, skirting)
        parts += [on_wall(m, name, length / 2.0, (width, depth)) for m in panels]
    return tuple(parts)


def _wall_panels(
    length: float, height: float, holes: Sequence[Opening], wall: Material, skirting: Material
) -> list[Mesh]:
    """Make a wall from left to right, the middle of its foot on the origin: panels, what is above holes, skirting."""
    half = length / 2.0
    parts, left = [], 0.0
    for hole in [*sorted(holes, key=lambda o: o.along), Opening("", length + 0.5, 1.0, 0.0)]:
        right = min(hole.along - hole.width / 2.0, length)
        if right - left > 1e-6:
            # The painting of the wall goes on behind a hole: texture coordinates count from the wall's left end.
            panel = quad((left - half, 0, 0), (right - left, 0, 0), (0, 0, height), wall, (right - left, height))
            parts.append(replace(panel, uv=panel.uv + [left, 0.0]))
            parts.append(box((left - half, -0.015, 0.0), (right - half, 0.0, 0.09), skirting))
        if hole.wall:
            above = height - hole.top
            parts.append(
                quad((right - half, 0, hole.top), (hole.width, 0, 0), (0, 0, above), wall, (hole.width, above))
            )
        left = hole.along + hole.width / 2.0
    return parts


def doorway_frame(opening: Opening, thickness: float, colour: Colour) -> Mesh:
    """Make the lining of an opening in a wall of `thickness` and the trim on both its faces.

    The room's face of the wall is y = 0, the other room's y = thickness; the foot's middle is on the origin.
    """
    trim, sill = Material(colour, shine=0.05), Material((0.45, 0.33, 0.22), shine=0.05)
    half, top, edge = opening.width / 2.0, opening.top, 0.07
    parts = [box((-half, 0.0, -0.02), (half, thickness, 0.004), sill)]
    for left, right in ((-half - edge, -half), (half, half + edge)):
        parts.append(box((left, -0.02, 0.0), (right, thickness + 0.02, top + edge), trim))
    parts.append(box((-half, -0.02, top), (half, thickness + 0.02, top + edge), trim))
    return merge(parts)


def window(rng: np.random.Generator) -> Mesh:
    """Make a window: a bright view behind a white frame with a cross bar; its back is y = 0, its sill z = 0."""
    width, height = WINDOW_SIZE
    frame = Material((0.93, 0.93, 0.91), shine=0.08)
    view = Material((1, 1, 1), textures.outdoors(rng), glow=1.5)
    half = width / 2.0
    parts = [quad((-half, -0.01, 0), (width, 0, 0), (0, 0, height), view)]
    for x in (-half - 0.06, -0.03, half):
        parts.append(box((x, -0.06, -0.06), (x + 0.06, 0.0, height + 0.06), frame))
    for z in (-0.06, height):
        parts.append(box((-half, -0.06, z), (half, 0.0, z + 0.06), frame))
    parts.append(box((-half - 0.1, -0.16, -0.09), (half + 0.1, 0.0, -0.06), frame))
    return merge(parts)


def door(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a closed panelled door with its frame and handle; its back is y = 0."""
    width, height = DOOR_SIZE
    grain = textures.wood(rng, colour).transpose(1, 0, 2) if min(colour) < 0.8 else textures.plaster(rng, colour)
    leaf = Material((1, 1, 1), np.ascontiguousarray(grain), shine=0.04)
    trim = Material((0.92 * colour[0], 0.92 * colour[1], 0.92 * colour[2]), shine=0.04)
    metal = Material((0.75, 0.75, 0.76), shine=0.7)
    half = width / 2.0
    parts = [box((-half, -0.03, 0.005), (half, 0.0, height), leaf)]
    for low, high in ((0.15, 0.95), (1.1, 1.9)):
        for x in (-half + 0.12, 0.05):
            parts.append(box((x, -0.045, low), (x + width / 2.0 - 0.17, -0.03, high), trim))
    for x in (-half - 0.08, half):
        parts.append(box((x, -0.05, 0.0), (x + 0.08, 0.0, height + 0.08), trim))
    parts.append(box((-half, -0.05, height), (half, 0.0, height + 0.08), trim))
    parts.append(box((half - 0.13, -0.09, 1.0), (half - 0.03, -0.075, 1.02), metal))
    parts.append(box((half - 0.05, -0.09, 0.995), (half - 0.03, -0.03, 1.025), metal))
    return merge(parts)


def open_leaf(rng: np.random.Generator, colour: Colour, hinge: float) -> Mesh:
    """Make a door that stands open at a right angle, hinged at x = `hinge` just outside an opening around x = 0.

    The wall is the plane y = 0, the room in front of it.
    """
    height, deep = DOOR_SIZE[1] - 0.02, DOOR_SIZE[0] - 0.04
    grain = textures.wood(rng, colour).transpose(1, 0, 2) if min(colour) < 0.8 else textures.plaster(rng, colour)
    leaf = Material((1, 1, 1), np.ascontiguousarray(grain), shine=0.04)
    metal = Material((0.75, 0.75, 0.76), shine=0.7)
    left, right = sorted((hinge + np.sign(hinge) * 0.01, hinge + np.sign(hinge) * 0.05))
    parts = [box((left, -deep - 0.03, 0.01), (right, -0.03, height), leaf)]
    for x0, x1 in ((left - 0.05, left), (right, right + 0.05)):
        parts.append(box((x0, -deep + 0.03, 1.0), (x1, -deep + 0.05, 1.02), metal))
    return merge(parts)


def window_light(wall: str, along: float, size: tuple[float, float], strength: float) -> AreaLight:
    """Make the daylight that comes in by a window at `along` on a wall."""
    width, height = WINDOW_SIZE
    marks = quad((0, -0.20, WINDOW_SILL + height / 2.0), (width / 2.0, 0, 0), (0, 0, height / 2.0), Material((1, 1, 1)))
    corner, u, _, v = on_wall(marks, wall, along, size).vertices
    colour = (0.92 * strength, 0.97 * strength, 1.0 * strength)
    return AreaLight(_point(corner), _point(u - corner), _point(v - corner), colour)


def _point(values: Floats) -> Point:
    return (float(values[0]), float(values[1]), float(values[2]))


def ceiling_lamp(size: Point, strength: float) -> tuple[Mesh, AreaLight]:
    """Make a flat lamp in the middle of the ceiling, and its light."""
    x, y, z = size[0] / 2.0, size[1] / 2.0, size[2]
    shade = Material((1.0, 0.96, 0.88), glow=2.0)
    mesh = box((x - 0.25, y - 0.25, z - 0.06), (x + 0.25, y + 0.25, z), shade)
    colour = (1.0 * strength, 0.93 * strength, 0.80 * strength)
    return mesh, AreaLight((x, y, z - 0.08), (0.25, 0.0, 0.0), (0.0, -0.25, 0.0), colour)

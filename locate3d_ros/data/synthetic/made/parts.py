"""What made furniture is put together from: blocks, rods, legs, fronts with handles, and what they are made of.

Metres; things stand on z = 0 with their middle on the origin and their front towards -y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from locate3d_ros.data.synthetic import textures
from locate3d_ros.data.synthetic.mesh import Material, Mesh
from locate3d_ros.data.synthetic.shapes import Point, box, turned
from locate3d_ros.data.synthetic.textures import Colour

METAL = Material((0.62, 0.62, 0.64), shine=0.5)
DARK = Material((0.07, 0.07, 0.08), shine=0.2)
GLASS = Material((0.16, 0.17, 0.19), shine=0.6)
WHITE = Material((0.92, 0.92, 0.9), shine=0.2)
ORIGIN: Point = (0.0, 0.0, 0.0)
WALL = 0.004  # metres: thickness of a vessel


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number."""
    return float(rng.uniform(low, high))


def chance(rng: np.random.Generator, share: float = 0.5) -> bool:
    """Draw whether."""
    return bool(rng.random() < share)


def block(size: Point, stuff: Material, at: Point = ORIGIN) -> Mesh:
    """Make a box of (width, depth, height) whose underside has its middle at a place."""
    (x, y, z), (width, depth, height) = at, size
    return box((x - width / 2, y - depth / 2, z), (x + width / 2, y + depth / 2, z + height), stuff)


def rod(radius: float, height: float, stuff: Material, at: Point = ORIGIN, segments: int = 14) -> Mesh:
    """Make an upright cylinder whose underside has its middle at a place."""
    return turned([(0.0, 0.0), (radius, 0.0), (radius, height), (0.0, height)], stuff, segments).moved(*at)


def forward(mesh: Mesh) -> Mesh:
    """Lay what stands upright onto its back: its top looks towards -y, its back is y = 0."""
    return replace(mesh, vertices=mesh.vertices[:, [0, 2, 1]] * (1.0, -1.0, 1.0))


def leant(mesh: Mesh, angle: float) -> Mesh:
    """Lean a mesh backwards (towards +y) about the x axis through the origin, radians."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])
    return replace(mesh, vertices=mesh.vertices @ turn.T)


def legs(size: Point, thick: float, stuff: Material, inset: float = 0.0, round_: bool = False) -> list[Mesh]:
    """Make four legs under a top of (width, depth) at a height."""
    x, y = size[0] / 2 - thick / 2 - inset, size[1] / 2 - thick / 2 - inset
    places = [(a, b, 0.0) for a in (-x, x) for b in (-y, y)]
    if round_:
        return [rod(thick / 2, size[2], stuff, place, 10) for place in places]
    return [block((thick, thick, size[2]), stuff, place) for place in places]


def surface(rng: np.random.Generator, colour: Colour, shine: float = 0.06) -> Material:
    """Make wood of a colour, or paint."""
    if chance(rng, 0.6):
        return Material((1, 1, 1), textures.wood(rng, colour), shine=shine)
    return Material(colour, shine=shine)


def cloth(rng: np.random.Generator, colour: Colour) -> Material:
    """Make woven cloth, or leather, of a colour."""
    if chance(rng, 0.7):
        return Material((1, 1, 1), textures.cloth(rng, colour))
    return Material(colour, shine=0.12)


def any_colour(rng: np.random.Generator, low: float, high: float = 1.0) -> Colour:
    """Draw a colour whose red, green and blue lie between two values."""
    return between(rng, low, high), between(rng, low, high), between(rng, low, high)


def lighter(colour: Colour, share: float) -> Colour:
    """Return a colour that is nearer to white (share above 0) or to black (below 0)."""
    goal = 1.0 if share > 0 else 0.0
    red, green, blue = (value + (goal - value) * abs(share) for value in colour)
    return red, green, blue


def handle(rng: np.random.Generator, across: bool) -> Mesh | None:
    """Make a bar or a knob on a front at y = 0, its middle on the origin; None for fronts that need none."""
    kind = int(rng.integers(4))
    stuff = METAL if chance(rng, 0.7) else DARK
    if kind == 3:
        return None
    if kind == 2:
        return forward(rod(0.014, 0.022, stuff, segments=10))
    length, thick = between(rng, 0.08, 0.2), between(rng, 0.008, 0.016)
    size = (length, 0.02, thick) if across else (thick, 0.02, length)
    return block(size, stuff, (0.0, -0.014, -size[2] / 2))


def fronts(
    rng: np.random.Generator, size: tuple[float, float], grid: tuple[int, int], stuff: Material, doors: bool
) -> list[Mesh]:
    """Make a wall of (width, height) of drawers or doors, columns x rows, with gaps and handles; it stands on y = 0."""
    columns, rows = grid
    width, height = size[0] / columns, size[1] / rows
    pull = handle(rng, across=not doors)
    parts = []
    for column in range(columns):
        for row in range(rows):
            x, z = -size[0] / 2 + (column + 0.5) * width, row * height
            parts.append(block((width - 0.008, 0.016, height - 0.008), stuff, (x, -0.008, z + 0.004)))
            if pull is not None:
                side = 0.4 * width * (1 if column % 2 == 0 else -1) if doors else 0.0
                parts.append(pull.moved(x + side, -0.016, z + height * (0.5 if doors else 0.55)))
    return parts


def plinth(rng: np.random.Generator, size: tuple[float, float], stuff: Material) -> tuple[list[Mesh], float]:
    """Make what a piece of (width, depth) stands on, and how high that is: legs, a base set back, or nothing."""
    width, depth = size
    kind = int(rng.integers(3))
    if kind == 0:
        height = between(rng, 0.08, 0.2)
        return legs((width, depth, height), 0.04, stuff, 0.02, chance(rng)), height
    height = between(rng, 0.04, 0.1) if kind == 1 else 0.0
    return ([block((width - 0.06, depth - 0.06, height), stuff)] if height else []), height


def disc(radius: float, thick: float, stuff: Material, at: tuple[float, float, float]) -> Mesh:
    """Make a disc that looks towards -y, its back at a place."""
    return forward(rod(radius, thick, stuff, segments=24)).moved(*at)


def knobs(count: int, width: float, at: tuple[float, float, float], stuff: Material) -> list[Mesh]:
    """Make a row of `count` knobs over a width; the middle of the row is at a place."""
    places = np.linspace(-width / 2, width / 2, count)
    return [disc(0.02, 0.022, stuff, (at[0] + float(x), at[1], at[2])) for x in places]


def profile(size: tuple[float, float], *shares: tuple[float, float]) -> list[tuple[float, float]]:
    """Return an outline for the lathe from shares of a radius and a height."""
    return [(size[0] * across, size[1] * up) for across, up in shares]


def hollow(outline: Sequence[tuple[float, float]], stuff: Material, segments: int = 22) -> Mesh:
    """Turn an open vessel: the outline from its foot to its rim, and back down inside."""
    inside = [(max(radius - WALL, 0.0), height + WALL) for radius, height in reversed(outline)]
    return turned([(0.0, outline[0][1]), *outline, *inside, (0.0, inside[-1][1])], stuff, segments)


def glaze(rng: np.random.Generator, colour: Colour) -> Material:
    """Make glazed or matt ware of a colour."""
    return Material(colour, shine=between(rng, 0.05, 0.35))


def ball(radius: float, stuff: Material) -> Mesh:
    """Make a ball that lies on z = 0."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, 7)
    return turned([(float(radius * np.cos(a)), float(radius * (1 + np.sin(a)))) for a in angles], stuff, 12)

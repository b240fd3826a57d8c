"""Chests, cabinets and shelves."""

from __future__ import annotations

import numpy as np

from locate3d_ros.data.synthetic.made.parts import (
    METAL,
    WHITE,
    any_colour,
    between,
    block,
    chance,
    fronts,
    legs,
    lighter,
    plinth,
    surface,
)
from locate3d_ros.data.synthetic.mesh import Material, Mesh, merge
from locate3d_ros.data.synthetic.own_models import book_row
from locate3d_ros.data.synthetic.own_models import bookcase as filled_bookcase
from locate3d_ros.data.synthetic.shapes import Point
from locate3d_ros.data.synthetic.textures import Colour

BOARD = 0.02  # metres


def _case(
    rng: np.random.Generator, size: Point, colour: Colour, grid: tuple[int, int], doors: bool, overhang: float = 0.0
) -> Mesh:
    """Make a closed body with a front of drawers or doors, on legs or a base, and a top that may stand out."""
    width, depth, height = size
    body = surface(rng, colour)
    front = body if chance(rng, 0.6) else surface(rng, lighter(colour, between(rng, -0.4, 0.6)))
    parts, foot = plinth(rng, (width, depth), body)
    top = height - 0.03
    parts.append(block((width, depth - 0.02, top - foot), body, (0.0, 0.01, foot)))
    parts += [p.moved(0.0, -depth / 2 + 0.02, foot) for p in fronts(rng, (width, top - foot), grid, front, doors)]
    parts.append(block((width + overhang, depth + overhang, 0.03), body, (0.0, 0.0, top)))
    return merge(parts)


def chest_of_drawers(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make two to five rows of drawers."""
    size = (between(rng, 0.6, 1.4), between(rng, 0.4, 0.55), between(rng, 0.7, 1.15))
    columns = int(size[0] > 1.0) + 1
    return _case(rng, size, colour, (columns, int(rng.integers(3, 6))), False, between(rng, 0.0, 0.05))


def bedside_table(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a small body with one to three drawers or a door, or a little table with a drawer."""
    size = (between(rng, 0.36, 0.55), between(rng, 0.33, 0.45), between(rng, 0.42, 0.65))
    if chance(rng, 0.7):
        doors = chance(rng, 0.25)
        return _case(rng, size, colour, (1, 1 if doors else int(rng.integers(1, 4))), doors, between(rng, 0.0, 0.04))
    drawer = _case(rng, (size[0], size[1], 0.2), colour, (1, 1), False)
    stuff = surface(rng, colour)
    high = size[2] - 0.2
    feet = legs((size[0], size[1], high), 0.035, stuff, 0.0025)
    return merge([drawer.moved(0.0, 0.0, high), *feet, block((size[0], size[1], BOARD), stuff, (0.0, 0.0, 0.12))])


def tv_stand(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a long low body of doors, or of drawers beside open shelves."""
    size = (between(rng, 1.0, 1.8), between(rng, 0.35, 0.5), between(rng, 0.38, 0.6))
    if chance(rng):
        return _case(rng, size, colour, (int(rng.integers(2, 5)), 1), chance(rng, 0.7))
    stuff = surface(rng, colour)
    half = size[0] / 2
    drawers = _case(rng, (half, size[1], size[2]), colour, (1, 2), False).moved(-half / 2, 0.0, 0.0)
    boards = [block((half, size[1], BOARD), stuff, (half / 2, 0.0, z)) for z in (0.05, size[2] / 2, size[2] - BOARD)]
    ends = [block((BOARD, size[1], size[2]), stuff, (x, 0.0, 0.0)) for x in (BOARD / 2, half - BOARD / 2)]
    return merge([drawers, *boards, *ends, block((half, BOARD, size[2]), stuff, (half / 2, size[1] / 2 - BOARD, 0.0))])


def kitchen_cabinet(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a base unit of one or two doors under a counter top."""
    size = (between(rng, 0.4, 1.0), between(rng, 0.56, 0.64), between(rng, 0.84, 0.94))
    return _counter(rng, size, _case(rng, size, colour, (1 if size[0] < 0.6 else 2, 1), True))


def kitchen_drawers(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a base unit of drawers under a counter top."""
    size = (between(rng, 0.4, 0.9), between(rng, 0.56, 0.64), between(rng, 0.84, 0.94))
    return _counter(rng, size, _case(rng, size, colour, (1, int(rng.integers(3, 5))), False))


def _counter(rng: np.random.Generator, size: Point, unit: Mesh) -> Mesh:
    stone = Material(lighter((0.5, 0.48, 0.46), between(rng, -0.7, 0.7)), shine=0.2)
    return merge([unit, block((size[0], size[1] + 0.02, 0.035), stone, (0.0, 0.0, size[2]))])


def sink(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a kitchen unit with a basin of steel, or white, in its top, and a tap behind it."""
    width, depth, height = between(rng, 0.6, 1.1), 0.6, between(rng, 0.84, 0.92)
    stuff = METAL if chance(rng, 0.7) else WHITE
    base = _case(rng, (width, depth, height - 0.18), colour, (2, 1), True)
    deep, basin = 0.16, between(rng, 0.36, min(0.55, width - 0.12))
    x, low = (width - basin) / 2, height - 0.18
    side = [block((x, depth, 0.18), stuff, (s * (width - x) / 2, 0.0, low)) for s in (-1, 1)]
    rims = [block((basin, 0.1, 0.18), stuff, (0.0, y, low)) for y in (-depth / 2 + 0.05, depth / 2 - 0.05)]
    floor = block((basin, depth, 0.18 - deep), stuff, (0.0, 0.0, low))
    neck = block((0.03, 0.03, 0.22), METAL, (0.0, depth / 2 - 0.05, height))
    spout = block((0.025, 0.2, 0.025), METAL, (0.0, depth / 2 - 0.14, height + 0.2))
    return merge([base, *side, *rims, floor, neck, spout])


def cupboard(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a tall body with doors above and drawers or doors below."""
    size = (between(rng, 0.7, 1.2), between(rng, 0.38, 0.5), between(rng, 1.5, 2.0))
    low = between(rng, 0.6, 0.9)
    lower = _case(rng, (size[0], size[1], low), colour, (2, int(rng.integers(1, 4))), chance(rng), 0.03)
    upper = _case(rng, (size[0] - 0.04, size[1] - 0.08, size[2] - low), colour, (2, 1), True)
    return merge([lower, upper.moved(0.0, 0.04, low)])


def wardrobe(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a tall, wide body of two to four doors."""
    size = (between(rng, 0.9, 1.9), between(rng, 0.52, 0.66), between(rng, 1.8, 2.2))
    return _case(rng, size, colour, (max(2, round(size[0] / 0.5)), 1), True, between(rng, 0.0, 0.06))


def refrigerator(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a smooth body with two doors above one another, or one tall door, with upright handles."""
    width, depth, height = between(rng, 0.54, 0.85), between(rng, 0.55, 0.72), between(rng, 1.4, 2.0)
    stuff = Material(colour, shine=between(rng, 0.1, 0.5))
    cut = height * float(rng.choice([0.36, 0.66, 0.72])) if chance(rng, 0.85) else height
    parts = [block((width, depth - 0.07, height), Material(lighter(colour, -0.12)), (0.0, 0.035, 0.0))]
    bar = between(rng, 0.25, 0.5)
    side = (width / 2 - 0.06) * (1 if chance(rng) else -1)
    for low, high in ((0.06, cut), (cut, height)):
        if high - low > 0.05:
            parts.append(block((width, 0.06, high - low - 0.012), stuff, (0.0, -depth / 2 + 0.035, low)))
            z = low + 0.08 if low > 0.1 else max(low, high - bar - 0.1)
            grip = block((0.025, 0.03, min(bar, high - low - 0.1)), METAL, (side, -depth / 2 - 0.02, z))
            parts.append(grip)
    return merge(parts)


def shelf(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make open shelves between posts or ends, mostly empty, with boxes and books here and there."""
    width, depth, height = between(rng, 0.6, 1.2), between(rng, 0.28, 0.45), between(rng, 1.0, 2.0)
    stuff = Material(colour, shine=0.4) if chance(rng, 0.3) else surface(rng, colour)
    x, y, thick = width / 2, depth / 2, 0.03
    if chance(rng):
        ends = [block((thick, depth, height), stuff, (s * (x - thick / 2), 0.0, 0.0)) for s in (-1, 1)]
    else:
        ends = legs((width, depth, height), thick, stuff)
    levels = np.linspace(between(rng, 0.05, 0.2), height - BOARD, int(rng.integers(4, 7)))
    parts = [*ends, *(block((width, depth, BOARD), stuff, (0.0, 0.0, float(z))) for z in levels)]
    clear = float(levels[1] - levels[0]) - BOARD
    for z in levels[:-1]:
        drawn = rng.random()
        if drawn < 0.3:
            row = book_row(rng, width * between(rng, 0.3, 0.8), depth - 0.05, clear)
            parts.append(row.moved(-x + thick, y - 0.02, float(z) + BOARD))
        elif drawn < 0.55:
            paint = any_colour(rng, 0.2, 0.9)
            size = (between(rng, 0.15, 0.4), depth * 0.7, clear * between(rng, 0.3, 0.8))
            parts.append(block(size, Material(paint), (between(rng, -0.1, 0.1), 0.0, float(z) + BOARD)))
    return merge(parts)


def bookcase(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a bookcase full of books."""
    return filled_bookcase(rng, (between(rng, 0.6, 1.2), between(rng, 0.26, 0.36), between(rng, 1.2, 2.1)), colour)


def filing_cabinet(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a narrow, deep body of sheet metal with two to four drawers."""
    rows = int(rng.integers(2, 5))
    width, depth, height = between(rng, 0.38, 0.48), between(rng, 0.45, 0.62), 0.06 + 0.3 * rows
    stuff = Material(colour, shine=0.25)
    parts = [block((width, depth - 0.02, height), stuff, (0.0, 0.01, 0.0))]
    for row in range(rows):
        z = 0.03 + row * (height - 0.04) / rows
        parts.append(block((width - 0.02, 0.018, (height - 0.04) / rows - 0.012), stuff, (0.0, -depth / 2 + 0.011, z)))
        parts.append(block((0.12, 0.02, 0.02), METAL, (0.0, -depth / 2 - 0.006, z + 0.17)))
        parts.append(block((0.08, 0.004, 0.035), WHITE, (0.0, -depth / 2, z + 0.21)))
    return merge(parts)

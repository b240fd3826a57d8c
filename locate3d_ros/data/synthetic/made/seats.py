"""Chairs, sofas, beds and tables."""

from __future__ import annotations

import numpy as np

from locate3d_ros.data.synthetic.made.parts import (
    DARK,
    METAL,
    WHITE,
    between,
    block,
    chance,
    cloth,
    fronts,
    leant,
    legs,
    lighter,
    rod,
    surface,
)
from locate3d_ros.data.synthetic.mesh import Material, Mesh, merge
from locate3d_ros.data.synthetic.shapes import Point, turned
from locate3d_ros.data.synthetic.textures import Colour


def _back(rng: np.random.Generator, width: float, height: float, stuff: Material) -> Mesh:
    """Make the back of a chair, standing on z = 0 at y = 0: a board, bars across, or bars upright."""
    kind = int(rng.integers(3))
    posts = [block((0.035, 0.03, height), stuff, (s * (width / 2 - 0.02), 0.0, 0.0)) for s in (-1, 1)]
    if kind == 0:
        low = between(rng, 0.0, 0.5) * height
        return merge([*posts, block((width, 0.025, height - low), stuff, (0.0, 0.0, low))])
    if kind == 1:
        levels = np.linspace(between(rng, 0.3, 0.5), 0.92, int(rng.integers(2, 5))) * height
        return merge([*posts, *(block((width, 0.02, 0.06), stuff, (0.0, 0.0, float(z) - 0.03)) for z in levels)])
    places = np.linspace(-width / 2 + 0.06, width / 2 - 0.06, int(rng.integers(3, 7)))
    bars = [block((0.018, 0.018, height), stuff, (float(x), 0.0, 0.0)) for x in places]
    return merge([*posts, *bars, block((width, 0.03, 0.07), stuff, (0.0, 0.0, height - 0.07))])


def chair(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make four legs, a seat that may be padded, and a back."""
    width, depth, high = between(rng, 0.38, 0.48), between(rng, 0.38, 0.46), between(rng, 0.42, 0.48)
    stuff = METAL if chance(rng, 0.15) else surface(rng, colour)
    seat = cloth(rng, lighter(colour, between(rng, -0.5, 0.5))) if chance(rng, 0.4) else surface(rng, colour)
    parts = legs((width, depth, high - 0.03), between(rng, 0.025, 0.045), stuff, 0.01, chance(rng, 0.4))
    parts.append(block((width, depth, between(rng, 0.025, 0.07)), seat, (0.0, 0.0, high - 0.03)))
    back = leant(_back(rng, width, between(rng, 0.35, 0.6), stuff), between(rng, 0.0, 0.2))
    return merge([*parts, back.moved(0.0, depth / 2 - 0.02, high)])


def office_chair(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a padded seat and back on a column with five feet and castors; arms on some."""
    high, width = between(rng, 0.42, 0.52), between(rng, 0.44, 0.54)
    pad, foot = cloth(rng, colour), METAL if chance(rng, 0.3) else DARK
    parts = [rod(0.03, high - 0.1, foot, (0.0, 0.0, 0.08)), block((0.2, 0.2, 0.03), foot, (0.0, 0.0, high - 0.05))]
    for k in range(5):
        arm = merge([block((0.3, 0.04, 0.035), foot, (0.15, 0.0, 0.06)), rod(0.028, 0.06, DARK, (0.29, 0.0, 0.0), 10)])
        parts.append(arm.moved(0.0, 0.0, 0.0, 2 * np.pi * (k + 0.3) / 5))
    parts.append(block((width, width * 0.95, 0.08), pad, (0.0, 0.0, high - 0.03)))
    tall = between(rng, 0.4, 0.7)
    back = leant(block((width - 0.04, 0.06, tall), pad, (0.0, 0.0, between(rng, 0.02, 0.16))), between(rng, 0.05, 0.25))
    parts += [back.moved(0.0, width / 2 - 0.03, high + 0.03), block((0.05, 0.03, 0.3), foot, (0.0, width / 2, high))]
    if chance(rng, 0.6):
        for s in (-1, 1):
            parts.append(block((0.05, 0.25, 0.03), foot, (s * (width / 2 + 0.03), 0.02, high + 0.22)))
            parts.append(block((0.03, 0.05, 0.24), foot, (s * (width / 2 + 0.03), 0.05, high - 0.01)))
    return merge(parts)


def _cushioned(rng: np.random.Generator, size: Point, colour: Colour, seats: int) -> Mesh:
    """Make a seat with a back and arms from pads."""
    width, depth, height = size
    pad, frame = cloth(rng, colour), surface(rng, (0.25, 0.17, 0.11))
    foot, high = between(rng, 0.03, 0.15), between(rng, 0.38, 0.46)
    arm, thick = between(rng, 0.08, 0.24), between(rng, 0.14, 0.26)
    parts = legs((width, depth, foot), 0.05, frame, 0.02, chance(rng))
    parts.append(block((width, depth, high - foot - 0.12), pad, (0.0, 0.0, foot)))
    each = (width - 2 * arm) / seats
    for k in range(seats):
        x = -width / 2 + arm + (k + 0.5) * each
        parts.append(block((each - 0.012, depth - thick, 0.13), pad, (x, -thick / 2, high - 0.12)))
        cushion = leant(block((each - 0.012, thick, height - high), pad), between(rng, 0.05, 0.15))
        parts.append(cushion.moved(x, depth / 2 - thick * 0.6, high))
    arms = between(rng, 0.14, 0.26)
    parts += [block((arm, depth, high + arms - foot), pad, (s * (width - arm) / 2, 0.0, foot)) for s in (-1, 1)]
    return merge(parts)


def armchair(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a padded seat for one."""
    return _cushioned(rng, (between(rng, 0.7, 1.0), between(rng, 0.7, 0.95), between(rng, 0.75, 1.1)), colour, 1)


def sofa(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a padded seat for two or three."""
    seats = int(rng.integers(2, 4))
    width = 0.35 + seats * between(rng, 0.55, 0.68)
    return _cushioned(rng, (width, between(rng, 0.78, 1.0), between(rng, 0.72, 0.95)), colour, seats)


def stool(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a low seat without a back, round or square."""
    return _stool(rng, colour, between(rng, 0.4, 0.5))


def bar_stool(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a high seat on four legs, or on a column with a round foot."""
    return _stool(rng, colour, between(rng, 0.65, 0.8))


def _stool(rng: np.random.Generator, colour: Colour, high: float) -> Mesh:
    across, pad = between(rng, 0.3, 0.42), between(rng, 0.025, 0.08)
    stuff = METAL if chance(rng, 0.3) else surface(rng, colour)
    seat = cloth(rng, colour) if chance(rng, 0.4) else surface(rng, colour)
    top = rod(across / 2, pad, seat, (0, 0, high - pad), 24) if chance(rng) else block((across, across, pad), seat)
    top = top if top.low[2] > 0.1 else top.moved(0.0, 0.0, high - pad)
    if chance(rng, 0.25):
        return merge([top, rod(0.03, high - pad, METAL), rod(across / 2, 0.02, METAL, segments=24)])
    inset = 0.14 * across
    parts = legs((across, across, high - pad), between(rng, 0.025, 0.04), stuff, inset, chance(rng))
    rung = across - 2 * inset
    for y in (-1, 1):
        parts.append(block((rung, 0.02, 0.025), stuff, (0.0, y * (rung / 2 - 0.015), 0.35 * high)))
        parts.append(block((0.02, rung, 0.025), stuff, (y * (rung / 2 - 0.015), 0.0, 0.3 * high)))
    return merge([*parts, top])


def bench(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a long seat without a back."""
    return _table(rng, (between(rng, 0.9, 1.5), between(rng, 0.3, 0.42), between(rng, 0.4, 0.48)), colour)


def bed(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a frame with a mattress, pillows, a blanket and a board at the head."""
    width, length, high = float(rng.choice([0.95, 1.3, 1.7])), 2.05, between(rng, 0.28, 0.42)
    frame, sheet = surface(rng, (0.42, 0.28, 0.18)), Material((0.92, 0.91, 0.88))
    parts = [
        block((width, length, 0.1), frame, (0.0, 0.0, high - 0.14)),
        *legs((width, length, high - 0.14), 0.07, frame),
    ]
    parts.append(block((width - 0.04, length - 0.06, 0.18), sheet, (0.0, -0.01, high - 0.04)))
    cover = between(rng, 0.6, 0.78) * length
    place = (0.0, -length / 2 + cover / 2, high - 0.02)
    parts.append(block((width + 0.02, cover, between(rng, 0.17, 0.2)), cloth(rng, colour), place))
    for x in (0.0,) if width < 1.2 else (-width / 4, width / 4):
        parts.append(block((0.6 if width > 1.2 else 0.65, 0.38, 0.12), sheet, (x, length / 2 - 0.28, high + 0.13)))
    head = between(rng, 0.75, 1.15)
    parts.append(block((width + 0.04, 0.05, head), frame, (0.0, length / 2 + 0.02, 0.0)))
    if chance(rng, 0.4):
        parts.append(block((width + 0.04, 0.04, between(rng, 0.4, 0.6)), frame, (0.0, -length / 2 - 0.02, 0.0)))
    return merge(parts)


def crib(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a child's bed between bars."""
    width, depth, height = between(rng, 1.1, 1.35), between(rng, 0.6, 0.75), between(rng, 0.8, 1.05)
    stuff, floor = surface(rng, colour), between(rng, 0.25, 0.45)
    ends = [block((0.03, depth, height), stuff, (s * width / 2, 0.0, 0.0)) for s in (-1, 1)]
    rails = [
        block((width, 0.03, 0.04), stuff, (0.0, s * (depth / 2 - 0.015), z))
        for s in (-1, 1)
        for z in (floor, height - 0.06)
    ]
    bars = [
        block((0.018, 0.018, height - floor - 0.05), stuff, (float(x), s * (depth / 2 - 0.015), floor))
        for x in np.linspace(-width / 2, width / 2, int(rng.integers(10, 16)))[1:-1]
        for s in (-1, 1)
    ]
    bedding = block((width - 0.05, depth - 0.05, 0.12), cloth(rng, lighter(colour, 0.6)), (0.0, 0.0, floor - 0.02))
    return merge([*ends, *rails, *bars, bedding])


def _table(rng: np.random.Generator, size: Point, colour: Colour) -> Mesh:
    """Make a top on four legs, on two ends, or round on a column."""
    width, depth, height = size
    top = surface(rng, colour, shine=0.1)
    stuff = METAL if chance(rng, 0.25) else DARK if chance(rng, 0.15) else top
    thick, kind = between(rng, 0.02, 0.05), int(rng.integers(4))
    under = height - thick
    if kind == 0:
        sides = [block((0.03, depth - 0.06, under), stuff, (s * (width / 2 - 0.08), 0.0, 0.0)) for s in (-1, 1)]
        return merge([block(size[:2] + (thick,), top, (0.0, 0.0, under)), *sides])
    parts = legs((width, depth, under), between(rng, 0.03, 0.08), stuff, between(rng, 0.0, 0.06), chance(rng, 0.3))
    if kind == 1:
        rim = [block((width - 0.1, 0.02, 0.08), stuff, (0.0, s * (depth / 2 - 0.05), under - 0.08)) for s in (-1, 1)]
        rim += [block((0.02, depth - 0.1, 0.08), stuff, (s * (width / 2 - 0.05), 0.0, under - 0.08)) for s in (-1, 1)]
        parts += rim
    return merge([block((width, depth, thick), top, (0.0, 0.0, under)), *parts])


def _round_table(rng: np.random.Generator, radius: float, height: float, colour: Colour) -> Mesh:
    top = surface(rng, colour, shine=0.1)
    stuff = METAL if chance(rng, 0.4) else top
    foot = turned([(0.0, 0.0), (0.55 * radius, 0.0), (0.5 * radius, 0.03), (0.05, 0.06), (0.05, height - 0.03)], stuff)
    return merge([rod(radius, 0.03, top, (0.0, 0.0, height - 0.03), 32), foot])


def table(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a dining table."""
    if chance(rng, 0.25):
        return _round_table(rng, between(rng, 0.45, 0.65), between(rng, 0.7, 0.78), colour)
    return _table(rng, (between(rng, 0.9, 1.8), between(rng, 0.7, 0.95), between(rng, 0.7, 0.78)), colour)


def coffee_table(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a low table, round or with a shelf on some."""
    height = between(rng, 0.3, 0.48)
    if chance(rng, 0.3):
        return _round_table(rng, between(rng, 0.3, 0.5), height, colour)
    size = (between(rng, 0.7, 1.25), between(rng, 0.42, 0.7), height)
    made = _table(rng, size, colour)
    if chance(rng, 0.5):
        return made
    return merge([made, block((size[0] - 0.1, size[1] - 0.1, 0.02), surface(rng, colour), (0.0, 0.0, 0.12))])


def desk(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a table with a block of drawers on one side or both, and a board behind the knees."""
    width, depth, height = between(rng, 1.0, 1.7), between(rng, 0.55, 0.8), between(rng, 0.71, 0.77)
    stuff = surface(rng, colour)
    front = stuff if chance(rng) else WHITE
    block_width, under = between(rng, 0.35, 0.45), height - 0.03
    parts = [block((width, depth, 0.03), stuff, (0.0, 0.0, under))]
    parts.append(block((width - 0.06, 0.02, 0.4), stuff, (0.0, depth / 2 - 0.1, under - 0.4)))
    sides = (-1, 1) if chance(rng, 0.3) else (-1,)
    for s in (-1, 1):
        if s in sides:
            x = s * (width - block_width) / 2
            parts.append(block((block_width, depth - 0.06, under), stuff, (x, 0.01, 0.0)))
            drawers = fronts(rng, (block_width, under - 0.04), (1, 3), front, doors=False)
            parts += [p.moved(x, -depth / 2 + 0.04, 0.04) for p in drawers]
        else:
            parts.append(block((0.03, depth - 0.04, under), stuff, (s * (width / 2 - 0.03), 0.0, 0.0)))
    return merge(parts)

"""Lamps, candles and plants."""

from __future__ import annotations

import numpy as np

from locate3d_ros.data.synthetic.made.parts import (
    DARK,
    METAL,
    any_colour,
    ball,
    between,
    block,
    chance,
    glaze,
    hollow,
    leant,
    lighter,
    profile,
    rod,
)
from locate3d_ros.data.synthetic.mesh import Material, Mesh, merge
from locate3d_ros.data.synthetic.shapes import turned
from locate3d_ros.data.synthetic.textures import Colour

GREENS = ((0.16, 0.36, 0.12), (0.24, 0.45, 0.16), (0.12, 0.28, 0.14), (0.36, 0.48, 0.2))


def candle(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a candle, on a plate on some."""
    radius, height = between(rng, 0.012, 0.04), between(rng, 0.07, 0.25)
    parts = [rod(radius, height, Material(colour)), rod(0.0015, 0.012, DARK, (0.0, 0.0, height), 6)]
    return merge([*parts, rod(radius * 2.0, 0.01, METAL, segments=20)] if chance(rng) else parts)


def _shade(rng: np.random.Generator, radius: float, tall: float, colour: Colour) -> Mesh:
    """Make a lamp's shade, open below and above, standing on z = 0."""
    cloth = Material(lighter(colour, between(rng, 0.1, 0.7)), glow=0.25 if chance(rng, 0.4) else 0.0)
    top = radius * between(rng, 0.45, 1.0)
    return turned([(radius, 0.0), (top, tall), (top - 0.004, tall), (radius - 0.004, 0.0)], cloth, 24)


def lamp(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a lamp of a table: a turned foot under a shade."""
    high, radius = between(rng, 0.16, 0.32), between(rng, 0.09, 0.17)
    foot = between(rng, 0.04, 0.08)
    belly, neck, stem = between(rng, 0.6, 1.1), between(rng, 0.2, 0.8), 0.012 / foot
    outline = profile((foot, high), (0, 0), (1, 0), (belly, 0.3), (neck, 0.6), (stem, 0.85), (stem, 1.15))
    shade = _shade(rng, radius, between(rng, 0.12, 0.22), colour)
    return merge([turned(outline, glaze(rng, colour)), shade.moved(0.0, 0.0, high)])


def floor_lamp(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a tall lamp on a pole, or on three legs."""
    high, shade = between(rng, 1.15, 1.5), _shade(rng, between(rng, 0.15, 0.26), between(rng, 0.18, 0.32), colour)
    stuff = METAL if chance(rng) else DARK
    if chance(rng, 0.3):
        stick = leant(rod(0.015, high * 1.05, stuff), -0.22)
        feet = [stick.moved(0.0, 0.25, 0.0).moved(0.0, 0.0, 0.0, 2 * np.pi * k / 3) for k in range(3)]
        return merge([*feet, shade.moved(0.0, 0.0, high)])
    return merge([rod(between(rng, 0.12, 0.17), 0.025, stuff), rod(0.012, high + 0.1, stuff), shade.moved(0, 0, high)])


def desk_lamp(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a foot, two arms with a joint, and a cone that looks down."""
    stuff, low, high = Material(colour, shine=0.2), between(rng, 0.15, 0.24), between(rng, 0.15, 0.24)
    first, second = between(rng, 0.1, 0.5), between(rng, 0.4, 1.1)
    lower = leant(block((0.015, 0.015, low), stuff), first)
    knee = (0.0, low * np.sin(first), low * np.cos(first))
    upper = leant(block((0.015, 0.015, high), stuff), -second).moved(*knee)
    y, z = knee[1] - high * np.sin(second), knee[2] + high * np.cos(second)
    cone = turned([(0.065, -0.08), (0.03, 0.0), (0.0, 0.01), (0.0, -0.01), (0.06, -0.08)], stuff, 18)
    return merge(
        [
            rod(0.075, 0.02, stuff),
            lower,
            upper,
            leant(cone, between(rng, -0.5, 0.2)).moved(0.0, float(y), float(z) + 0.02),
        ]
    )


def _leaf(rng: np.random.Generator, length: float, width: float) -> Mesh:
    """Make one long leaf that leans outwards, from the origin."""
    green = GREENS[int(rng.integers(len(GREENS)))]
    blade = block((width, 0.004, length), Material(lighter(green, between(rng, -0.2, 0.2)), shine=0.1))
    return leant(blade, between(rng, 0.1, 1.0)).moved(0.0, 0.0, 0.0, between(rng, -np.pi, np.pi))


def _pot_of(rng: np.random.Generator, radius: float, height: float, colour: Colour) -> Mesh:
    soil = rod(radius * 0.9, 0.005, Material((0.18, 0.12, 0.08)), (0.0, 0.0, height * 0.92), 20)
    return merge([hollow([(radius * between(rng, 0.6, 1.0), 0.0), (radius, height)], glaze(rng, colour)), soil])


def potted_plant(rng: np.random.Generator, _colour: Colour) -> Mesh:
    """Make a large plant in a pot."""
    return _plant(rng, between(rng, 0.12, 0.2), between(rng, 0.4, 0.9))


def small_plant(rng: np.random.Generator, _colour: Colour) -> Mesh:
    """Make a small plant in a pot."""
    return _plant(rng, between(rng, 0.04, 0.07), between(rng, 0.1, 0.22))


def _plant(rng: np.random.Generator, radius: float, tall: float) -> Mesh:
    """Make leaves that rise from a pot of clay, glazed or not."""
    clay = ((0.62, 0.34, 0.22), (0.85, 0.84, 0.8), (0.3, 0.3, 0.32))[int(rng.integers(3))]
    height = radius * between(rng, 1.3, 2.0)
    count, broad = int(rng.integers(12, 30)), tall * between(rng, 0.05, 0.2)
    leaves = [_leaf(rng, tall * between(rng, 0.5, 1.0), broad).moved(0.0, 0.0, height * 0.9) for _ in range(count)]
    return merge([_pot_of(rng, radius, height, clay), *leaves])


def flowers(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a vase with stems and blossoms of one colour."""
    height, radius = between(rng, 0.12, 0.24), between(rng, 0.035, 0.06)
    ware = Material(lighter(any_colour(rng, 0.0), 0.3), shine=0.3)
    parts = [hollow([(radius, 0), (radius * between(rng, 0.8, 1.3), height * 0.4), (radius * 0.8, height)], ware)]
    for _ in range(int(rng.integers(5, 12))):
        stem, size = between(rng, 0.1, 0.2), between(rng, 0.016, 0.035)
        bloom = ball(size, Material(lighter(colour, between(rng, -0.2, 0.3)))).moved(0.0, 0.0, stem)
        stalk = merge([rod(0.003, stem, Material(GREENS[0]), segments=5), bloom])
        parts.append(leant(stalk, between(rng, 0.0, 0.6)).moved(0.0, 0.0, height * 0.9, between(rng, -np.pi, np.pi)))
    return merge(parts)

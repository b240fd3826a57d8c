"""Boxes, baskets, bins and cases."""

from __future__ import annotations

import numpy as np

from locate3d_ros.data.synthetic.made.parts import (
    METAL,
    between,
    block,
    chance,
    handle,
    legs,
    lighter,
    surface,
)
from locate3d_ros.data.synthetic.mesh import Material, Mesh, merge
from locate3d_ros.data.synthetic.shapes import turned
from locate3d_ros.data.synthetic.textures import Colour


def trunk(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a chest with a lid and bands."""
    width, depth, height = between(rng, 0.6, 1.0), between(rng, 0.38, 0.5), between(rng, 0.35, 0.5)
    stuff, band = surface(rng, colour), Material(lighter(colour, -0.5), shine=0.2)
    parts = [block((width, depth, height * 0.7), stuff), block((width + 0.02, depth + 0.02, height * 0.28), stuff)]
    parts[1] = parts[1].moved(0.0, 0.0, height * 0.72)
    for x in (-0.35 * width, 0.35 * width):
        parts.append(block((0.05, depth + 0.03, height + 0.01), band, (x, 0.0, 0.0)))
    parts.append(block((0.08, 0.03, 0.1), METAL, (0.0, -depth / 2 - 0.005, height * 0.6)))
    return merge(parts)


def crate(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make an open box of slats."""
    width, depth, height = between(rng, 0.35, 0.6), between(rng, 0.28, 0.42), between(rng, 0.22, 0.4)
    stuff = surface(rng, colour, shine=0.0)
    rows = int(rng.integers(2, 5))
    step = height / rows
    parts = [block((width, depth, 0.015), stuff)]
    for row in range(rows):
        z = row * step + 0.01
        parts += [block((width, 0.012, step - 0.025), stuff, (0.0, s * depth / 2, z)) for s in (-1, 1)]
        parts += [block((0.012, depth, step - 0.025), stuff, (s * width / 2, 0.0, z)) for s in (-1, 1)]
    return merge([*parts, *legs((width, depth, height), 0.03, stuff, 0.005)])


def plastic_box(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a storage box, with a lid or open."""
    width, depth, height = between(rng, 0.35, 0.6), between(rng, 0.28, 0.42), between(rng, 0.18, 0.38)
    stuff = Material(colour, shine=0.25)
    if chance(rng, 0.6):
        lid = Material(lighter(colour, between(rng, -0.5, 0.7)), shine=0.25)
        return merge(
            [block((width, depth, height), stuff), block((width + 0.03, depth + 0.03, 0.04), lid, (0, 0, height))]
        )
    walls = [block((width, 0.01, height), stuff, (0.0, s * depth / 2, 0.0)) for s in (-1, 1)]
    walls += [block((0.01, depth, height), stuff, (s * width / 2, 0.0, 0.0)) for s in (-1, 1)]
    return merge([block((width, depth, 0.01), stuff), *walls])


def laundry_basket(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a tall basket, round or square, open or with a lid, in rings of slats or smooth; cloth may look out."""
    low, high, height = between(rng, 0.17, 0.24), between(rng, 0.2, 0.3), between(rng, 0.35, 0.7)
    stuff, segments = Material(colour, shine=0.05), 4 if chance(rng, 0.4) else 24
    parts = [turned([(0.0, 0.01), (low, 0.01)], stuff, segments)]
    if chance(rng):
        rows = int(rng.integers(5, 9))
        for row in range(rows):
            a, b = row / rows, (row + between(rng, 0.55, 0.8)) / rows
            ring = [(low + (high - low) * t, height * t) for t in (a, b)]
            parts.append(turned(ring, stuff, segments))
        inner = [(low - 0.02, 0.02), (high - 0.02, height * 0.9), (0.0, height * 0.9 + 0.03)]
        parts.append(turned(inner, Material((0.85, 0.84, 0.8)), segments))
    else:
        parts.append(turned([(low, 0.0), (high, height), (high - 0.012, height), (low - 0.012, 0.02)], stuff, segments))
    if chance(rng, 0.4):
        parts.append(
            turned([(high + 0.01, height), (high + 0.01, height + 0.03), (0.0, height + 0.05)], stuff, segments)
        )
    return merge(parts).moved(0.0, 0.0, 0.0, np.pi / 4 if segments == 4 else 0.0)


def trash_can(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a bin: a cone that is open, or a barrel with a lid and a pedal."""
    low, height = between(rng, 0.1, 0.16), between(rng, 0.28, 0.65)
    high, stuff = low * between(rng, 1.0, 1.35), Material(colour, shine=between(rng, 0.05, 0.5))
    if chance(rng):
        return turned([(0, 0), (low, 0), (high, height), (high - 0.01, height), (low - 0.01, 0.02), (0, 0.02)], stuff)
    lid = turned([(high + 0.008, height), (high, height + 0.04), (0.0, height + 0.07)], Material((0.1, 0.1, 0.1)))
    pedal = block((0.07, 0.06, 0.015), METAL, (0.0, -low - 0.02, 0.01))
    return merge([turned([(0, 0), (low, 0), (high, height)], stuff), lid, pedal])


def suitcase(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make an upright case on wheels with ribs and a drawn handle."""
    width, depth, height = between(rng, 0.35, 0.5), between(rng, 0.2, 0.3), between(rng, 0.5, 0.75)
    stuff, rib = Material(colour, shine=0.2), Material(lighter(colour, -0.3), shine=0.2)
    parts = [block((width, depth, height), stuff, (0.0, 0.0, 0.05))]
    for x in np.linspace(-0.4, 0.4, int(rng.integers(3, 7))) * width:
        parts.append(block((0.02, depth + 0.012, height - 0.06), rib, (float(x), 0.0, 0.08)))
    parts += [
        block((0.04, 0.04, 0.05), rib, (a * 0.4 * width, b * 0.35 * depth, 0.0)) for a in (-1, 1) for b in (-1, 1)
    ]
    if chance(rng, 0.6):
        pull = between(rng, 0.1, 0.4)
        rods = [block((0.015, 0.015, pull), METAL, (s * 0.2 * width, depth / 2 - 0.03, height + 0.05)) for s in (-1, 1)]
        parts += [*rods, block((0.45 * width, 0.03, 0.03), rib, (0.0, depth / 2 - 0.03, height + 0.05 + pull))]
    grip = handle(rng, across=True)
    return merge(parts if grip is None else [*parts, grip.moved(0.0, 0.0, height + 0.07)])

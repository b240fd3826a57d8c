"""Machines of the kitchen."""

from __future__ import annotations

import numpy as np

from locate3d_ros.data.synthetic.made.parts import (
    DARK,
    GLASS,
    METAL,
    between,
    block,
    chance,
    disc,
    forward,
    knobs,
    lighter,
    profile,
    rod,
)
from locate3d_ros.data.synthetic.mesh import Material, Mesh, merge
from locate3d_ros.data.synthetic.shapes import turned
from locate3d_ros.data.synthetic.textures import Colour


def _hob(rng: np.random.Generator, width: float, depth: float, height: float) -> list[Mesh]:
    """Make four burners on a top: rings of iron, or flat plates."""
    gas = chance(rng)
    parts = [block((width, depth, 0.012), DARK if chance(rng, 0.6) else METAL, (0.0, 0.0, height))]
    for x in (-0.24 * width, 0.24 * width):
        for y in (-0.22 * depth, 0.2 * depth):
            radius = between(rng, 0.06, 0.095)
            if gas:
                parts.append(rod(radius * 0.5, 0.02, DARK, (x, y, height + 0.012), 16))
                bar = block((2.4 * radius, 0.012, 0.012), DARK)
                parts += [bar.moved(x, y, height + 0.04, angle) for angle in (0.8, 2.4)]
            else:
                parts.append(rod(radius, 0.012, Material((0.2, 0.2, 0.21), shine=0.2), (x, y, height + 0.012), 24))
    return parts


def stove(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make an oven with a hob on top, knobs in front, and a panel behind on some."""
    width, depth, height = between(rng, 0.5, 0.9), between(rng, 0.56, 0.66), between(rng, 0.84, 0.92)
    parts = [_oven_body(rng, (width, depth, height), colour), *_hob(rng, width, depth, height)]
    if chance(rng, 0.4):
        size = (width, 0.05, between(rng, 0.1, 0.22))
        parts.append(block(size, Material(colour, shine=0.2), (0.0, depth / 2 - 0.025, height)))
    return merge(parts)


def oven(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make an oven of counter height under a plain top."""
    size = (between(rng, 0.56, 0.62), between(rng, 0.56, 0.62), between(rng, 0.82, 0.9))
    top = Material(lighter((0.5, 0.48, 0.46), between(rng, -0.6, 0.6)), shine=0.2)
    return merge([_oven_body(rng, size, colour), block((size[0], size[1] + 0.02, 0.035), top, (0.0, 0.0, size[2]))])


def _oven_body(rng: np.random.Generator, size: tuple[float, float, float], colour: Colour) -> Mesh:
    width, depth, height = size
    y, stuff = -depth / 2, Material(colour, shine=0.25)
    parts = [block(size, stuff)]
    low, high = between(rng, 0.12, 0.28), height - 0.16
    parts.append(block((width - 0.04, 0.02, high - low), stuff, (0.0, y - 0.01, low)))
    parts.append(block((width - 0.16, 0.006, (high - low) * 0.6), GLASS, (0.0, y - 0.022, low + (high - low) * 0.15)))
    parts.append(block((width - 0.12, 0.025, 0.025), METAL, (0.0, y - 0.04, high - 0.06)))
    stuff = DARK if chance(rng) else METAL
    return merge([*parts, *knobs(int(rng.integers(4, 7)), width * 0.75, (0.0, y, height - 0.07), stuff)])


def microwave(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a box with a dark window and a panel of keys to its right."""
    width, depth, height = between(rng, 0.44, 0.54), between(rng, 0.32, 0.4), between(rng, 0.26, 0.32)
    y, door = -depth / 2, width * between(rng, 0.68, 0.78)
    parts = [block((width, depth, height - 0.01), Material(colour, shine=0.2), (0.0, 0.0, 0.01))]
    left = -width / 2 + door / 2
    parts.append(block((door - 0.09, 0.008, height - 0.1), GLASS, (left - 0.01, y - 0.003, 0.055)))
    parts.append(block((0.018, 0.03, height - 0.08), METAL, (left + door / 2 - 0.025, y - 0.012, 0.045)))
    parts.append(block((0.08, 0.006, 0.04), GLASS, (left + door / 2 + 0.055, y, height - 0.08)))
    for row in range(4):
        for x in (0.03, 0.055, 0.08):
            key = block((0.018, 0.006, 0.018), Material((0.5, 0.5, 0.52)), (left + door / 2 + x, y, 0.04 + 0.03 * row))
            parts.append(key)
    return merge(parts)


def toaster(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a long body with one or two slots above and a lever at its end."""
    width, depth, height = between(rng, 0.25, 0.36), between(rng, 0.15, 0.24), between(rng, 0.17, 0.21)
    stuff = Material(colour, shine=between(rng, 0.1, 0.5))
    parts = [block((width, depth, height), stuff), block((width - 0.03, depth - 0.03, 0.01), stuff, (0, 0, height))]
    for y in (0.0,) if depth < 0.18 else (-0.04, 0.04):
        parts.append(block((width - 0.08, 0.028, 0.004), DARK, (0.0, y, height + 0.008)))
    parts.append(block((0.03, 0.04, 0.015), DARK, (width / 2 + 0.012, 0.0, height * 0.6)))
    return merge([*parts, block((width + 0.01, depth + 0.01, 0.02), DARK)])


def coffee_maker(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a base, a tower behind, a head that looms over a glass jug."""
    width, depth, height = between(rng, 0.16, 0.22), between(rng, 0.2, 0.26), between(rng, 0.28, 0.38)
    stuff = Material(colour, shine=0.15)
    parts = [block((width, depth, 0.035), stuff), block((width, 0.08, height), stuff, (0.0, depth / 2 - 0.04, 0.0))]
    parts.append(block((width, depth * 0.85, 0.09), stuff, (0.0, depth * 0.075, height - 0.09)))
    jug, tall = width * 0.4, height - 0.17
    outline = profile((jug, tall), (0, 0), (1, 0), (1.05, 0.5), (0.7, 1), (0, 1.05))
    parts.append(turned(outline, GLASS, 18).moved(0.0, -0.03, 0.037))
    return merge([*parts, block((0.02, 0.05, tall * 0.7), DARK, (0.0, -0.05 - jug, 0.05))])


def espresso_machine(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a wide body with a group of metal, a drip tray and a steam pipe."""
    width, depth, height = between(rng, 0.24, 0.36), between(rng, 0.26, 0.34), between(rng, 0.28, 0.36)
    stuff = Material(colour, shine=between(rng, 0.1, 0.5))
    y = -depth / 2
    parts = [block((width, depth, 0.05), stuff), block((width, depth * 0.55, height), stuff, (0.0, depth * 0.22, 0.0))]
    parts.append(block((width, depth * 0.9, height * 0.3), stuff, (0.0, depth * 0.05, height * 0.7)))
    parts.append(block((width - 0.04, depth * 0.38, 0.006), DARK, (0.0, y + depth * 0.2, 0.05)))
    parts.append(rod(0.035, 0.05, METAL, (0.0, y + 0.08, height * 0.7 - 0.05), 16))
    parts.append(block((0.025, 0.13, 0.02), DARK, (0.0, y, height * 0.7 - 0.045)))
    parts.append(rod(0.007, 0.14, METAL, (0.4 * width, y + 0.06, height * 0.7 - 0.14), 8))
    return merge([*parts, *knobs(2, width * 0.5, (0.0, y + 0.02, height * 0.86), DARK)])


def espresso_maker(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a stove-top pot: two cones of eight faces, a lid with a knob, a handle, a spout."""
    radius, height = between(rng, 0.045, 0.06), between(rng, 0.17, 0.25)
    stuff = METAL if chance(rng, 0.7) else Material(colour, shine=0.3)
    waist = height * 0.45
    outline = profile((radius, height), (0, 0), (1, 0), (0.75, 0.45), (0.8, 0.5), (1, 0.9), (0, 1))
    parts = [turned(outline, stuff, 8), rod(0.01, 0.025, DARK, (0.0, 0.0, height), 10)]
    parts.append(block((0.025, 0.02, height * 0.35), DARK, (radius + 0.035, 0.0, waist + 0.01)))
    parts.append(block((0.05, 0.02, 0.015), DARK, (radius + 0.015, 0.0, height * 0.85)))
    return merge([*parts, block((0.03, 0.02, 0.02), stuff, (-radius - 0.005, 0.0, height * 0.82))])


def mixer(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a stand mixer: a foot, a column, a long head over a bowl of steel."""
    stuff, deep, height = Material(colour, shine=0.25), between(rng, 0.3, 0.38), between(rng, 0.3, 0.38)
    width = between(rng, 0.1, 0.13)
    column = block((width, 0.1, height - 0.1), stuff, (0.0, deep / 2 - 0.06, 0.0))
    outline = profile((width, deep), (0, 0), (0.55, 0.06), (0.62, 0.5), (0.4, 1), (0, 1))
    head = forward(turned(outline, stuff, 16)).moved(0.0, deep / 2, height - width * 0.5)
    parts = [block((width * 1.5, deep, 0.035), stuff), column, head]
    bowl = [(0.0, 0.0), (0.06, 0.0), (0.1, 0.06), (0.11, 0.14), (0.105, 0.14), (0.095, 0.06), (0.0, 0.012)]
    return merge([*parts, turned(bowl, METAL, 20).moved(0.0, -deep * 0.18, 0.036)])


def blender(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a foot with knobs under a tall jug with a lid."""
    radius, height = between(rng, 0.07, 0.1), between(rng, 0.32, 0.42)
    size = (radius, height)
    foot = turned(profile(size, (0, 0), (1, 0), (0.75, 0.35), (0, 0.35)), Material(colour, shine=0.2), 18)
    jug = profile(size, (0.55, 0.35), (0.9, 0.92), (0, 0.92))
    parts = [foot, turned(jug, Material((0.75, 0.78, 0.8), shine=0.5), 18)]
    parts.append(rod(radius * 0.92, height * 0.08, DARK, (0.0, 0.0, height * 0.92), 18))
    parts.append(block((0.02, 0.03, height * 0.35), DARK, (radius * 0.9 + 0.03, 0.0, height * 0.5)))
    return merge([*parts, disc(0.02, 0.02, METAL, (0.0, -radius * 0.8, height * 0.12))])

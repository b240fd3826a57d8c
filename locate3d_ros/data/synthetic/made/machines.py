"""Machines of bath, living room and office."""

from __future__ import annotations

import numpy as np

from locate3d_ros.data.synthetic import prints
from locate3d_ros.data.synthetic.made.parts import (
    DARK,
    GLASS,
    METAL,
    WHITE,
    between,
    block,
    chance,
    disc,
    forward,
    leant,
    lighter,
    rod,
)
from locate3d_ros.data.synthetic.mesh import Material, Mesh, merge
from locate3d_ros.data.synthetic.own_models import laptop as open_laptop
from locate3d_ros.data.synthetic.shapes import quad, turned
from locate3d_ros.data.synthetic.textures import Colour


def washing_machine(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a white body with a round door, a drawer and a dial."""
    width, depth, height = between(rng, 0.56, 0.62), between(rng, 0.5, 0.64), between(rng, 0.82, 0.9)
    stuff = Material(colour, shine=0.2)
    y, middle, radius = -depth / 2, between(rng, 0.42, 0.5) * height, between(rng, 0.15, 0.21)
    rim = METAL if chance(rng) else Material(lighter(colour, -0.25), shine=0.2)
    parts = [block((width, depth, height), stuff), disc(radius, 0.03, rim, (0.0, y, middle))]
    parts.append(disc(radius * 0.75, 0.045, GLASS, (0.0, y, middle)))
    panel = Material(lighter(colour, -0.1), shine=0.2)
    parts.append(block((width - 0.01, 0.012, 0.1), panel, (0.0, y, height - 0.115)))
    parts.append(block((0.16, 0.012, 0.07), WHITE, (-0.3 * width, y - 0.008, height - 0.1)))
    parts.append(block((0.1, 0.01, 0.035), DARK, (0.3 * width, y - 0.01, height - 0.08)))
    return merge([*parts, disc(0.03, 0.03, METAL, (between(rng, -0.02, 0.06), y - 0.01, height - 0.065))])


def printer(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a body with a scanner's lid, a dark slot, a tray with paper, and a panel."""
    width, depth, height = between(rng, 0.4, 0.5), between(rng, 0.32, 0.42), between(rng, 0.16, 0.28)
    stuff, y = Material(colour, shine=0.1), -depth / 2
    parts = [block((width, depth, height), stuff), block((width - 0.02, depth - 0.04, 0.03), DARK, (0.0, 0.01, height))]
    parts.append(block((width * 0.65, 0.01, 0.06), DARK, (0.0, y - 0.002, height * 0.3)))
    parts.append(block((width * 0.6, 0.14, 0.01), stuff, (0.0, y - 0.06, height * 0.28)))
    parts.append(block((0.21, 0.12, 0.006), WHITE, (0.0, y - 0.05, height * 0.28 + 0.01)))
    parts.append(block((0.12, 0.012, 0.035), GLASS, (-0.28 * width, y - 0.003, height - 0.06)))
    if chance(rng):
        sheet = leant(block((0.22, 0.01, 0.2), WHITE), 0.4)
        parts.append(sheet.moved(0.0, depth / 2 - 0.08, height + 0.02))
    return merge(parts)


def _fan_head(rng: np.random.Generator, radius: float, colour: Colour) -> Mesh:
    """Make blades within a cage that looks towards -y, its hub on the origin."""
    wire = METAL if chance(rng) else Material(colour, shine=0.2)
    ring = [(radius - 0.006, 0.0), (radius + 0.006, 0.0), (radius + 0.006, 0.012), (radius - 0.006, 0.012)]
    parts = [forward(turned(ring, wire, 28)).moved(0.0, y, 0.0) for y in (-0.05, 0.05)]
    parts += _star(block((0.005, 0.005, radius), wire, (0.0, -0.065, 0.0)), int(rng.integers(12, 20)))
    paint = Material(lighter(colour, 0.2), shine=0.2)
    parts += _star(block((radius * 0.5, 0.01, radius * 0.75), paint, (0.0, 0.0, 0.1 * radius)), int(rng.integers(3, 6)))
    return merge([*parts, forward(rod(0.04, 0.12, Material(colour, shine=0.2), segments=16)).moved(0.0, 0.07, 0.0)])


def _star(ray: Mesh, count: int) -> list[Mesh]:
    """Repeat a ray all around the y axis."""
    return [_rolled(ray, 2 * np.pi * k / count) for k in range(count)]


def _rolled(mesh: Mesh, angle: float) -> Mesh:
    """Turn about the y axis through the origin."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    return Mesh(mesh.vertices @ turn.T, mesh.triangles, mesh.uv, mesh.material, mesh.materials)


def table_fan(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a fan on a short foot."""
    return _fan(rng, colour, between(rng, 0.1, 0.17), between(rng, 0.05, 0.14))


def standing_fan(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a fan on a tall pole."""
    return _fan(rng, colour, between(rng, 0.18, 0.23), between(rng, 0.7, 1.0))


def _fan(rng: np.random.Generator, colour: Colour, radius: float, pole: float) -> Mesh:
    stuff = Material(colour, shine=0.2)
    foot = rod(radius * 0.8, 0.025, stuff, segments=24)
    stem = rod(0.018, pole + 0.03, stuff, (0.0, 0.03, 0.02))
    head = leant(_fan_head(rng, radius, colour), between(rng, 0.0, 0.25))
    return merge([foot, stem, head.moved(0.0, 0.0, pole + radius)])


def radio(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a box with a loudspeaker or two, a dial and an aerial or a handle."""
    width, depth, height = between(rng, 0.2, 0.38), between(rng, 0.08, 0.14), between(rng, 0.13, 0.22)
    y, radius = -depth / 2, 0.36 * height
    parts = [block((width, depth, height), Material(colour, shine=0.1))]
    for x in (-0.28 * width, 0.28 * width) if chance(rng) else (-0.22 * width,):
        parts.append(disc(radius if width > 2.4 * height else radius * 0.8, 0.006, DARK, (x, y, height * 0.48)))
    parts.append(block((0.25 * width, 0.006, 0.03), WHITE, (0.1 * width, y, height * 0.78)))
    if chance(rng):
        return merge([*parts, rod(0.004, 0.25, METAL, (0.45 * width, depth * 0.3, height), 6)])
    ends = [block((0.012, 0.02, 0.05), DARK, (s * 0.4 * width, 0.0, height)) for s in (-1, 1)]
    return merge([*parts, *ends, block((0.8 * width + 0.012, 0.02, 0.015), DARK, (0.0, 0.0, height + 0.05))])


def telephone(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a sloping body with keys and a receiver across it."""
    stuff, width, depth = Material(colour, shine=0.15), between(rng, 0.17, 0.22), between(rng, 0.18, 0.23)
    body = block((width, depth, 0.05), stuff)
    print_ = Material((1, 1, 1), prints.keys(colour, 4, 3))
    keys = quad((-0.02, -depth * 0.4, 0.0505), (0.09, 0, 0), (0, 0.11, 0), print_)
    grip = block((0.045, depth * 0.95, 0.03), stuff, (-width * 0.33, 0.0, 0.065))
    ends = [block((0.055, 0.055, 0.05), stuff, (-width * 0.33, s * depth * 0.38, 0.05)) for s in (-1, 1)]
    return merge([body, keys, grip, *ends])


def television(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a flat screen on a foot or on two."""
    width, foot = between(rng, 0.7, 1.3), between(rng, 0.03, 0.09)
    height, frame = width * 0.58, Material(lighter(colour, -0.3), shine=0.2)
    screen = GLASS if chance(rng, 0.8) else Material((1, 1, 1), prints.cover(rng, (0.2, 0.3, 0.5)), glow=0.5)
    parts = [block((width, 0.045, height), frame, (0.0, 0.0, foot))]
    parts.append(quad((-width / 2 + 0.015, -0.0232, foot + 0.02), (width - 0.03, 0, 0), (0, 0, height - 0.035), screen))
    if chance(rng):
        return merge([*parts, block((0.08, 0.04, foot + 0.02), frame), block((0.36 * width, 0.22, 0.012), frame)])
    return merge([*parts, *(block((0.03, 0.22, foot + 0.01), frame, (s * 0.36 * width, 0.0, 0.0)) for s in (-1, 1))])


def laptop(rng: np.random.Generator, _colour: Colour) -> Mesh:
    """Make an open laptop of any size."""
    return open_laptop(rng).stretched((between(rng, 0.85, 1.15), between(rng, 0.85, 1.1), between(rng, 0.85, 1.1)))


def radiator(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a row of ribs between two pipes, or a ribbed panel."""
    width, height = between(rng, 0.5, 1.4), between(rng, 0.45, 0.8)
    stuff = Material(colour, shine=0.15)
    if chance(rng):
        places = np.arange(-width / 2, width / 2, 0.06)
        ribs = [block((0.045, 0.095, height - 0.1), stuff, (float(x), 0.0, 0.1)) for x in places]
        return merge([*ribs, *(block((width, 0.03, 0.03), stuff, (0.0, 0.0, z)) for z in (0.13, height - 0.06))])
    places = np.arange(-width / 2 + 0.03, width / 2, 0.04)
    ribs = [block((0.015, 0.012, height - 0.16), stuff, (float(x), -0.05, 0.13)) for x in places]
    feet = [block((0.03, 0.06, 0.1), stuff, (s * 0.4 * width, 0.0, 0.0)) for s in (-1, 1)]
    return merge([block((width, 0.09, height - 0.1), stuff, (0.0, 0.0, 0.1)), *ribs, *feet])

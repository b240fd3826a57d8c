"""Dishes, pots, bottles and vases, turned on a lathe."""

from __future__ import annotations

import numpy as np

from locate3d_ros.data.synthetic.made.parts import (
    DARK,
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


def _ear(reach: float, tall: float, at: float, stuff: Material) -> list[Mesh]:
    """Make the handle of a cup, from its wall at x = `at`."""
    bars = [block((reach, 0.01, 0.01), stuff, (at + reach / 2, 0.0, z)) for z in (0.0, tall - 0.01)]
    return [*bars, block((0.01, 0.01, tall), stuff, (at + reach, 0.0, 0.0))]


def mug(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a straight or bellied cup with an ear."""
    radius, height = between(rng, 0.036, 0.048), between(rng, 0.085, 0.12)
    stuff, belly = glaze(rng, colour), between(rng, 0.95, 1.15)
    body = hollow([(radius * between(rng, 0.75, 1.0), 0.0), (radius * belly, height * 0.5), (radius, height)], stuff)
    ear = merge(_ear(between(rng, 0.02, 0.032), height * 0.6, radius * 0.97, stuff)).moved(0.0, 0.0, height * 0.2)
    return merge([body, ear])


def coffee_cup(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a wide cup with an ear on a saucer, with coffee in it on some."""
    radius, height = between(rng, 0.038, 0.052), between(rng, 0.05, 0.072)
    stuff, plate = glaze(rng, colour), radius * between(rng, 1.6, 2.0)
    saucer = hollow([(plate * 0.5, 0.0), (plate * 0.7, 0.006), (plate, 0.016)], stuff)
    cup = [hollow([(radius * 0.55, 0.0), (radius * 0.9, height * 0.45), (radius, height)], stuff)]
    cup += [part.moved(0.0, 0.0, height * 0.25) for part in _ear(0.022, height * 0.55, radius * 0.93, stuff)]
    if chance(rng):
        cup.append(rod(radius * 0.9, 0.002, Material((0.16, 0.09, 0.05), shine=0.3), (0.0, 0.0, height * 0.8), 18))
    return merge([saucer, merge(cup).moved(0.0, 0.0, 0.012)])


def cup(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a tumbler without an ear."""
    radius, height = between(rng, 0.03, 0.045), between(rng, 0.08, 0.14)
    return hollow([(radius * between(rng, 0.65, 1.0), 0.0), (radius, height)], glaze(rng, colour))


def bowl(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make an open bowl."""
    radius, height = between(rng, 0.07, 0.15), between(rng, 0.05, 0.1)
    return open_bowl(rng, radius, height, glaze(rng, colour))


def open_bowl(rng: np.random.Generator, radius: float, height: float, stuff: Material) -> Mesh:
    """Make a bowl that opens upwards in a bend."""
    foot = radius * between(rng, 0.35, 0.6)
    bend = (foot + (radius - foot) * between(rng, 0.55, 0.85), height * between(rng, 0.3, 0.5))
    return hollow([(foot, 0.0), bend, (radius, height)], stuff, 26)


def plate(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a flat plate."""
    radius = between(rng, 0.09, 0.14)
    rim = between(rng, 0.014, 0.025)
    return hollow([(radius * 0.6, 0.0), (radius * 0.7, 0.006), (radius, rim)], glaze(rng, colour))


def vase(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a vase of a random outline."""
    height, radius = between(rng, 0.15, 0.45), between(rng, 0.05, 0.12)
    shares = rng.uniform((0.5, 0.6, 0.8, 0.3, 0.4), (0.9, 1.0, 1.0, 0.8, 0.8))
    levels = np.linspace(0.0, 1.0, 11)
    widths = np.interp(levels, (0.0, 0.2, 0.45, 0.8, 1.0), shares)
    return hollow(profile((radius, height), *zip(widths.tolist(), levels.tolist(), strict=True)), glaze(rng, colour))


def jar(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a bellied jar with a lid."""
    radius, height = between(rng, 0.05, 0.09), between(rng, 0.1, 0.2)
    stuff = glaze(rng, colour)
    body = profile((radius, height), (0, 0), (0.8, 0), (1, 0.35), (0.95, 0.75), (0.7, 0.9), (0, 0.9))
    paint = Material(lighter(colour, between(rng, -0.6, 0.5)), shine=0.1)
    lid = rod(radius * 0.75, height * 0.1, paint, (0, 0, height * 0.9))
    return merge([turned(body, stuff), lid, ball(0.012, paint).moved(0, 0, height)])


def _bottle(rng: np.random.Generator, size: tuple[float, float], neck: float, shoulder: float, stuff: Material) -> Mesh:
    """Make a bottle of (radius, height); its neck's radius is in metres, the height of its shoulder a share."""
    radius, height = size
    thin = neck / radius
    outline = profile(size, (0, 0), (1, 0), (1, shoulder), (thin, shoulder + 0.14), (thin, 1), (0, 1))
    parts = [turned(outline, stuff, 20)]
    if chance(rng, 0.8):
        paper = Material(lighter(any_colour(rng, 0.2), 0.3))
        low, high = height * between(rng, 0.08, 0.2), height * shoulder * between(rng, 0.7, 0.95)
        parts.append(turned([(radius + 0.0008, low), (radius + 0.0008, high)], paper, 20))
    cap = Material((0.3, 0.1, 0.1) if chance(rng) else (0.1, 0.1, 0.1))
    return merge([*parts, rod(neck * 1.15, height * 0.07, cap, (0, 0, height * 0.95), 14)])


def wine_bottle(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a bottle of dark glass with a label."""
    stuff = Material(lighter(colour, -0.5), shine=0.4)
    return _bottle(rng, (between(rng, 0.035, 0.042), between(rng, 0.28, 0.34)), 0.014, between(rng, 0.55, 0.66), stuff)


def bottle(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a bottle of milk, water or shampoo."""
    size = (between(rng, 0.026, 0.045), between(rng, 0.14, 0.26))
    return _bottle(rng, size, size[0] * between(rng, 0.35, 0.6), between(rng, 0.6, 0.8), glaze(rng, colour))


def teapot(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a bellied pot with a lid, a spout and an ear."""
    radius, height = between(rng, 0.065, 0.09), between(rng, 0.11, 0.16)
    stuff = glaze(rng, colour)
    body = profile((radius, height), (0, 0), (0.7, 0), (1, 0.4), (0.85, 0.75), (0.45, 0.9), (0, 0.95))
    spout = leant(turned([(0.018, 0.0), (0.009, radius * 1.1)], stuff, 10), -0.8).moved(0, 0, 0, -np.pi / 2)
    ear = merge(_ear(0.045, height * 0.6, radius * 0.85, stuff)).moved(0.0, 0.0, height * 0.2)
    knob = ball(0.012, stuff).moved(0, 0, height * 0.93)
    return merge([turned(body, stuff, 24), knob, ear, spout.moved(-radius * 0.8, 0, height * 0.35)])


def pot(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a cooking pot with two grips and a lid, or a pan with a long one."""
    radius, flat = between(rng, 0.08, 0.14), chance(rng, 0.3)
    height = 0.05 if flat else between(rng, 0.08, 0.16)
    stuff = Material(colour, shine=between(rng, 0.1, 0.5))
    if flat:
        grip = block((0.18, 0.025, 0.015), DARK, (radius + 0.08, 0, height * 0.7))
        return merge([hollow([(radius * 0.85, 0), (radius, height)], stuff), grip])
    grips = [block((0.04, 0.07, 0.015), DARK, (s * (radius + 0.015), 0.0, height * 0.8)) for s in (-1, 1)]
    lid = turned([(radius, height), (radius * 0.9, height + 0.012), (0.0, height + 0.025)], stuff)
    body = turned([(0, 0), (radius, 0), (radius, height)], stuff)
    return merge([body, lid, ball(0.014, DARK).moved(0, 0, height + 0.02), *grips])

"""Fruit, cake and bread."""

from __future__ import annotations

import numpy as np

from locate3d_ros.data.synthetic.made.dishes import open_bowl
from locate3d_ros.data.synthetic.made.parts import (
    WHITE,
    any_colour,
    ball,
    between,
    block,
    chance,
    glaze,
    lighter,
    rod,
)
from locate3d_ros.data.synthetic.mesh import Material, Mesh, merge
from locate3d_ros.data.synthetic.shapes import turned
from locate3d_ros.data.synthetic.textures import Colour

FRUITS = ((0.75, 0.12, 0.1), (0.85, 0.65, 0.12), (0.9, 0.45, 0.08), (0.42, 0.6, 0.16), (0.35, 0.1, 0.3))


def fruit_bowl(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a bowl with fruit piled up in it."""
    radius, height = between(rng, 0.11, 0.17), between(rng, 0.05, 0.09)
    parts = [open_bowl(rng, radius, height, glaze(rng, colour))]
    kinds = [FRUITS[int(k)] for k in rng.integers(len(FRUITS), size=2)]
    for ring, count in ((0.6, 6), (0.0, 1)):
        for k in range(count):
            angle, size = 2 * np.pi * (k + rng.random() * 0.3) / count, between(rng, 0.028, 0.042)
            fruit = ball(size, Material(lighter(kinds[k % 2], between(rng, -0.15, 0.15)), shine=0.15))
            x, y = ring * radius * np.cos(angle), ring * radius * np.sin(angle)
            parts.append(fruit.moved(float(x), float(y), height * (0.45 if ring else 0.75)))
    return merge(parts)


def cake(rng: np.random.Generator, colour: Colour) -> Mesh:
    """Make a round cake of layers on a plate."""
    radius, height = between(rng, 0.09, 0.14), between(rng, 0.05, 0.1)
    dough = Material(lighter(colour, between(rng, -0.1, 0.3)))
    parts = [rod(radius * 1.25, 0.008, WHITE, segments=26), rod(radius, height, dough, (0.0, 0.0, 0.008), 26)]
    parts.append(rod(radius * 1.01, height * 0.25, Material(lighter(colour, 0.6)), (0.0, 0.0, height * 0.8), 26))
    for k in range(int(rng.integers(0, 9))):
        x, y = (0.7 * radius * float(f(2 * np.pi * k / 8)) for f in (np.cos, np.sin))
        parts.append(ball(0.012, Material((0.7, 0.1, 0.12))).moved(x, y, height * 1.04))
    return merge(parts)


def bread(rng: np.random.Generator, _colour: Colour) -> Mesh:
    """Make a loaf, long or round."""
    crust = Material(lighter((0.62, 0.38, 0.18), between(rng, -0.2, 0.25)))
    loaf = ball(1.0, crust)
    if chance(rng, 0.5):
        return loaf.stretched((between(rng, 0.12, 0.2), between(rng, 0.05, 0.075), between(rng, 0.035, 0.055)))
    radius = between(rng, 0.08, 0.11)
    return loaf.stretched((radius, radius, between(rng, 0.04, 0.06)))


def milk_carton(rng: np.random.Generator, _colour: Colour) -> Mesh:
    """Make a carton with a slanting top and a cap."""
    side, height = between(rng, 0.06, 0.09), between(rng, 0.16, 0.24)
    colour = any_colour(rng, 0.05, 0.9)
    paper, cap = Material(WHITE.colour, shine=0.1), Material(lighter(colour, -0.2))
    roof = turned([(side * 0.7, 0.0), (side * 0.2, side * 0.45)], paper, 4).moved(0.0, 0.0, height, np.pi / 4)
    band = block((side + 0.001, side + 0.001, height * between(rng, 0.3, 0.6)), Material(colour, shine=0.1))
    lid = rod(0.014, 0.02, cap, (0.0, 0.0, height + side * 0.4), 12)
    return merge([block((side, side, height), paper), roof, band.moved(0.0, 0.0, height * 0.2), lid])

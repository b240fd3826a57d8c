"""What rooms are covered with; some of it only ever appears in validation scenes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from locate3d_ros.data.synthetic.shell import Surfaces
from locate3d_ros.data.synthetic.textures import Colour

Floor = tuple[str, Colour]  # a function of `textures` and a colour

WET_ROOMS = {"kitchen", "bathroom"}


@dataclass(frozen=True)
class Styles:
    """Choices for floors, walls and doors."""

    dry_floors: tuple[Floor, ...]
    wet_floors: tuple[Floor, ...]
    walls: tuple[str, ...]
    wall_colours: tuple[Colour, ...]
    doors: tuple[Colour, ...]


STYLES: Mapping[str, Styles] = {
    "train": Styles(
        dry_floors=(
            ("wood_planks", (0.70, 0.50, 0.33)),
            ("wood_planks", (0.50, 0.33, 0.21)),
            ("wood_planks", (0.80, 0.66, 0.48)),
            ("wood_planks", (0.62, 0.55, 0.47)),
            ("carpet", (0.58, 0.54, 0.48)),
            ("carpet", (0.42, 0.47, 0.52)),
            ("carpet", (0.55, 0.40, 0.36)),
        ),
        wet_floors=(
            ("tiles", (0.80, 0.77, 0.70)),
            ("tiles", (0.58, 0.57, 0.55)),
            ("tiles", (0.86, 0.86, 0.86)),
            ("wood_planks", (0.66, 0.52, 0.38)),
        ),
        walls=("plaster", "plaster", "plaster", "stripes"),
        wall_colours=(
            (0.90, 0.88, 0.83),
            (0.86, 0.88, 0.90),
            (0.93, 0.87, 0.74),
            (0.78, 0.84, 0.78),
            (0.88, 0.80, 0.76),
            (0.74, 0.80, 0.87),
            (0.92, 0.92, 0.91),
            (0.85, 0.80, 0.70),
        ),
        doors=((0.55, 0.36, 0.22), (0.90, 0.89, 0.86), (0.72, 0.56, 0.38)),
    ),
    "val": Styles(
        dry_floors=(
            ("herringbone", (0.62, 0.44, 0.28)),
            ("herringbone", (0.76, 0.62, 0.45)),
            ("carpet", (0.40, 0.48, 0.40)),
            ("wood_planks", (0.42, 0.34, 0.30)),
        ),
        wet_floors=(("checkers", (0.78, 0.77, 0.74)), ("tiles", (0.66, 0.58, 0.50)), ("checkers", (0.70, 0.74, 0.78))),
        walls=("plaster", "panelled", "panelled"),
        wall_colours=((0.82, 0.86, 0.74), (0.90, 0.83, 0.86), (0.80, 0.86, 0.88), (0.88, 0.86, 0.78)),
        doors=((0.38, 0.24, 0.16), (0.80, 0.82, 0.84)),
    ),
}


def pick_surfaces(rng: np.random.Generator, styles: Styles, kind: str) -> Surfaces:
    """Cover a room of a kind."""
    floors = styles.wet_floors if kind in WET_ROOMS else styles.dry_floors
    floor, floor_colour = floors[int(rng.integers(len(floors)))]
    wall = str(rng.choice(list(styles.walls)))
    return Surfaces(floor, floor_colour, wall, styles.wall_colours[int(rng.integers(len(styles.wall_colours)))])

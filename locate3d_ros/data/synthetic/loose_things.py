"""Loose things that lived-in rooms are full of and furniture libraries lack, made from boxes.

The kinds are common ones of ScanNet200's label set: books, papers, boxes, keyboards, posters, power outlets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from locate3d_ros.data.synthetic import prints, textures
from locate3d_ros.data.synthetic.arrangements import picture_mesh
from locate3d_ros.data.synthetic.made.parts import between
from locate3d_ros.data.synthetic.mesh import Material, Mesh, merge
from locate3d_ros.data.synthetic.own_models import BOARD, book_row
from locate3d_ros.data.synthetic.painting import PALETTE
from locate3d_ros.data.synthetic.shapes import box, quad
from locate3d_ros.data.synthetic.textures import Colour, Image

Make = Callable[[np.random.Generator, Colour], Mesh]

ANY = tuple(PALETTE)
DARK = ("black", "gray")
PAPER: Colour = (0.93, 0.93, 0.9)
CARDBOARD: Colour = (0.68, 0.52, 0.35)
WOOD: Colour = (0.62, 0.44, 0.27)


@dataclass(frozen=True)
class Loose:
    """A kind of loose thing."""

    name: str
    make: Make
    colours: tuple[str, ...] = ANY  # of the palette; none: a colour of its own, that is not said
    heights: tuple[float, float] = (0.0, 0.0)  # metres: of its lower edge on a wall


def _slab(size: tuple[float, float, float], colour: Colour, face: Image | None = None, shine: float = 0.05) -> Mesh:
    """Make a box of (width, depth, height) around the origin's vertical, an image on its upper face."""
    x, y, height = size[0] / 2.0, size[1] / 2.0, size[2]
    body = box((-x, -y, 0.0), (x, y, height), Material(colour, shine=shine))
    if face is None:
        return body
    top = Material((1, 1, 1), face, shine=shine)
    return merge([body, quad((-x, -y, height + 0.0004), (2 * x, 0, 0), (0, 2 * y, 0), top)])


def _panel(size: tuple[float, float, float], colour: Colour, face: Image | None = None) -> Mesh:
    """Make a box of (width, thickness, height) whose back is y = 0, an image on its front."""
    half, thick, height = size[0] / 2.0, size[1], size[2]
    body = box((-half, -thick, 0.0), (half, 0.0, height), Material(colour, shine=0.05))
    if face is None:
        return body
    front = Material((1, 1, 1), face)
    return merge([body, quad((-half, -thick - 0.0004, 0.0), (2 * half, 0, 0), (0, 0, height), front)])


def _tub(size: tuple[float, float, float], wall: float, colour: Colour) -> Mesh:
    """Make an open box of (width, depth, height) with walls of a thickness."""
    x, y, height = size[0] / 2.0, size[1] / 2.0, size[2]
    stuff = Material(colour, shine=0.05)
    sides = [box((a, -y, 0.0), (a + wall, y, height), stuff) for a in (-x, x - wall)]
    sides += [box((-x, b, 0.0), (x, b + wall, height), stuff) for b in (-y, y - wall)]
    return merge([box((-x, -y, 0.0), (x, y, wall), stuff), *sides])


def _book(rng: np.random.Generator, colour: Colour) -> Mesh:
    width = between(rng, 0.11, 0.22)
    thick, deep = between(rng, 0.012, 0.045), width * between(rng, 1.25, 1.5)
    pages = box((-width / 2 + 0.004, -deep / 2 + 0.004, 0.002), (width / 2 + 0.0006, deep / 2 - 0.004, thick - 0.002),
                Material(PAPER))  # fmt: skip
    covers = [_slab((width, deep, 0.002), colour), _slab((width, deep, 0.002), colour, prints.cover(rng, colour))]
    return merge([covers[0], pages, covers[1].moved(0.0, 0.0, thick - 0.002)])


def _pile(rng: np.random.Generator, _colour: Colour) -> Mesh:
    parts, height = [], 0.0
    for _ in range(int(rng.integers(2, 6))):
        book = _book(rng, PALETTE[str(rng.choice(ANY))])
        parts.append(book.moved(0.0, 0.0, height, between(rng, -0.2, 0.2)))
        height += float(book.high[2]) + 0.0005
    return merge(parts)


def _magazine(rng: np.random.Generator, colour: Colour) -> Mesh:
    return _slab((0.21, 0.28, between(rng, 0.003, 0.008)), PAPER, prints.cover(rng, colour), shine=0.15)


def _papers(rng: np.random.Generator, _colour: Colour) -> Mesh:
    sheets = int(rng.integers(1, 6))
    return merge(
        [
            _slab((0.21, 0.297, 0.0006), PAPER, prints.page(rng, PAPER)).moved(
                between(rng, -0.03, 0.03), between(rng, -0.03, 0.03), 0.0012 * k, between(rng, -0.25, 0.25)
            )
            for k in range(sheets)
        ]
    )


def _folder(rng: np.random.Generator, colour: Colour) -> Mesh:
    return _slab((0.25, 0.32, between(rng, 0.01, 0.06)), colour, prints.cover(rng, colour))


def _carton(rng: np.random.Generator, _colour: Colour) -> Mesh:
    size = (between(rng, 0.18, 0.5), between(rng, 0.15, 0.4), between(rng, 0.1, 0.4))
    tape = np.full((64, 64, 3), np.asarray(CARDBOARD) * 255.0, np.uint8)
    tape[28:36] = (200, 185, 150)
    return _slab(size, CARDBOARD, tape, shine=0.0)


def _container(rng: np.random.Generator, colour: Colour) -> Mesh:
    size = (between(rng, 0.12, 0.24), between(rng, 0.09, 0.16), between(rng, 0.05, 0.1))
    lid = _slab((size[0] + 0.01, size[1] + 0.01, 0.012), colour, shine=0.2)
    return merge([_slab(size, (0.85, 0.87, 0.88), shine=0.3), lid.moved(0.0, 0.0, size[2])])


def _tissues(rng: np.random.Generator, colour: Colour) -> Mesh:
    slot = _slab((0.23, 0.12, 0.07), colour, prints.cover(rng, colour))
    return merge([slot, _slab((0.09, 0.02, 0.04), (0.96, 0.96, 0.96)).moved(0.0, 0.0, 0.071)])


def _tray(rng: np.random.Generator, colour: Colour) -> Mesh:
    return _tub((between(rng, 0.32, 0.46), between(rng, 0.22, 0.32), 0.03), 0.008, colour)


def _board(rng: np.random.Generator, _colour: Colour) -> Mesh:
    grain = textures.wood(rng, WOOD)
    return _slab((between(rng, 0.28, 0.42), between(rng, 0.18, 0.28), between(rng, 0.012, 0.03)), WOOD, grain)


def _frame(rng: np.random.Generator, _colour: Colour) -> Mesh:
    stood = picture_mesh(rng, between(rng, 0.12, 0.2), between(rng, 0.12, 0.2)).moved(0.0, 0.0, 0.04)
    return merge([stood, box((-0.015, 0.0, 0.0), (0.015, 0.06, 0.1), Material((0.1, 0.1, 0.1)))])


def _keyboard(_rng: np.random.Generator, colour: Colour) -> Mesh:
    return _slab((0.44, 0.14, 0.022), colour, prints.keys(colour, 5, 17))


def _mouse(_rng: np.random.Generator, colour: Colour) -> Mesh:
    lower = _slab((0.062, 0.11, 0.022), colour, shine=0.2)
    return merge([lower, _slab((0.05, 0.085, 0.012), colour, shine=0.2).moved(0.0, 0.0, 0.022)])


def _remote(rng: np.random.Generator, colour: Colour) -> Mesh:
    return _slab((0.048, between(rng, 0.15, 0.21), 0.02), colour, prints.keys(colour, 9, 3))


def _smartphone(rng: np.random.Generator, _colour: Colour) -> Mesh:
    return _slab((0.075, 0.155, 0.009), (0.05, 0.05, 0.06), _screen(rng), shine=0.4)


def _tablet(rng: np.random.Generator, _colour: Colour) -> Mesh:
    return _slab((0.18, 0.25, 0.009), (0.06, 0.06, 0.07), _screen(rng), shine=0.4)


def _screen(rng: np.random.Generator) -> Image:
    """Show a picture, or nothing, between black edges."""
    image = np.full((*prints.SIDE, 3), 14, np.uint8)
    if rng.random() < 0.6:
        image[8:-8, 5:-5] = prints.cover(rng, (0.2, 0.3, 0.5))[8:-8, 5:-5]
    return image


def _monitor(rng: np.random.Generator, colour: Colour) -> Mesh:
    panel = _panel((between(rng, 0.48, 0.62), 0.03, 0.34), colour, _screen(rng)).moved(0.0, 0.0, 0.11)
    foot = _slab((0.24, 0.18, 0.015), colour).moved(0.0, 0.02, 0.0)
    return merge([panel, foot, box((-0.03, 0.0, 0.015), (0.03, 0.03, 0.2), Material(colour))])


def _poster(rng: np.random.Generator, colour: Colour) -> Mesh:
    width = between(rng, 0.3, 0.6)
    return _panel((width, 0.004, width * between(rng, 1.3, 1.5)), colour, prints.cover(rng, colour)[::-1])


def _notice(rng: np.random.Generator, _colour: Colour) -> Mesh:
    return _panel((0.21, 0.003, 0.297), PAPER, prints.page(rng, PAPER)[::-1])


def _bulletin(rng: np.random.Generator, _colour: Colour) -> Mesh:
    width, height = between(rng, 0.6, 1.0), between(rng, 0.4, 0.7)
    parts = [_panel((width, 0.02, height), (0.72, 0.55, 0.36))]
    for _ in range(int(rng.integers(2, 6))):
        x, z = between(rng, -width / 2 + 0.08, width / 2 - 0.08), between(rng, 0.03, height - 0.2)
        parts.append(_panel((0.13, 0.003, 0.17), PAPER, prints.page(rng, PAPER)[::-1]).moved(x, -0.0205, z))
    return merge(parts)


def _outlet(rng: np.random.Generator, _colour: Colour) -> Mesh:
    parts, count = [], int(rng.integers(1, 4))
    for k in range(count):
        x = 0.085 * (k - (count - 1) / 2)
        hole = box((x - 0.02, -0.0125, 0.02), (x + 0.02, -0.012, 0.06), Material((0.35, 0.35, 0.36)))
        parts += [_panel((0.08, 0.012, 0.08), (0.93, 0.93, 0.92)).moved(x, 0.0, 0.0), hole]
    return merge(parts)


def _switch(_rng: np.random.Generator, _colour: Colour) -> Mesh:
    rocker = _panel((0.05, 0.006, 0.05), (0.97, 0.97, 0.96)).moved(0.0, -0.01, 0.015)
    return merge([_panel((0.08, 0.01, 0.08), (0.9, 0.9, 0.89)), rocker])


def _clock(_rng: np.random.Generator, colour: Colour) -> Mesh:
    return _panel((0.28, 0.03, 0.28), colour, prints.dial(colour)[::-1])


def _wall_shelf(rng: np.random.Generator, _colour: Colour) -> Mesh:
    width, deep = between(rng, 0.6, 1.1), 0.22
    board = box((-width / 2, -deep, 0.0), (width / 2, 0.0, BOARD), Material((1, 1, 1), textures.wood(rng, WOOD)))
    books = book_row(rng, width * between(rng, 0.3, 0.8), deep - 0.02, 0.28)
    return merge([board, books.moved(-width / 2, 0.0, BOARD)])


ON_SURFACES = (
    Loose("book", _book),
    Loose("book", _book),
    Loose("books", _pile, ()),
    Loose("magazine", _magazine),
    Loose("papers", _papers, ("white",)),
    Loose("folder", _folder),
    Loose("cardboard box", _carton, ("brown",)),
    Loose("food container", _container),
    Loose("tissue box", _tissues),
    Loose("tray", _tray),
    Loose("cutting board", _board, ("brown",)),
    Loose("picture frame", _frame, ()),
    Loose("computer keyboard", _keyboard, (*DARK, "white")),
    Loose("computer mouse", _mouse, (*DARK, "white")),
    Loose("remote control", _remote, DARK),
    Loose("smartphone", _smartphone, ("black",)),
    Loose("tablet", _tablet, ("black",)),
    Loose("monitor", _monitor, DARK),
)
ON_WALLS = (
    Loose("poster", _poster, (), (0.9, 1.3)),
    Loose("notice", _notice, ("white",), (1.1, 1.5)),
    Loose("bulletin board", _bulletin, ("brown",), (1.0, 1.3)),
    Loose("power outlet", _outlet, ("white",), (0.2, 1.1)),
    Loose("light switch", _switch, ("white",), (1.0, 1.2)),
    Loose("clock", _clock, (*DARK, "white", "red", "blue"), (1.5, 1.9)),
    Loose("wall shelf", _wall_shelf, ("brown",), (1.0, 1.6)),
)
ON_FLOORS = (
    Loose("cardboard box", _carton, ("brown",)),
    Loose("books", _pile, ()),
    Loose("folder", _folder),
)

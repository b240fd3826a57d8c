"""Furniture made from a few boxes, for what the libraries lack: a filled bookcase, a laptop, books."""

from __future__ import annotations

import numpy as np

from locate3d_ros.data.synthetic import textures
from locate3d_ros.data.synthetic.mesh import Material, Mesh, merge
from locate3d_ros.data.synthetic.shapes import box, quad
from locate3d_ros.data.synthetic.textures import Colour

BOOK_COLOURS = np.array(
    [
        (0.45, 0.12, 0.10),
        (0.14, 0.18, 0.32),
        (0.15, 0.28, 0.20),
        (0.36, 0.24, 0.14),
        (0.82, 0.77, 0.66),
        (0.12, 0.12, 0.12),
        (0.62, 0.50, 0.30),
        (0.70, 0.68, 0.64),
        (0.30, 0.40, 0.50),
        (0.75, 0.40, 0.20),
    ]
)  # sRGB, as covers of books have them
BOARD = 0.02  # metres: thickness of a bookcase's boards


def bookcase(rng: np.random.Generator, size: tuple[float, float, float], colour: Colour) -> Mesh:
    """Make an open bookcase of (width, depth, height) filled with books; front towards -y, middle on the origin."""
    width, depth, height = size
    wood = Material((1, 1, 1), textures.wood(rng, colour), shine=0.03)
    x, y = width / 2.0, depth / 2.0
    parts = [box((left, -y, 0), (left + BOARD, y, height), wood) for left in (-x, x - BOARD)]
    parts.append(box((-x, y - 0.01, 0.05), (x, y, height), wood))
    shelves = np.linspace(0.06, height - BOARD, 6)
    parts += [box((-x + BOARD, -y, z), (x - BOARD, y - 0.01, z + BOARD), wood) for z in shelves]
    clear = float(shelves[1] - shelves[0]) - BOARD
    for z in shelves[:-1]:
        filled = (2.0 * x - 2.0 * BOARD) * float(rng.uniform(0.6, 1.0))
        parts.append(book_row(rng, filled, depth - 0.06, clear).moved(-x + BOARD, y - 0.02, z + BOARD))
    return merge(parts)


def book_row(rng: np.random.Generator, width: float, depth: float, clear: float) -> Mesh:
    """Make upright books from x = 0 to x = width, their backs on y = 0, no taller than `clear`."""
    parts: list[Mesh] = []
    x = 0.004
    while True:
        thick = float(rng.uniform(0.018, 0.05))
        if x + thick > width:
            return merge(parts)
        high, deep = clear * float(rng.uniform(0.65, 0.92)), depth * float(rng.uniform(0.7, 0.95))
        parts.append(_book(rng, thick - 0.002, deep, high).moved(x, 0.0, 0.0))
        x += thick


def _book(rng: np.random.Generator, thick: float, deep: float, high: float) -> Mesh:
    """Make one upright book with a title on its spine, which looks towards -y."""
    hue = np.clip(BOOK_COLOURS[int(rng.integers(len(BOOK_COLOURS)))] + rng.uniform(-0.05, 0.05, 3), 0.0, 1.0)
    cover = Material((float(hue[0]), float(hue[1]), float(hue[2])), shine=0.03)
    spine = np.broadcast_to(hue, (64, 16, 3)).copy()
    title = np.clip(hue + (0.5 if hue.mean() < 0.45 else -0.35), 0.0, 1.0)
    spine[8:10], spine[54:56] = title, title
    spine[18:46, 5:11] = np.where(rng.random((28, 1, 1)) < 0.6, title, hue)
    label = Material((1, 1, 1), (spine * 255.0).astype(np.uint8), shine=0.03)
    body = box((0.0, -deep, 0.0), (thick, 0.0, high), cover)
    return merge([body, quad((0.0, -deep - 0.0005, 0.0), (thick, 0, 0), (0, 0, high), label)])


def low_cabinet(rng: np.random.Generator, size: tuple[float, float, float], colour: Colour) -> Mesh:
    """Make a low cabinet of (width, depth, height) with three doors on short legs; front towards -y."""
    width, depth, height = size
    wood = Material((1, 1, 1), textures.wood(rng, colour), shine=0.05)
    front = Material((1, 1, 1), textures.wood(rng, (0.9, 0.89, 0.86)), shine=0.05)
    metal = Material((0.6, 0.6, 0.62), shine=0.6)
    x, y = width / 2.0, depth / 2.0
    parts = [box((-x, -y, 0.1), (x, y, height), wood)]
    for left in (-x + 0.06, x - 0.1):
        parts += [box((left, back, 0.0), (left + 0.04, back + 0.04, 0.1), wood) for back in (-y + 0.05, y - 0.09)]
    door = (width - 0.04) / 3.0
    for i in range(3):
        left = -x + 0.02 + i * door
        parts.append(box((left + 0.006, -y - 0.015, 0.115), (left + door - 0.006, -y, height - 0.03), front))
        parts.append(box((left + door - 0.06, -y - 0.035, 0.24), (left + door - 0.045, -y - 0.015, 0.36), metal))
    return merge(parts)


def laptop(rng: np.random.Generator) -> Mesh:
    """Make an open laptop, its keyboard towards -y, its middle on the origin."""
    grey, dark = Material((0.55, 0.56, 0.58), shine=0.15), Material((0.07, 0.07, 0.08), shine=0.05)
    x, deep = 0.17, 0.24
    parts = [box((-x, -deep / 2.0, 0.0), (x, deep / 2.0, 0.018), grey)]
    for row in range(5):
        for column in range(12):
            left, front = -0.15 + 0.025 * column, -0.01 + 0.022 * row
            parts.append(box((left, front, 0.018), (left + 0.021, front + 0.018, 0.0205), dark))
    parts.append(box((-0.05, -0.105, 0.018), (0.05, -0.035, 0.0185), dark))
    lid = box((-x, 0.0, 0.0), (x, 0.008, 0.225), grey)
    screen = Material((1, 1, 1), _desktop(rng), glow=0.8)
    panel = quad((-x + 0.01, -0.001, 0.012), (2 * x - 0.02, 0, 0), (0, 0, 0.20), screen)
    return merge([*parts, merge([lid, panel]).moved(0.0, deep / 2.0 - 0.008, 0.016)])


def _desktop(rng: np.random.Generator) -> textures.Image:
    """Paint a computer's screen: a landscape, a window with lines of text, a bar."""
    image = textures.painting(rng).copy()
    image[30:150, 60:210] = 242
    image[30:42, 60:210] = (70, 110, 180)
    for line in range(10):
        image[52 + 9 * line : 55 + 9 * line, 70 : 70 + int(rng.integers(60, 130))] = 90
    image[178:192] = (40, 45, 60)
    return np.asarray(image, dtype=np.uint8)

"""What is printed on flat things: covers, pages, keys. RGB uint8 images for one repeat over a face."""

from __future__ import annotations

import cv2
import numpy as np

from locate3d_ros.data.synthetic import textures
from locate3d_ros.data.synthetic.textures import Colour, Image

SIDE = (128, 96)  # pixels: rows and columns


def cover(rng: np.random.Generator, colour: Colour) -> Image:
    """Print a title, and on every second cover a picture, on a ground of one colour."""
    image = _ground(colour)
    ink = _ink(colour)
    top = int(rng.integers(8, 24))
    for line in range(int(rng.integers(1, 4))):
        left, right = sorted(rng.integers(6, SIDE[1] - 6, 2))
        image[top + 10 * line : top + 10 * line + 5, left : right + 8] = ink
    if rng.random() < 0.5:
        height, width = int(rng.integers(30, 60)), int(rng.integers(40, 76))
        row, column = int(rng.integers(50, SIDE[0] - height)), int(rng.integers(6, SIDE[1] - width))
        image[row : row + height, column : column + width] = cv2.resize(textures.painting(rng), (width, height))
    return image


def page(rng: np.random.Generator, colour: Colour) -> Image:
    """Print lines of text and a heading, on some pages a figure."""
    image, ink = _ground(colour), _ink(colour)
    image[10:15, 12 : 40 + int(rng.integers(40))] = ink
    for row in range(24, SIDE[0] - 12, 6):
        image[row : row + 2, 12 : SIDE[1] - 12 - int(rng.integers(20))] = ink
    if rng.random() < 0.4:
        row = int(rng.integers(24, 70))
        image[row : row + 40, 16:80] = cv2.resize(textures.painting(rng), (64, 40))
    return image


def keys(colour: Colour, rows: int, columns: int) -> Image:
    """Print a grid of keys that are a little lighter, or on a light ground darker, than what is between them."""
    image = np.repeat(np.repeat(_ground(colour)[:1, :1], 16 * rows, axis=0), 16 * columns, axis=1)
    lighter = 45 if sum(colour) < 1.5 else -45
    for row in range(rows):
        for column in range(columns):
            key = image[16 * row + 2 : 16 * row + 14, 16 * column + 2 : 16 * column + 14]
            key[:] = np.clip(key.astype(int) + lighter, 0, 255)
    return image


def dial(colour: Colour) -> Image:
    """Draw the face of a clock that shows ten past ten."""
    image = np.full((96, 96, 3), 245, np.uint8)
    rim = tuple(int(255 * value) for value in colour)
    cv2.circle(image, (48, 48), 45, rim, 5)
    for hour in range(12):
        angle = hour * np.pi / 6
        inner, outer = ((round(48 + r * np.sin(angle)), round(48 - r * np.cos(angle))) for r in (34, 39))
        cv2.line(image, inner, outer, (20, 20, 20), 2)
    cv2.line(image, (48, 48), (28, 36), (20, 20, 20), 4)
    cv2.line(image, (48, 48), (76, 32), (20, 20, 20), 2)
    return image


def _ground(colour: Colour) -> Image:
    return np.full((*SIDE, 3), np.asarray(colour) * 255.0, dtype=np.uint8)


def _ink(colour: Colour) -> Image:
    """Return a colour that is read easily on another."""
    value = np.asarray(colour)
    return np.asarray((value + 0.6 if value.mean() < 0.45 else value * 0.25).clip(0, 1) * 255.0, dtype=np.uint8)

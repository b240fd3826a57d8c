"""Images of nothing in particular: shapes with shading and texture on textured backgrounds, from a seed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def procedural_image(seed: int, height: int = 480, width: int = 640) -> Image:
    """Return an RGB image [height, width, 3]: a background and 3 to 40 overlapping shaded shapes of all sizes."""
    random = np.random.default_rng(seed)
    image = _texture(random, height, width)
    for _ in range(int(random.integers(3, 41))):
        mask = _shape(random, height, width)[..., None]
        image = image * (1 - mask) + _texture(random, height, width) * mask
    return np.clip(_lit(random, image), 0, 255).astype(np.uint8)


def _texture(random: Generator, height: int, width: int) -> NDArray[np.float32]:
    """Return one of: plain colour, smooth noise, stripes, checks, grain; in two colours, float in [0, 255]."""
    low, high = random.uniform(0, 255, (2, 3)).astype(np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle, period = random.uniform(0, np.pi), random.uniform(4, 80)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kind = int(random.integers(5))
    if kind == 0:
        share = np.zeros((height, width), np.float32)
    elif kind == 1:
        cells = int(random.integers(2, 24))
        share = cv2.resize(
            random.random((cells, cells)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
    elif kind == 2:
        share = 0.5 + 0.5 * np.sin(2 * np.pi * along / period)
    elif kind == 3:
        share = ((np.floor(along / period) + np.floor(across / period)) % 2).astype(np.float32)
    else:
        share = random.random((height, width)).astype(np.float32) * np.float32(random.uniform(0.1, 1))
    return np.asarray(low + (high - low) * share[..., None], np.float32)


def _shape(random: Generator, height: int, width: int) -> NDArray[np.float32]:
    """Return the mask of an ellipse, a polygon, a rounded bar or a ring, with soft edges."""
    mask = np.zeros((height, width), np.uint8)
    size = float(np.exp(random.uniform(np.log(12), np.log(300))))
    center = random.uniform((0, 0), (width, height))
    kind = int(random.integers(4))
    if kind == 1:
        angles = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 9))))
        corners = center + size * random.uniform(0.5, 1, (len(angles), 1)) * np.stack(
            (np.cos(angles), np.sin(angles)), 1
        )
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 255)
    elif kind == 2:
        end = center + random.uniform(-size, size, 2)
        cv2.line(mask, *(tuple(int(v) for v in point) for point in (center, end)), 255, max(1, int(size / 6)))
    else:
        axes = (max(1, int(size * random.uniform(0.3, 1))), max(1, int(size * random.uniform(0.3, 1))))
        thickness = -1 if kind == 0 else max(1, int(size / 8))
        cv2.ellipse(mask, tuple(int(v) for v in center), axes, float(random.uniform(0, 180)), 0, 360, 255, thickness)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), float(random.uniform(0.5, 2))), np.float32) / 255


def _lit(random: Generator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the image under a smooth light, slightly blurred and with sensor noise."""
    height, width = image.shape[:2]
    light = cv2.resize(
        random.uniform(0.5, 1.2, (3, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    blurred = cv2.GaussianBlur(image * light[..., None], (0, 0), float(random.uniform(0.3, 1.5)))
    return np.asarray(blurred + random.normal(0, random.uniform(0, 6), image.shape), np.float32)

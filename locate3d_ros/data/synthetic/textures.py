"""Procedural textures of floors, walls and cloth: RGB uint8 images that repeat without a seam."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]  # sRGB in [0, 1]
Image = NDArray[np.uint8]


def _noise(rng: np.random.Generator, size: int, blur: tuple[float, float]) -> NDArray[np.float64]:
    """Return seamless noise [size, size] of unit deviation, blurred by `blur` pixels along y and x."""
    white = rng.standard_normal((size, size))
    frequency_y, frequency_x = np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None, :]
    damping = np.exp(-2.0 * np.pi**2 * ((blur[0] * frequency_y) ** 2 + (blur[1] * frequency_x) ** 2))
    soft = np.fft.ifft2(np.fft.fft2(white) * damping).real
    return np.asarray(soft / max(float(soft.std()), 1e-9), dtype=np.float64)


def _paint(colour: Colour, shade: NDArray[np.float64]) -> Image:
    """Multiply a colour by a shade image [h, w] around 1."""
    return _to_image(np.asarray(colour) * shade[..., None])


def _to_image(colours: NDArray[np.float64]) -> Image:
    """Turn sRGB colours [h, w, 3] in [0, 1] into bytes."""
    return np.asarray(np.clip(colours, 0.0, 1.0) * 255.0 + 0.5, dtype=np.uint8)


def wood_planks(rng: np.random.Generator, colour: Colour) -> Image:
    """Floor boards along x: 8 rows per repeat, each row cut at its own place."""
    size, rows = 512, 8
    shade = 1.0 + 0.05 * _noise(rng, size, (0.8, 30.0)) + 0.035 * _noise(rng, size, (4.0, 80.0))
    height = size // rows
    for row in range(rows):
        band = slice(row * height, (row + 1) * height)
        cuts = np.sort(rng.integers(0, size, 2))
        for start, stop in ((0, cuts[0]), (cuts[0], cuts[1]), (cuts[1], size)):
            shade[band, start:stop] *= 1.0 + 0.10 * rng.uniform(-1.0, 1.0)
        shade[band, cuts[0] : cuts[0] + 2] *= 0.72
        shade[row * height : row * height + 2] *= 0.72
    return _paint(colour, shade)


def carpet(rng: np.random.Generator, colour: Colour) -> Image:
    """Short, mottled pile."""
    return _paint(colour, 1.0 + 0.10 * _noise(rng, 256, (0.7, 0.7)) + 0.05 * _noise(rng, 256, (9.0, 9.0)))


def tiles(rng: np.random.Generator, colour: Colour) -> Image:
    """Square floor tiles, 4 x 4 per repeat, with grey joints."""
    size, count = 512, 4
    step = size // count
    shade = 1.0 + 0.02 * _noise(rng, size, (6.0, 6.0)) + 0.012 * _noise(rng, size, (0.8, 0.8))
    shade *= np.kron(1.0 + 0.03 * rng.uniform(-1.0, 1.0, (count, count)), np.ones((step, step)))
    image = _paint(colour, shade)
    joint = np.zeros((size, size), dtype=np.bool_)
    joint[np.arange(size) % step < 4, :] = True
    joint[:, np.arange(size) % step < 4] = True
    image[joint] = (image[joint] * 0.4 + 0.6 * 150.0).astype(np.uint8)
    return image


def plaster(rng: np.random.Generator, colour: Colour) -> Image:
    """Painted wall with faint roller marks."""
    return _paint(colour, 1.0 + 0.006 * _noise(rng, 256, (1.0, 1.0)) + 0.004 * _noise(rng, 256, (24.0, 24.0)))


def stripes(rng: np.random.Generator, colour: Colour) -> Image:
    """Wallpaper with soft vertical stripes."""
    wave = np.sign(np.sin(np.arange(256) * 2.0 * np.pi * 4 / 256))[None, :]
    return _paint(colour, 1.0 + 0.025 * np.repeat(wave, 256, axis=0) + 0.008 * _noise(rng, 256, (1.0, 1.0)))


def cloth(rng: np.random.Generator, colour: Colour) -> Image:
    """Woven cloth."""
    y, x = np.mgrid[0:128, 0:128]
    weave = np.sin(x * 2 * np.pi / 4) * np.sin(y * 2 * np.pi / 4)
    return _paint(colour, 1.0 + 0.05 * weave + 0.04 * _noise(rng, 128, (0.7, 0.7)))


def wood(rng: np.random.Generator, colour: Colour) -> Image:
    """Plain sawn wood with the grain along x."""
    return _paint(colour, 1.0 + 0.06 * _noise(rng, 256, (0.8, 40.0)) + 0.05 * _noise(rng, 256, (6.0, 60.0)))


def rug(rng: np.random.Generator, colour: Colour) -> Image:
    """Woven rug: a border, and lozenges in two more shades. Meant for one repeat over the whole rug."""
    y, x = np.mgrid[0:256, 0:256] / 255.0
    edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    lozenges = np.abs(np.mod(x * 4, 1.0) - 0.5) + np.abs(np.mod(y * 4, 1.0) - 0.5)
    second = np.clip(np.asarray(colour) * 0.45, 0, 1)
    third = np.clip(np.asarray(colour) * 0.5 + 0.45, 0, 1)
    image = np.broadcast_to(np.asarray(colour), (256, 256, 3)).copy()
    image[(lozenges > 0.38) & (lozenges < 0.52)] = third
    image[(edge > 0.05) & (edge < 0.09)] = third
    image[edge < 0.05] = second
    image *= (1.0 + 0.07 * _noise(rng, 256, (0.7, 0.7)))[..., None]
    return _to_image(image)


def painting(rng: np.random.Generator) -> Image:
    """Landscape for a picture frame: sky, hills and water in a random light."""
    height, width = 192, 256
    image = np.zeros((height, width, 3))
    sky = np.linspace(0.0, 1.0, height)[:, None, None]
    image[:] = (1 - sky) * rng.uniform(0.3, 0.8, 3) + sky * rng.uniform(0.7, 1.0, 3)
    x = np.arange(width)
    for layer in range(4):
        ridge = height * (0.4 + 0.13 * layer)
        waves = sum(rng.uniform(3, 14) * np.sin(x * rng.uniform(0.01, 0.06) + rng.uniform(0, 6)) for _ in range(3))
        below = np.arange(height)[:, None] > (ridge + waves)[None, :]
        image[below] = rng.uniform(0.1, 0.6, 3) * (1.0 - 0.1 * layer)
    image *= 1.0 + 0.05 * cv2.resize(rng.standard_normal((48, 64)), (width, height))[..., None]
    return _to_image(image)


def outdoors(rng: np.random.Generator) -> Image:
    """Paint what a window shows: bright sky, blurred trees, a lawn."""
    height, width = 256, 256
    sky = np.linspace(1.0, 0.0, height)[:, None, None]
    image = sky * np.array([0.55, 0.75, 1.0]) + (1 - sky) * np.array([0.95, 0.97, 1.0])
    image = np.broadcast_to(image, (height, width, 3)).copy()
    leaves = _noise(rng, 256, (5.0, 5.0)) + 0.5 * _noise(rng, 256, (1.5, 1.5))
    top = 120 + 25 * _noise(rng, 256, (1.0, 18.0))[0]
    trees = np.arange(height)[:, None] > top[None, :]
    image[trees] = (np.array([0.30, 0.45, 0.18]) * (1.0 + 0.22 * leaves[..., None]))[trees]
    image[215:] = np.array([0.45, 0.62, 0.28]) * (1.0 + 0.08 * leaves[215:, :, None])
    return _to_image(image)


def herringbone(rng: np.random.Generator, colour: Colour) -> Image:
    """Floor of short boards laid at right angles to each other."""
    size, board = 512, 64
    shade = 1.0 + 0.05 * _noise(rng, size, (0.8, 14.0))
    turned = 1.0 + 0.05 * _noise(rng, size, (14.0, 0.8))
    y, x = np.mgrid[0:size, 0:size] // (board // 2)
    across = (x // 2 + y // 2) % 2 == 0
    tone = 1.0 + 0.12 * rng.uniform(-1.0, 1.0, (size // board, size // board, 2))
    half = np.where(across, y % 2, x % 2)
    shade = np.where(across, shade, turned) * tone[y // 2, x // 2, half]
    joint = np.where(across, np.arange(size)[:, None] % (board // 2) < 1, np.arange(size)[None, :] % (board // 2) < 1)
    edge = (np.arange(size) % board < 1)[:, None] | (np.arange(size) % board < 1)[None, :]
    return _paint(colour, np.where(joint | edge, 0.7 * shade, shade))


def checkers(rng: np.random.Generator, colour: Colour) -> Image:
    """Light and dark tiles in turn, 4 x 4 per repeat."""
    light = tiles(rng, colour).astype(np.float64) / 255.0
    step = light.shape[0] // 4
    dark = (np.indices((4, 4)).sum(axis=0) % 2).astype(np.float64)
    return _to_image(light * (1.0 - 0.55 * np.kron(dark, np.ones((step, step))))[..., None])


def panelled(rng: np.random.Generator, colour: Colour) -> Image:
    """Upright boards with a groove between them, painted."""
    shade = 1.0 + 0.008 * _noise(rng, 256, (20.0, 1.0))
    groove = np.arange(256) % 32
    shade *= np.where(groove < 2, 0.86, np.where(groove < 4, 1.03, 1.0))[None, :]
    return _paint(colour, shade)

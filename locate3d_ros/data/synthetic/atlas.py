"""All textures of a scene with their smaller copies in one flat array, so that one look-up serves any surface."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Material

Floats32 = NDArray[np.float32]
LEVELS = 9
MAX_TEXTURE = 512  # pixels; a frame of 640x480 never shows more of one repeat


def to_linear(srgb: NDArray[np.floating] | NDArray[np.uint8]) -> Floats32:
    """Decode sRGB in [0, 1] (or uint8) to linear light."""
    if srgb.dtype == np.uint8:
        return to_linear(np.arange(256, dtype=np.float32) / np.float32(255.0))[srgb]
    value = srgb.astype(np.float32)
    return np.asarray(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4), dtype=np.float32)


def to_srgb(linear: Floats32) -> Floats32:
    """Encode linear light in [0, 1] as sRGB in [0, 1]."""
    value = np.clip(linear, 0.0, 1.0)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055).astype(np.float32)


class TextureAtlas:
    """Linear colours of every material at every level of detail."""

    def __init__(self, materials: Sequence[Material]) -> None:
        pieces: list[Floats32] = []
        self._offset = np.zeros((len(materials), LEVELS), dtype=np.int64)
        self._size = np.ones((len(materials), LEVELS, 2), dtype=np.int64)  # height, width
        self.mean = np.zeros((len(materials), 3), dtype=np.float32)
        total = 0
        done: dict[int, int] = {}
        for i, material in enumerate(materials):
            same = done.setdefault(id(material.texture), i) if material.texture is not None else i
            if same != i:
                self._offset[i], self._size[i], self.mean[i] = self._offset[same], self._size[same], self.mean[same]
                continue
            for level, image in enumerate(_pyramid(material)):
                self._offset[i, level] = total
                self._size[i, level] = image.shape[:2]
                total += image.shape[0] * image.shape[1]
                pieces.append(image.reshape(-1, 3))
            self.mean[i] = pieces[-1].mean(axis=0)
        self._texels = np.concatenate(pieces)
        self._start = self._offset.reshape(-1).astype(np.int32)
        self._height, self._width = np.ascontiguousarray(self._size.reshape(-1, 2).T, dtype=np.float32)

    @property
    def full_size(self) -> NDArray[np.int64]:
        """Height and width [M, 2] of each material's finest level, pixels."""
        return self._size[:, 0]

    def sample(self, material: NDArray[np.int64], uv: Floats32, level: NDArray[np.int64]) -> Floats32:
        """Return linear colours [n, 3] at texture coordinates uv [n, 2], bilinear, the texture repeated."""
        level = np.clip(level, 0, LEVELS - 1)
        size = self._size[material, level]
        offset = self._offset[material, level]
        x = np.mod(uv[:, 0], 1.0) * size[:, 1] - 0.5
        y = np.mod(1.0 - uv[:, 1], 1.0) * size[:, 0] - 0.5
        x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        fx, fy = (x - x0).astype(np.float32)[:, None], (y - y0).astype(np.float32)[:, None]
        columns = [np.mod(x0 + k, size[:, 1]) for k in (0, 1)]
        rows = [offset + np.mod(y0 + k, size[:, 0]) * size[:, 1] for k in (0, 1)]
        upper = self._texels[rows[0] + columns[0]] * (1 - fx) + self._texels[rows[0] + columns[1]] * fx
        lower = self._texels[rows[1] + columns[0]] * (1 - fx) + self._texels[rows[1] + columns[1]] * fx
        return np.asarray(upper * (1 - fy) + lower * fy, dtype=np.float32)

    def nearest(self, material: NDArray[np.int32], uv: Floats32, level: NDArray[np.int32]) -> Floats32:
        """Return linear colours [n, 3] of the nearest texels; arguments as `sample`, but uv is [2, n]."""
        place = material * LEVELS + np.clip(level, 0, LEVELS - 1)
        height, width = self._height[place], self._width[place]
        u, v = uv[0], np.float32(1.0) - uv[1]
        x = np.minimum((u - np.floor(u)) * width, width - 1).astype(np.int32)
        y = np.minimum((v - np.floor(v)) * height, height - 1).astype(np.int32)
        texel = self._start[place] + y * width.astype(np.int32) + x
        return np.asarray(np.take(self._texels, texel, axis=0), dtype=np.float32)


def _pyramid(material: Material) -> list[Floats32]:
    """Return LEVELS linear images, each half the size of the one before, the last ones 1x1."""
    if material.texture is None:
        image = to_linear(np.asarray(material.colour, dtype=np.float64)).reshape(1, 1, 3)
    else:
        image = to_linear(material.texture)
        longest = max(image.shape[:2])
        if longest > MAX_TEXTURE:
            image = _resize(image, MAX_TEXTURE / longest)
    images = [image]
    while len(images) < LEVELS:
        images.append(_resize(images[-1], 0.5))
    return images


def _resize(image: Floats32, factor: float) -> Floats32:
    height, width = (max(1, round(n * factor)) for n in image.shape[:2])
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.float32).reshape(height, width, 3)

"""Image sizes and cameras as the published loaders of Locate 3D have them, so that figures compare."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from locate3d_ros.types import Intrinsics

WIDTH, HEIGHT = 640, 480


@dataclass(frozen=True)
class Picture:
    """A colour image, its depth, and the camera of both."""

    rgb: npt.NDArray[np.uint8]  # [H, W, 3]
    depth: npt.NDArray[np.float32]  # [h, w] metres
    intrinsics: Intrinsics  # of the colour image


def resize_smoothly(picture: Picture) -> Picture:
    """Resize to 640x480 as the ScanNet loader does: colour with an area filter (Pillow's bilinear), depth nearest."""
    small = Image.fromarray(picture.rgb).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    return _resized(picture, np.asarray(small, dtype=np.uint8))


def resize_by_sampling(picture: Picture) -> Picture:
    """Resize to 640x480 as the ScanNet++ loader does: colour by bilinear samples, depth nearest."""
    small = cv2.resize(picture.rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return _resized(picture, np.asarray(small, dtype=np.uint8))


def _resized(picture: Picture, rgb: npt.NDArray[np.uint8]) -> Picture:
    """Scale the camera by the plain ratio of the sizes, half a pixel off at a third of the size, as published."""
    k = picture.intrinsics
    sx, sy = WIDTH / k.width, HEIGHT / k.height
    small = replace(k, fx=k.fx * sx, fy=k.fy * sy, cx=k.cx * sx, cy=k.cy * sy, width=WIDTH, height=HEIGHT)
    depth = cv2.resize(picture.depth, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    return Picture(rgb, np.asarray(depth, dtype=np.float32), small)

"""Primitive drawing on uint8 RGB arrays: text, boxes in perspective, masks."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont
from torch import Tensor

from locate3d_ros.geometry.boxes import box_corners
from locate3d_ros.geometry.transforms import invert_transform, transform_points
from locate3d_ros.types import Box, Intrinsics

Image = NDArray[np.uint8]  # [H, W, 3] RGB
Colour = tuple[int, int, int]

PALETTE: tuple[Colour, ...] = (
    (230, 75, 53),
    (46, 134, 222),
    (39, 174, 96),
    (243, 156, 18),
    (155, 89, 182),
    (26, 188, 176),
    (214, 48, 120),
    (122, 88, 60),
)
ANCHOR_COLOUR: Colour = (250, 230, 90)
NEAR_PLANE = 0.05  # metres: edges are cut here, since points behind the camera have no pixel
EDGES = tuple((i, i | 1 << axis) for axis in range(3) for i in range(8) if not i >> axis & 1)


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def draw_text(image: Image, text: str, position: tuple[int, int], size: int, colour: Colour = (255, 255, 255)) -> Image:
    """Return a copy of the image with a line of text whose top left corner is at `position` (x, y)."""
    canvas = PilImage.fromarray(image)
    ImageDraw.Draw(canvas).text(position, text, fill=colour, font=_font(size))
    return np.array(canvas)


def fit_text(text: str, width: int, size: int) -> str:
    """Shorten a text with an ellipsis so that it is at most `width` pixels wide."""
    if _font(size).getlength(text) <= width:
        return text
    while text and _font(size).getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def draw_box(image: Image, box: Box, intrinsics: Intrinsics, T_map_camera: Tensor, colour: Colour) -> None:
    """Draw a box's edges, in perspective, into the image in place. Edges behind the camera are cut off."""
    T_camera_map = invert_transform(T_map_camera)
    corners = transform_points(T_camera_map, box_corners(box).double()).numpy()  # [8, 3]
    segments = [_clip_to_near_plane(corners[a], corners[b]) for a, b in EDGES]
    thickness = max(1, round(image.shape[0] / 240))
    # The dark rim of one edge must not cover the colour of another, so all rims come first.
    for line_colour, line_thickness in (((0, 0, 0), thickness + 2), (colour, thickness)):
        for segment in segments:
            if segment is not None:
                a, b = (_pixel(point, intrinsics) for point in segment)
                _draw_line(image, a, b, line_colour, line_thickness)


def _clip_to_near_plane(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...] | None:
    if a[2] < NEAR_PLANE and b[2] < NEAR_PLANE:
        return None
    if a[2] >= NEAR_PLANE and b[2] >= NEAR_PLANE:
        return a, b
    cut = a + (b - a) * ((NEAR_PLANE - a[2]) / (b[2] - a[2]))
    return (a, cut) if a[2] >= NEAR_PLANE else (cut, b)


def _pixel(point: NDArray[np.float64], intrinsics: Intrinsics) -> tuple[int, int]:
    u = intrinsics.fx * point[0] / point[2] + intrinsics.cx
    v = intrinsics.fy * point[1] / point[2] + intrinsics.cy
    return round(u), round(v)


def _draw_line(image: Image, a: tuple[int, int], b: tuple[int, int], colour: Colour, thickness: int) -> None:
    height, width = image.shape[:2]
    # OpenCV's own clipping overflows on far-away ends, so lines are cut a little outside the image first.
    inside, start, end = cv2.clipLine((-width, -height, 3 * width, 3 * height), a, b)
    if inside:
        cv2.line(image, start, end, colour, thickness, cv2.LINE_AA)


def tint(image: Image, mask: NDArray[np.bool_], colour: Colour, opacity: float = 0.55) -> None:
    """Blend a colour over the masked pixels (H, W) in place."""
    image[mask] = ((1 - opacity) * image[mask] + opacity * np.array(colour)).astype(np.uint8)


def splat(pixels: Tensor, radius: int, height: int, width: int) -> NDArray[np.bool_]:
    """Return the mask (height, width) of squares of `radius` around pixels (n, 2); those outside are left out."""
    mask = np.zeros((height, width), dtype=np.uint8)
    uv = pixels.round().to(torch.int64)
    inside = (uv[:, 0] >= 0) & (uv[:, 0] < width) & (uv[:, 1] >= 0) & (uv[:, 1] < height)
    uv = uv[inside]
    mask[uv[:, 1].numpy(), uv[:, 0].numpy()] = 1
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), dtype=np.uint8)
    return cv2.dilate(mask, kernel).astype(bool)

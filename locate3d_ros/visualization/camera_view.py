"""An answer drawn into the keyframe thumbnail that sees it best."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from locate3d_ros.geometry.camera import project, scale_intrinsics
from locate3d_ros.geometry.transforms import invert_transform, transform_points
from locate3d_ros.types import Instance, Intrinsics, Role, View
from locate3d_ros.visualization.drawing import ANCHOR_COLOUR, Colour, Image, draw_box, splat, tint

OCCLUSION_MARGIN = 0.08  # metres plus 3 % of the depth: voxel centroids lie a little behind the surface they average


@dataclass(frozen=True)
class Sighting:
    """Where an instance's points fall in a view."""

    pixels: Tensor  # [n, 2] float u, v of the visible points
    depth: Tensor  # [n] metres


def sight(instance: Instance, view: View) -> Sighting:
    """Project an instance's points into a view and keep those that nothing hides."""
    T_camera_map = invert_transform(view.T_map_camera)
    pixels, z = project(transform_points(T_camera_map, instance.xyz.cpu().float()), view.intrinsics)
    uv = pixels.nan_to_num(-1.0).round().long()
    width, height = view.intrinsics.width, view.intrinsics.height
    seen = (z > 0) & (uv[:, 0] >= 0) & (uv[:, 0] < width) & (uv[:, 1] >= 0) & (uv[:, 1] < height)
    if view.depth is not None:
        surface = view.depth[uv[:, 1].clamp(0, height - 1), uv[:, 0].clamp(0, width - 1)]
        known = torch.isfinite(surface) & (surface > 0)
        seen &= ~known | (z <= surface * 1.03 + OCCLUSION_MARGIN)
    return Sighting(pixels[seen], z[seen])


def best_view(instance: Instance, views: tuple[View, ...]) -> View | None:
    """Return the view in which the largest visible part of the instance appears largest; None where none sees it."""
    scores = [_coverage(sight(instance, view), view, len(instance.xyz)) for view in views]
    if not scores or max(scores) <= 0:
        return None
    return views[int(np.argmax(scores))]


def _coverage(sighting: Sighting, view: View, points: int) -> float:
    if len(sighting.pixels) == 0:
        return 0.0
    size = torch.tensor([view.intrinsics.width, view.intrinsics.height], dtype=torch.float32)
    # An object cut off by the border is a poor picture of it, so points near the middle count more.
    middle = 1.0 - (sighting.pixels / size - 0.5).abs().max(dim=1).values
    share = float(middle.sum()) / points
    nearness = 1.0 / max(1.0, float(sighting.depth.median()))
    return share * share * nearness


def draw_instances(
    view: View, targets: list[tuple[Instance, Colour]], anchors: tuple[Instance, ...], width: int
) -> Image:
    """Return the view, `width` pixels wide, with masks and boxes of targets and the boxes of their anchors."""
    image, intrinsics = _enlarge(view, width)
    factor = width / view.intrinsics.width
    for instance, colour in targets:
        sighting = sight(instance, view)
        if len(sighting.depth):
            radius = max(1, round(0.006 * intrinsics.fx / float(sighting.depth.median())))
            tint(image, splat(sighting.pixels * factor, radius, *image.shape[:2]), colour)
    for anchor in anchors:
        draw_box(image, anchor.box, intrinsics, view.T_map_camera, ANCHOR_COLOUR)
    for instance, colour in targets:
        draw_box(image, instance.box, intrinsics, view.T_map_camera, colour)
    return image


def _enlarge(view: View, width: int) -> tuple[Image, Intrinsics]:
    height = round(view.intrinsics.height * width / view.intrinsics.width)
    image = cv2.resize(view.rgb.numpy(), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(image), scale_intrinsics(view.intrinsics, width, height)


def split_roles(instances: tuple[Instance, ...]) -> tuple[tuple[Instance, ...], tuple[Instance, ...]]:
    """Separate the targets from the anchors that the sentence names."""
    targets = tuple(i for i in instances if i.role is Role.TARGET)
    return targets, tuple(i for i in instances if i.role is Role.ANCHOR)

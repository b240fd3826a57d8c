"""The map from above."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from locate3d_ros.geometry.boxes import box_corners
from locate3d_ros.types import Box, MapSnapshot
from locate3d_ros.visualization.drawing import Colour, Image, tint

BACKGROUND = 245
HEADROOM = 0.35  # metres over the highest camera: what is above (ceiling, tops of walls) would hide the room
MARGIN = 24  # pixels around the map


@dataclass(frozen=True)
class TopView:
    """An image of the map from above and how map points reach its pixels."""

    image: Image
    axes: Tensor  # [2, 3] map-frame directions of image right and image down
    low: Tensor  # [2] metres along the axes at pixel MARGIN
    scale: float  # pixels per metre
    offset: tuple[float, float]  # pixels

    def pixels(self, xyz: Tensor) -> NDArray[np.int32]:
        """Map points (n, 3) in the map frame to pixels (n, 2)."""
        flat = (xyz.float() @ self.axes.T - self.low) * self.scale
        return (flat + torch.tensor(self.offset)).round().to(torch.int32).numpy()


def render_top_view(snapshot: MapSnapshot, width: int, height: int) -> TopView:
    """Draw the finer grid's colours as seen from above, x to the right and y up where z is up."""
    xyz, rgb = snapshot.fine.xyz.cpu().float(), snapshot.fine.rgb.cpu()
    up = up_axis(snapshot)
    heights = xyz @ up
    keep = heights <= _cut_height(snapshot, up)
    axes = _image_axes(up)
    flat = xyz[keep] @ axes.T  # [n, 2]
    low, high = _bounds(flat)
    extent = (high - low).clamp(min=0.1)
    scale = float(min((width - 2 * MARGIN) / extent[0], (height - 2 * MARGIN) / extent[1]))
    offset = ((width - float(extent[0]) * scale) / 2, (height - float(extent[1]) * scale) / 2)
    view = TopView(np.full((height, width, 3), BACKGROUND, np.uint8), axes, low, scale, offset)
    order = torch.argsort(heights[keep])
    _paint(view, xyz[keep][order], rgb[keep][order], snapshot.fine.voxel_size)
    return view


def draw_footprint(view: TopView, box: Box, colour: Colour, label: str = "") -> None:
    """Draw a box's outline from above, in place, with an optional label beside it."""
    pixels = view.pixels(box_corners(box))
    hull = cv2.convexHull(pixels)
    inside = np.zeros(view.image.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, hull, 1)
    tint(view.image, inside.astype(bool), colour, opacity=0.35)
    cv2.polylines(view.image, [hull], isClosed=True, color=colour, thickness=2, lineType=cv2.LINE_AA)
    if label:
        x, y = int(hull[:, 0, 0].max()) + 12, int(hull[:, 0, 1].min())
        x, y = min(x, view.image.shape[1] - 12), max(y, 12)
        cv2.circle(view.image, (x, y), 11, colour, -1, cv2.LINE_AA)
        cv2.putText(view.image, label, (x - 5, y + 5), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)


def up_axis(snapshot: MapSnapshot) -> Tensor:
    """Return the unit up direction (3,) in the map frame: z, or what the cameras hold upright in a "world" frame."""
    if snapshot.frame_id != "world" or not snapshot.views:
        return torch.tensor([0.0, 0.0, 1.0])
    mean = torch.stack([-view.T_map_camera[:3, 1] for view in snapshot.views]).mean(dim=0)
    return torch.nn.functional.normalize(mean, dim=0).float()


def _cut_height(snapshot: MapSnapshot, up: Tensor) -> float:
    cameras = [float(view.T_map_camera[:3, 3].float() @ up) for view in snapshot.views]
    if snapshot.camera_pose is not None:
        cameras.append(float(snapshot.camera_pose[:3, 3].cpu().float() @ up))
    return max(cameras, default=float("inf")) + HEADROOM


def _image_axes(up: Tensor) -> Tensor:
    reference = torch.tensor([1.0, 0.0, 0.0]) if abs(float(up[0])) < 0.9 else torch.tensor([0.0, 1.0, 0.0])
    right = torch.nn.functional.normalize(reference - (reference @ up) * up, dim=0)
    return torch.stack((right, -torch.linalg.cross(up, right)))


def _bounds(flat: Tensor) -> tuple[Tensor, Tensor]:
    if len(flat) == 0:
        return torch.zeros(2), torch.ones(2)
    # A few stray points must not shrink the room to a stamp.
    low, high = torch.quantile(flat[:: max(1, len(flat) // 100_000)], torch.tensor([0.002, 0.998]), dim=0)
    return low, high


def _paint(view: TopView, xyz: Tensor, rgb: Tensor, voxel_size: float) -> None:
    side = max(1, int(np.ceil(voxel_size * view.scale)))
    pixels = view.pixels(xyz)
    colours = (rgb.numpy() * 255).astype(np.uint8)
    height, width = view.image.shape[:2]
    for dx in range(side):
        for dy in range(side):
            u, v = pixels[:, 0] + dx - side // 2, pixels[:, 1] + dy - side // 2
            inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
            view.image[v[inside], u[inside]] = colours[inside]

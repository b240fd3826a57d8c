"""From a depth image to points of the map frame, each with the colour pixel it takes colour and features from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.geometry.camera import project
from locate3d_ros.geometry.transforms import require_rigid, transform_points
from locate3d_ros.mapping.occlusion import nearest_pixel, unoccluded
from locate3d_ros.types import Frame, Intrinsics


@dataclass(frozen=True)
class LiftedFrame:
    """The usable depth pixels of one frame; P points.

    On CUDA, where counting them would stall the host, P is every pixel and `valid` says which of them count.
    """

    xyz: Tensor  # [P, 3] float64, map frame, metres
    depth: Tensor  # [P] float64, metres along the optical axis of the colour camera
    pixel: Tensor  # [P] int64, into the flattened colour image
    valid: Tensor  # [P] bool: all True on the CPU


def lift(frame: Frame, config: MappingConfig, device: torch.device) -> LiftedFrame:
    """Turn a frame's usable depth pixels into points.

    Coordinates are float64: float32 would move points of large maps across cell borders. The pose is used to its
    last digit, as it was given, for the same reason.
    Raises InputError where T_camera_depth is no rigid transform.
    """
    T_map_camera = frame.T_map_camera.to(torch.float64)
    depth = frame.depth.to(device)
    usable = usable_pixels(depth, config).flatten()
    pixel = every_or_true(usable)
    valid = usable.index_select(0, pixel)
    z = depth.flatten().index_select(0, pixel).to(torch.float64).masked_fill(~valid, 0.0)
    xyz = unproject(pixel, z, frame.depth_intrinsics or frame.intrinsics)
    if frame.T_camera_depth is not None:
        T_camera_depth = require_rigid(frame.T_camera_depth.cpu(), f"camera {frame.camera}: T_camera_depth")
        xyz = transform_points(T_camera_depth, xyz)
    points = LiftedFrame(xyz, z, pixel, valid)
    if frame.depth_intrinsics is not None or frame.T_camera_depth is not None:
        points = _register(points, frame)
    return replace(points, xyz=transform_points(T_map_camera, points.xyz))


def every_or_true(mask: Tensor) -> Tensor:
    """Return the places of the true entries of mask [P] on the CPU, and of all entries on CUDA."""
    return mask.nonzero().squeeze(1) if mask.is_cpu else torch.arange(len(mask), device=mask.device)


def select(points: LiftedFrame, kept: Tensor) -> LiftedFrame:
    """Return the points with those not in kept (P,) bool left out."""
    valid = points.valid & kept
    rows = every_or_true(valid)
    columns = (points.xyz, points.depth, points.pixel, valid)
    return LiftedFrame(*(column.index_select(0, rows) for column in columns))


def usable_pixels(depth: Tensor, config: MappingConfig) -> Tensor:
    """Return [h, w] bool: depth strictly within the limits and not flying at an edge."""
    usable = (depth > config.min_depth) & (depth < config.max_depth)
    if config.edge_threshold == 0:
        return usable
    return usable & ~_edges(depth, config.edge_threshold)


def unproject(pixel: Tensor, z: Tensor, intrinsics: Intrinsics) -> Tensor:
    """Return camera-frame points (P, 3) float64 of flat pixel indices (P,) at depths z (P,), metres."""
    u = (pixel % intrinsics.width).to(torch.float64)
    v = torch.div(pixel, intrinsics.width, rounding_mode="floor").to(torch.float64)
    x = (u - intrinsics.cx) / intrinsics.fx
    y = (v - intrinsics.cy) / intrinsics.fy
    return torch.stack((x * z, y * z, z), dim=1)


def _edges(depth: Tensor, threshold: float) -> Tensor:
    """Return [h, w] bool: a neighbour's depth differs by more than `threshold` times the pixel's own."""
    known = torch.isfinite(depth) & (depth > 0)
    edge = torch.zeros_like(known)
    for axis in (0, 1):
        count = depth.shape[axis] - 1
        near, far = depth.narrow(axis, 0, count), depth.narrow(axis, 1, count)
        step = (near - far).abs()
        both = known.narrow(axis, 0, count) & known.narrow(axis, 1, count)
        edge.narrow(axis, 0, count).logical_or_(both & (step > threshold * near))
        edge.narrow(axis, 1, count).logical_or_(both & (step > threshold * far))
    return edge


def _register(points: LiftedFrame, frame: Frame) -> LiftedFrame:
    """Give points of the colour camera's frame, still in it, the colour pixel they fall on.

    Those outside the image are dropped, and those that the colour camera cannot see: another is in front of them.
    """
    color = frame.intrinsics
    uv, z = project(points.xyz, color)
    inside = _inside(uv[:, 0], color.width) & _inside(uv[:, 1], color.height)
    kept = every_or_true(points.valid & inside)
    inside = (points.valid & inside).index_select(0, kept)
    uv, z, xyz = (column.index_select(0, kept) for column in (uv, z, points.xyz))
    pixel = nearest_pixel(uv[:, 0], uv[:, 1], color).masked_fill(~inside, 0)
    registered = LiftedFrame(xyz, z, pixel, inside)
    # Cameras that share their centre see the same points; only apart from each other do some hide others.
    if frame.T_camera_depth is None:
        return registered
    depth_camera = frame.depth_intrinsics or color
    footprint = max(color.fx / depth_camera.fx, color.fy / depth_camera.fy)
    return select(registered, unoccluded(uv, z.masked_fill(~inside, float("inf")), color, footprint))


def _inside(place: Tensor, size: int) -> Tensor:
    return (place >= -0.5) & (place < size - 0.5)

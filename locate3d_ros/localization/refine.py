"""Sharpens a 5 cm mask against the newest depth that sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from locate3d_ros.geometry.camera import project
from locate3d_ros.geometry.transforms import invert_transform, transform_points
from locate3d_ros.localization.background import Points
from locate3d_ros.localization.visible_part import VisiblePart, visible_part
from locate3d_ros.types import Box, Instance, Localization, MapSnapshot, View

NO_VIEWS = "refine needs keyframes with depth, which this map does not keep"

UPRIGHT_FRAME = "map"  # z is up there (REP-103)
MIN_SHARE_SEEN = 0.2  # of the mask's voxels: a view from one side shows hardly more than a third of them
NEARLY_BEST = 0.8  # a newer view is taken where it sees this share of what the best one sees
MIN_POINTS = 20  # fewer say nothing about an extent
STRAY = 0.01  # share of points beyond a side that are the sensor's stray ones
CONTACT = 0.01  # metres beyond the margin of a plane within which an object's nearest points touch it…
TOUCHING = 5  # … and how many do
OUTWARD, INWARD = 1.5, 2.0  # voxels that a side may move out of the mask and into it; beyond, the view has not seen it


def refined(answer: Localization, snapshot: MapSnapshot) -> Localization:
    """Refine every instance of an answer; where the map keeps no depth, the message says so instead."""
    if not answer.instances:
        return answer
    if all(view.depth is None for view in snapshot.views):
        return replace(answer, message="; ".join(filter(None, (answer.message, NO_VIEWS))))
    return replace(answer, instances=tuple(refine(instance, snapshot) for instance in answer.instances))


def refine(instance: Instance, snapshot: MapSnapshot) -> Instance:
    """Return the instance with the points and box of the newest depth image that shows it well.

    Its points lie within the mask dilated by a voxel, connected to it in depth and colour, in front of the surfaces
    around it. Sides that face away from that camera also follow the finer grid; one that no data shows stays.
    Where no view with depth shows the mask, or too few points are left, the instance stays as it is.
    """
    mask = instance.mask.cpu()
    view = _newest_showing(snapshot.views, snapshot.xyz.cpu()[mask])
    if view is None:
        return instance
    voxels = (snapshot.cells.cpu()[mask].double().numpy() + 0.5) * snapshot.voxel_size
    part = visible_part(view, voxels, snapshot.voxel_size, _up(snapshot, view))
    if len(part.xyz) < MIN_POINTS:
        return instance
    low, high = _extent(part, instance, view.T_map_camera[:3, 3].numpy(), snapshot.fine.voxel_size)
    box = _checked(low, high, instance.box, voxels, snapshot.voxel_size)
    device = instance.xyz.device
    xyz, rgb = torch.from_numpy(part.xyz).float().to(device), torch.from_numpy(part.rgb).to(device)
    return replace(instance, xyz=xyz, rgb=rgb, box=box)


def _newest_showing(views: Sequence[View], xyz: Tensor) -> View | None:
    """Return the newest of the views with depth that show nearly as much of the voxels (n, 3) as the best one."""
    shares = [(view, _share_shown(view, xyz)) for view in views if view.depth is not None]
    enough = max(MIN_SHARE_SEEN, NEARLY_BEST * max((share for _, share in shares), default=1.0))
    return max((view for view, share in shares if share >= enough), key=lambda view: view.stamp, default=None)


def _share_shown(view: View, xyz: Tensor) -> float:
    """Return the share of points (n, 3) that lie on the view's visible surface."""
    if view.depth is None or len(xyz) == 0:
        return 0.0
    pixels, z = project(transform_points(invert_transform(view.T_map_camera), xyz.double()), view.intrinsics)
    u, v = pixels.nan_to_num(-1.0).round().long().unbind(dim=1)
    inside = (z > 0) & (u >= 0) & (u < view.intrinsics.width) & (v >= 0) & (v < view.intrinsics.height)
    surface = view.depth[v.clamp(0, view.intrinsics.height - 1), u.clamp(0, view.intrinsics.width - 1)]
    # A centroid is off the surface by up to half a voxel's diagonal.
    return float((inside & (surface > 0) & ((surface - z).abs() < 0.05)).double().mean())


def _up(snapshot: MapSnapshot, view: View) -> Points:
    """Return the direction (3,) that is up, roughly: a camera is mostly held upright."""
    if snapshot.frame_id == UPRIGHT_FRAME:
        return np.array([0.0, 0.0, 1.0])
    poses = [each.T_map_camera for each in snapshot.views] or [view.T_map_camera]
    up = -np.mean([pose[:3, 1].numpy() for pose in poses], axis=0)
    return np.asarray(up / max(float(np.linalg.norm(up)), 1e-9))


def _extent(part: VisiblePart, instance: Instance, camera: Points, fine_size: float) -> tuple[Points, Points]:
    """Measure low and high (3,): sides that the camera faces in its depth, the others also in the finer grid."""
    standing = np.concatenate((part.xyz, _foot(part)))
    low, high = _sides(standing, part.noise), -_sides(-standing, part.noise)
    fine = instance.xyz.cpu().double().numpy()
    for plane in part.planes:
        fine = fine[plane.height(fine) > part.margin + fine_size / 2]
    if len(fine) >= MIN_POINTS:
        fine_low, fine_high = np.quantile(fine, (STRAY, 1.0 - STRAY), axis=0)
        low = np.where(camera < low, low, np.minimum(low, fine_low))
        high = np.where(camera > high, high, np.maximum(high, fine_high))
    return low, high


def _foot(part: VisiblePart) -> Points:
    """Return the points' shadow on what they touch, a support or else a wall: the margin cut off there is theirs."""
    for plane in sorted(part.planes, key=lambda plane: not plane.is_support):
        if int((plane.height(part.xyz) < part.margin + CONTACT).sum()) >= TOUCHING:
            return plane.shadow(part.xyz)
    return part.xyz[:0]


def _sides(xyz: Points, noise: float) -> Points:
    return np.array([_side(xyz[:, axis], noise) for axis in range(3)])


def _side(values: NDArray[np.float64], noise: float) -> float:
    """Return the least of coordinates (n,), through the noise.

    Where a face looks along the axis, its points crowd at the side and their middle is the face. Otherwise they thin
    out evenly up to an edge.
    """
    edge = float(np.quantile(values, STRAY))
    band = max(0.004, 4.5 * noise)
    first, second = (values >= edge) & (values < edge + band), (values >= edge + band) & (values < edge + 2 * band)
    if int(first.sum()) > 2.5 * max(1, int(second.sum())):
        return float(np.median(values[first]))
    return edge


def _checked(low: Points, high: Points, coarse: Box, voxels: Points, voxel_size: float) -> Box:
    """Keep a coarse side where the measured one is too far from the mask's own end to be the same."""
    mask_low, mask_high = voxels.min(axis=0) - voxel_size / 2, voxels.max(axis=0) + voxel_size / 2
    moved_low, moved_high = (low - mask_low) / voxel_size, (mask_high - high) / voxel_size
    low = np.where((moved_low > -OUTWARD) & (moved_low < INWARD), low, coarse.min)
    high = np.where((moved_high > -OUTWARD) & (moved_high < INWARD), high, coarse.max)
    x0, y0, z0 = (float(value) for value in np.minimum(low, high))
    x1, y1, z1 = (float(value) for value in np.maximum(low, high))
    return Box((x0, y0, z0), (x1, y1, z1))

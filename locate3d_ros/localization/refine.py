"""Sharpens a 5 cm mask against the newest depth that sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from torch import Tensor

from locate3d_ros.geometry.boxes import box_of_points
from locate3d_ros.geometry.camera import pixel_rays, project
from locate3d_ros.geometry.transforms import invert_transform, transform_points
from locate3d_ros.types import Instance, MapSnapshot, View

REACH = 1.0  # voxels around the mask in which the object's depth points may lie
MIN_SHARE_SEEN = 0.5  # of the mask, for a view to be trusted with the object's extent
DEPTH_STEP = 0.02  # metres plus 1 % of the depth: neighbouring pixels of one surface differ by less
COLOUR_STEP = 40.0  # of 255: neighbouring pixels of one object differ by less
SUPPORT_MARGIN = 0.012  # metres above the support that belong to it: the noise of a depth camera
MIN_POINTS = 20  # fewer say nothing about an extent


def refine(instance: Instance, snapshot: MapSnapshot) -> Instance:
    """Return the instance with the points and box of the newest depth image that sees most of it.

    The points lie within the dilated mask, connected to it in depth and colour, above the surface that carries it.
    Where no view with depth sees half of the mask, or too few points are left, the instance stays as it is.
    """
    voxels = snapshot.xyz[instance.mask].cpu()
    view = _newest_seeing(snapshot.views, voxels)
    if view is None or view.depth is None:
        return instance
    xyz = transform_points(view.T_map_camera, _camera_points(view)).numpy()  # [h, w, 3]
    candidates = _near_mask(xyz, view.depth.numpy(), voxels.numpy(), snapshot.voxel_size)
    candidates &= xyz[..., 2] > _support_height(xyz, candidates, voxels.numpy(), snapshot.voxel_size)
    region = _connected(candidates, view)
    if int(region.sum()) < MIN_POINTS:
        return instance
    points = torch.from_numpy(xyz[region]).float()
    colours = torch.from_numpy(view.rgb.numpy()[region]).float() / 255.0
    return replace(instance, xyz=points, rgb=colours, box=box_of_points(_trimmed(points)))


def _newest_seeing(views: tuple[View, ...], voxels: Tensor) -> View | None:
    for view in sorted(views, key=lambda view: -view.stamp):
        if view.depth is not None and _share_seen(view, view.depth, voxels) >= MIN_SHARE_SEEN:
            return view
    return None


def _share_seen(view: View, depth: Tensor, voxels: Tensor) -> float:
    """Return the share of the voxels that lie on the view's visible surface."""
    pixels, z = project(transform_points(invert_transform(view.T_map_camera), voxels.float()), view.intrinsics)
    uv = pixels.nan_to_num(-1.0).round().long()
    width, height = view.intrinsics.width, view.intrinsics.height
    inside = (z > 0) & (uv[:, 0] >= 0) & (uv[:, 0] < width) & (uv[:, 1] >= 0) & (uv[:, 1] < height)
    surface = depth[uv[:, 1].clamp(0, height - 1), uv[:, 0].clamp(0, width - 1)]
    return float((inside & (surface > 0) & ((surface - z).abs() < 0.08 + 0.02 * z)).float().mean()) if len(z) else 0.0


def _camera_points(view: View) -> Tensor:
    assert view.depth is not None  # noqa: S101 - the caller's condition
    depth = torch.where(view.depth > 0, view.depth, torch.full_like(view.depth, float("nan")))
    return pixel_rays(view.intrinsics).double() * depth.double()[..., None]


def _near_mask(
    xyz: NDArray[np.float64], depth: NDArray[np.float32], voxels: NDArray[np.float32], voxel_size: float
) -> NDArray[np.bool_]:
    """Return the pixels (h, w) whose points lie within a voxel of the mask's voxels."""
    known = (depth > 0) & np.isfinite(depth)
    near = np.zeros(depth.shape, dtype=bool)
    # A centroid lies up to half a diagonal from its voxel's far corner.
    distance, _ = cKDTree(voxels).query(xyz[known], distance_upper_bound=(REACH + 0.87) * voxel_size)
    near[known] = np.isfinite(distance)
    return near


def _support_height(
    xyz: NDArray[np.float64], candidates: NDArray[np.bool_], voxels: NDArray[np.float32], voxel_size: float
) -> float:
    """Return the height below which points are the support's: a level surface around the object's foot."""
    foot = float(voxels[:, 2].min())
    ring = candidates & (np.abs(xyz[..., 2] - foot) < 1.5 * voxel_size)
    heights = xyz[..., 2][ring]
    if len(heights) < MIN_POINTS:
        return -np.inf
    counts, edges = np.histogram(heights, bins=max(1, round(3 * voxel_size / SUPPORT_MARGIN)))
    level = int(counts.argmax())
    # A level surface gathers many points in one bin; the side of an object spreads them evenly.
    if counts[level] < 2.5 * counts.mean():
        return -np.inf
    return float(edges[level + 1]) + SUPPORT_MARGIN / 2


def _connected(candidates: NDArray[np.bool_], view: View) -> NDArray[np.bool_]:
    """Return the largest region of candidates whose neighbouring pixels agree in depth and colour."""
    assert view.depth is not None  # noqa: S101 - the caller's condition
    depth, rgb = view.depth.numpy(), view.rgb.numpy().astype(np.float32)
    step = DEPTH_STEP + 0.01 * depth
    edge = np.zeros(depth.shape, dtype=bool)
    for axis in (0, 1):
        jump = np.abs(np.diff(depth, axis=axis, append=np.nan)) > step
        change = np.abs(np.diff(rgb, axis=axis, append=np.nan)).max(axis=2) > COLOUR_STEP
        edge |= jump & change
    labels, count = ndimage.label(candidates & ~edge)
    if count == 0:
        return candidates & False
    sizes = np.bincount(labels.ravel())[1:]
    return np.asarray(labels == 1 + int(sizes.argmax()))


def _trimmed(points: Tensor) -> Tensor:
    """Drop the outermost 1 % of the points along every axis, the sensor's stray ones."""
    low, high = torch.quantile(points, torch.tensor([0.005, 0.995]), dim=0)
    return points[((points >= low) & (points <= high)).all(dim=1)]

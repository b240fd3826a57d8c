"""The pixels of one depth image that show an object: near its mask, before its background, connected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from locate3d_ros.geometry.camera import pixel_rays
from locate3d_ros.geometry.transforms import transform_points
from locate3d_ros.localization.background import Plane, Points, background_planes
from locate3d_ros.types import View

INSIDE = 0.7  # voxels from a mask voxel's centre, along the farthest axis: the voxel and the noise of what it holds
REACH = 1.5  # the mask and one voxel around it, where the object's depth points may lie
AROUND = 4.0  # where its background is looked for
DEPTH_STEP = 0.02  # metres, beside the noise: neighbouring pixels of one surface differ by less
COLOUR_STEP = 40.0  # of 255: neighbouring pixels of one region differ by less
MIN_PART = 0.05  # of the largest region's pixels in the mask: a smaller region says nothing
OWN_SHARE = 0.5  # of a region's pixels, for it to be the object's

ALL, BUT_LAST, BUT_FIRST = slice(None), slice(None, -1), slice(1, None)
NEIGHBOURS = (((BUT_LAST, ALL), (BUT_FIRST, ALL)), ((ALL, BUT_LAST), (ALL, BUT_FIRST)))  # of pixels: below, right


@dataclass(frozen=True)
class VisiblePart:
    """What one view shows of an object."""

    xyz: Points  # [n, 3] metres, map frame
    rgb: NDArray[np.float32]  # [n, 3] in [0, 1]
    planes: tuple[Plane, ...]
    noise: float  # of its depth, metres

    @property
    def margin(self) -> float:
        """How near to a plane of the background its points were cut off, metres."""
        return margin(self.noise)


def margin(noise: float) -> float:
    """Return how far in front of a plane points still belong to it, metres."""
    return 0.008 + 2.5 * noise


def depth_noise(depth: float) -> float:
    """Return the standard deviation of a depth camera's reading, metres: 1.5 mm at 1 m, growing with its square."""
    return 0.0015 * depth * depth


def visible_part(view: View, voxels: Points, voxel_size: float, up: Points) -> VisiblePart:
    """Find the object whose mask has these voxel centres (m, 3) in a view that has depth."""
    xyz, known = _points(view)
    distance = np.full(known.shape, np.inf)
    reach = AROUND * voxel_size
    distance[known] = cKDTree(voxels).query(xyz[known], p=np.inf, distance_upper_bound=reach)[0] / voxel_size
    inside, near = distance <= INSIDE, distance <= REACH
    depth = np.zeros(known.shape, dtype=np.float32) if view.depth is None else view.depth.numpy()
    noise = depth_noise(float(np.median(depth[inside]))) if inside.any() else 0.0
    camera = view.T_map_camera[:3, 3].numpy()
    planes = background_planes(xyz[(distance > REACH) & (distance <= AROUND)], xyz[inside], camera, up, noise)
    for plane in planes:
        near &= plane.height(xyz) > margin(noise)
    rgb = view.rgb.numpy()
    shown = _connected(near, inside, depth, rgb.astype(np.float32), DEPTH_STEP + 6.0 * noise)
    return VisiblePart(xyz[shown], (rgb[shown] / 255.0).astype(np.float32), tuple(planes), noise)


def _points(view: View) -> tuple[Points, NDArray[np.bool_]]:
    """Return every pixel's point (h, w, 3) in the map frame and where there is one."""
    depth = torch.zeros(view.rgb.shape[:2]) if view.depth is None else view.depth
    known = torch.isfinite(depth) & (depth > 0)
    in_camera = pixel_rays(view.intrinsics).double() * torch.where(known, depth, 0.0).double()[..., None]
    return transform_points(view.T_map_camera, in_camera).numpy(), known.numpy()


def _connected(
    near: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    depth: NDArray[np.float32],
    rgb: NDArray[np.float32],
    step: float,
) -> NDArray[np.bool_]:
    """Keep the regions, of pixels that agree with their neighbours in depth and colour, that are the mask's own.

    Of a thing beside the object that the mask touches most lies outside. A small patch of another colour on the object
    may be left out of its points; the box holds where the rest of the object reaches the same sides.
    """
    number = np.full(near.shape, -1)
    number[near] = np.arange(np.count_nonzero(near))
    starts, ends = [], []
    for first, second in NEIGHBOURS:
        joined = near[first] & near[second] & (np.abs(depth[first] - depth[second]) < step)
        joined &= np.abs(rgb[first] - rgb[second]).max(axis=2) < COLOUR_STEP
        starts.append(number[first][joined])
        ends.append(number[second][joined])
    edges = (np.concatenate(starts), np.concatenate(ends))
    count = int(number.max()) + 1
    graph = coo_matrix((np.ones(len(edges[0]), dtype=np.int8), edges), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    pixels = np.bincount(labels, minlength=1)
    own = np.bincount(labels, weights=inside[near], minlength=1)
    kept: NDArray[np.bool_] = near.copy()
    kept[near] = ((own >= MIN_PART * own.max()) & (own > OWN_SHARE * pixels))[labels]
    return kept

"""What a depth image sees through is no longer there: evidence per voxel, from more than one view.

A voxel counts as missed where a valid depth, and that of the pixels around it, lies behind it by more than a margin
that grows with depth squared, as the noise of depth cameras does. Without depth, behind something, or outside the
image there is no evidence. Seen again, a voxel starts anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from locate3d_ros.config import MappingConfig
from locate3d_ros.geometry.camera import project
from locate3d_ros.geometry.transforms import invert_transform, rotation_angle, transform_points
from locate3d_ros.mapping.cells import BLOCK_CELLS, BLOCK_EDGE, unpack_blocks
from locate3d_ros.mapping.grouping import compact
from locate3d_ros.mapping.occlusion import nearest_pixel
from locate3d_ros.mapping.voxel_grid import VoxelGrid
from locate3d_ros.types import Frame, Intrinsics

_VIEW_TRANSLATION = 0.05  # metres
_VIEW_ROTATION = 0.05  # radians
_VIEW_SECONDS = 0.5
_NEIGHBOURS = 1  # pixels to each side whose depth has to agree: thin things are missed by a pixel easily


@dataclass(frozen=True)
class Sight:
    """What one depth image can see through."""

    T_depth_map: Tensor  # [4, 4] float64
    intrinsics: Intrinsics  # of the depth image
    clear: Tensor  # [h * w] float32: metres up to which nothing is in the way; 0: not known
    config: MappingConfig
    view: int

    def margin(self, z: Tensor, voxel_size: float) -> Tensor:
        """Return by how much (n,) metres depth has to lie behind a voxel at depths z (n,)."""
        return voxel_size * math.sqrt(3) / 2 + self.config.carve_noise * z * z


class ViewCounter:
    """Numbers views: a camera's frames are the same view until it has moved, turned or waited."""

    def __init__(self) -> None:
        """Start without any camera."""
        self._count = 0
        self._last: dict[str, tuple[int, Tensor, float]] = {}

    def number(self, frame: Frame, T_map_camera: Tensor) -> int:
        """Return the number of the frame's view, above 0."""
        last = self._last.get(frame.camera)
        if last is not None:
            T_last_camera = invert_transform(last[1]) @ T_map_camera
            near = float(torch.linalg.vector_norm(T_last_camera[:3, 3])) < _VIEW_TRANSLATION
            if near and rotation_angle(T_last_camera) < _VIEW_ROTATION and abs(frame.stamp - last[2]) < _VIEW_SECONDS:
                return last[0]
        self._count += 1
        self._last[frame.camera] = (self._count, T_map_camera, frame.stamp)
        return self._count


def sight_of(frame: Frame, T_map_camera: Tensor, config: MappingConfig, view: int, device: torch.device) -> Sight:
    """Return what a frame's depth image sees through."""
    T_map_depth = T_map_camera
    if frame.T_camera_depth is not None:
        T_map_depth = T_map_camera @ frame.T_camera_depth.to(T_map_camera)
    depth = frame.depth.to(device, torch.float32)
    known = torch.isfinite(depth) & (depth > config.min_depth)
    far = torch.where(known, depth, float("inf"))
    nearest = -max_pool2d(-far[None, None], 2 * _NEIGHBOURS + 1, stride=1, padding=_NEIGHBOURS)[0, 0]
    clear = torch.where(known, nearest, 0.0).flatten()
    return Sight(invert_transform(T_map_depth), frame.depth_intrinsics or frame.intrinsics, clear, config, view)


def blocks_in_sight(grid: VoxelGrid, sight: Sight) -> Tensor:
    """Return [B] bool: the block may lie within the image and the depth limits. The device is asked nothing."""
    edge = BLOCK_EDGE * grid.voxel_size
    radius = edge * math.sqrt(3) / 2
    middles = (unpack_blocks(grid.blocks.keys).to(torch.float64) + 0.5) * edge
    x, y, z = transform_points(sight.T_depth_map, middles).unbind(dim=1)
    camera = sight.intrinsics
    inside = (z > sight.config.min_depth - radius) & (z < sight.config.max_depth + radius)
    sides = ((x, camera.fx, camera.cx, camera.width), (y, camera.fy, camera.cy, camera.height))
    for across, focal, center, size in sides:
        low, high = (-0.5 - center) / focal, (size - 0.5 - center) / focal
        inside &= across - low * z > -radius * math.hypot(1.0, low)
        inside &= across - high * z < radius * math.hypot(1.0, high)
    return inside


def carve(grid: VoxelGrid, sight: Sight, blocks: Tensor, count: int, revision: int) -> tuple[Tensor, Tensor]:
    """Remove what enough views in a row have seen through; blocks [B] bool of `blocks_in_sight`, `count` of them.

    Returns the voxels looked at: mean points (n, 3) float64, metres, and whether they are gone (n,) bool.
    """
    numbers = compact(blocks, count)
    rows = grid.blocks.rows.index_select(0, numbers).flatten().to(torch.int64)
    places = (numbers[:, None] * BLOCK_CELLS + torch.arange(BLOCK_CELLS, device=rows.device)).flatten()
    if rows.is_cpu:
        taken = rows.nonzero().squeeze(1)
        rows, places = rows[taken], places[taken]
    xyz = grid.centroids(rows)
    missed = (rows > 0) & (grid.columns["missed_view"][rows] != sight.view) & seen_through(xyz, sight, grid.voxel_size)
    misses = grid.columns["misses"][rows] + missed.to(torch.uint8)
    grid.columns["misses"][rows] = misses
    grid.columns["missed_view"][rows] = torch.where(missed, sight.view, grid.columns["missed_view"][rows])
    gone = missed & (misses >= sight.config.carve_views)
    grid.remove(rows, places, gone, revision)
    return xyz, gone


def seen_through(xyz: Tensor, sight: Sight, voxel_size: float) -> Tensor:
    """Return (n,) bool: the depth image sees through voxels of this size with mean points xyz (n, 3), metres."""
    uv, z = project(transform_points(sight.T_depth_map, xyz), sight.intrinsics)
    camera = sight.intrinsics
    u, v = uv.unbind(dim=1)
    inside = (u > -0.5) & (u < camera.width - 0.5) & (v > -0.5) & (v < camera.height - 0.5)
    inside &= (z > sight.config.min_depth) & (z < sight.config.max_depth)
    pixel = nearest_pixel(u, v, camera).clamp(0, camera.width * camera.height - 1)
    clear = sight.clear.index_select(0, pixel)
    return inside & (clear > z + sight.margin(z, voxel_size))

"""A frame on its way into the grids: everything is prepared on the device, then the host reads all counts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.mapping.carving import Sight, sight_of
from locate3d_ros.mapping.cells import CELL_LIMIT
from locate3d_ros.mapping.checks import contents
from locate3d_ros.mapping.frame_voxels import GroupedFrame, group_frame
from locate3d_ros.mapping.lifting import LiftedFrame, lift, select
from locate3d_ros.types import Frame, TokenTable


@dataclass(frozen=True)
class FrameUpdate:
    """A frame's points by voxel of each grid, and what its depth sees through."""

    lifted: LiftedFrame
    tables: tuple[TokenTable, ...]
    grouped: tuple[GroupedFrame, GroupedFrame]  # for voxels with features, for fine voxels
    sight: Sight | None  # None: nothing is carved
    view: int
    dropped: Tensor  # [] int64: points so far from the origin that no cell could name them


@dataclass(frozen=True)
class FrameCounts:
    """What the host has to know of a frame."""

    dropped: int
    contents: list[int]  # of the token tables
    grids: list[list[int]]


@dataclass(frozen=True)
class Viewpoint:
    """The pose and number of a frame's view."""

    T_map_camera: Tensor  # [4, 4] float64, on the CPU
    number: int


def prepare_frame(
    frame: Frame,
    viewpoint: Viewpoint,
    tables: tuple[TokenTable, ...],
    sizes: tuple[float, float],
    config: MappingConfig,
    device: torch.device,
) -> FrameUpdate:
    """Lift a frame and group its points for voxels of both sizes, metres. The device is asked nothing.

    Raises InputError where T_camera_depth is no rigid transform.
    """
    lifted = lift(frame, config, device)
    nameable = (lifted.xyz.abs() < (CELL_LIMIT - 1) * min(sizes)).all(dim=1)
    dropped = (lifted.valid & ~nameable).sum()
    lifted = select(lifted, nameable)
    rgb = frame.rgb.to(device)
    grouped = (group_frame(lifted, rgb, tables, sizes[0]), group_frame(lifted, rgb, (), sizes[1]))
    sight = None
    if config.carve_views > 0:
        sight = sight_of(frame, viewpoint.T_map_camera, config, viewpoint.number, device)
    return FrameUpdate(lifted, tables, grouped, sight, viewpoint.number, dropped)


def read_counts(update: FrameUpdate, grid_counts: Sequence[Tensor]) -> FrameCounts:
    """Read what the host has to know, in one go: the frame's only question to the device."""
    parts = (update.dropped[None], contents(update.tables, update.dropped.device), *grid_counts)
    numbers = torch.cat(parts).tolist()
    pieces = []
    for part in parts:
        pieces.append(numbers[: len(part)])
        numbers = numbers[len(part) :]
    return FrameCounts(pieces[0][0], pieces[1], pieces[2:])

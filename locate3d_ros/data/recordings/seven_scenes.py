"""The layout of the 7-Scenes data set: frame-000000.color.png, .depth.png, .pose.txt."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from locate3d_ros.data.recordings.frame_files import FrameFiles, find_frames, join_parts, read_parts
from locate3d_ros.data.recordings.poses import read_gravity, read_numbers
from locate3d_ros.data.recordings.recording import BadFileError, FolderRecording
from locate3d_ros.data.recordings.rig import Rig, with_size
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame, Intrinsics

PREFIX = "frame-"
# The data set's page gives this camera for all of its scenes. The files hold no image size: that comes with the images.
_DATA_SET_CAMERA = Intrinsics(fx=585.0, fy=585.0, cx=320.0, cy=240.0, width=1, height=1)
_RATE = 30.0  # Hz, of the Kinect


def load_seven_scenes(folder: Path) -> FolderRecording:
    """Open a folder in the 7-Scenes layout. Raises InputError where its camera or gravity file is unusable."""
    depth_path, color_path = folder / "camera-intrinsics.txt", folder / "camera-intrinsics-color.txt"
    depth = _read_camera(depth_path) if depth_path.exists() else _DATA_SET_CAMERA
    rig = Rig(color=_read_camera(color_path), depth=depth) if color_path.exists() else Rig(color=depth)
    T_map_world = read_gravity(folder)
    upright = torch.eye(4, dtype=torch.float64) if T_map_world is None else T_map_world
    readers = [partial(_read, files, rig, upright) for files in find_frames(folder, PREFIX)]
    return FolderRecording(folder, readers, "world" if T_map_world is None else "map")


def _read(files: FrameFiles, rig: Rig, T_map_world: Tensor) -> Frame:
    parts = read_parts(files)
    sized = replace(
        rig,
        color=with_size(rig.color, parts.rgb.shape),
        depth=with_size(rig.depth, parts.depth.shape) if rig.depth else None,
    )
    return join_parts(files, parts, sized, T_map_world, files.number / _RATE)


def _read_camera(path: Path) -> Intrinsics:
    """Read a 3x3 camera matrix."""
    fx, skew, cx, _, fy, cy, *bottom = read_numbers(path, 9).tolist()
    if skew != 0 or bottom != [0.0, 0.0, 1.0]:
        raise BadFileError(path, "not a camera matrix; give fx 0 cx / 0 fy cy / 0 0 1")
    try:
        return Intrinsics(fx, fy, cx, cy, width=1, height=1)
    except InputError as error:
        raise BadFileError.of(path, error) from None

"""The plain folder: 000000.color.jpg, .depth.png, .pose.txt and camera.json (DESIGN 5.5)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from locate3d_ros.data.recordings.camera_file import NAME, CameraFile, read_camera_file
from locate3d_ros.data.recordings.frame_files import FrameFiles, find_frames, join_parts, read_parts
from locate3d_ros.data.recordings.poses import read_gravity
from locate3d_ros.data.recordings.recording import BadFileError, FolderRecording
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame

PREFIX = ""


def load_plain(folder: Path) -> FolderRecording:
    """Open a plain folder. Raises InputError where its camera or gravity file is unusable."""
    camera_file = read_camera_file(folder / NAME)
    T_map_world = read_gravity(folder)
    upright = torch.eye(4, dtype=torch.float64) if T_map_world is None else T_map_world
    readers = [partial(_read, files, camera_file, upright) for files in find_frames(folder, PREFIX)]
    return FolderRecording(folder, readers, camera_file.frame_id if T_map_world is None else "map")


def _read(files: FrameFiles, camera_file: CameraFile, T_map_world: Tensor) -> Frame:
    try:
        stamp = camera_file.stamp(files.number)
    except InputError as error:
        raise BadFileError.of(files.color, error) from None
    return join_parts(files, read_parts(files), camera_file.rig_of(files.number), T_map_world, stamp)

"""Folders that hold three files per frame: colour, depth, pose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from locate3d_ros.data.recordings.image_io import read_depth, read_rgb
from locate3d_ros.data.recordings.poses import read_pose
from locate3d_ros.data.recordings.recording import BadFileError
from locate3d_ros.data.recordings.rig import Moment, Rig, make_frame
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame

_KIND = r"(\d+)\.(color\.(?:png|jpg|jpeg)|depth\.png|pose\.txt)"
_MILLIMETRES = 1000.0


@dataclass(frozen=True)
class FrameFiles:
    """The files of one frame; those that are missing are named all the same."""

    number: int  # in the files' names
    color: Path
    depth: Path
    pose: Path


def find_frames(folder: Path, prefix: str) -> list[FrameFiles]:
    """List the frames `<prefix><number>.color.png` … of a folder by number; one file of a frame is enough."""
    pattern = re.compile(re.escape(prefix) + _KIND)
    found: dict[int, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = pattern.fullmatch(path.name)
        if match:
            # Sorted names put .png after .jpg, so that the lossless one is taken where there are both.
            found.setdefault(int(match[1]), {"stem": folder / f"{prefix}{match[1]}"})[match[2].split(".")[0]] = path
    return [_frame_files(number, found[number]) for number in sorted(found)]


@dataclass(frozen=True)
class FrameParts:
    """What the files of one frame hold."""

    rgb: npt.NDArray[np.uint8]  # [H, W, 3]
    depth: npt.NDArray[np.float32]  # [h, w] metres
    T_world_camera: Tensor  # [4, 4] float64


def read_parts(files: FrameFiles) -> FrameParts:
    """Read the files of one frame. Raises BadFileError."""
    for path in (files.color, files.depth, files.pose):
        if not path.exists():
            raise BadFileError(path, "missing; add the file or remove the rest of this frame")
    return FrameParts(read_rgb(files.color), read_depth(files.depth, _MILLIMETRES), read_pose(files.pose))


def join_parts(files: FrameFiles, parts: FrameParts, rig: Rig, T_map_world: Tensor, stamp: float) -> Frame:
    """Make the frame, in the map frame. Raises BadFileError where image sizes and cameras do not fit."""
    try:
        return make_frame(parts.rgb, parts.depth, rig, Moment(T_map_world @ parts.T_world_camera, stamp))
    except InputError as error:
        raise BadFileError.of(files.color, error) from None


def _frame_files(number: int, found: dict[str, Path]) -> FrameFiles:
    stem = found["stem"]
    return FrameFiles(
        number,
        found.get("color", stem.with_name(stem.name + ".color.png")),
        found.get("depth", stem.with_name(stem.name + ".depth.png")),
        found.get("pose", stem.with_name(stem.name + ".pose.txt")),
    )

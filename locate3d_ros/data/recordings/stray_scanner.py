"""Stray Scanner, an app for phones with LiDAR: rgb.mp4, depth/, confidence/, odometry.csv, camera_matrix.csv.

Format: https://docs.strayrobots.io/apps/scanner/format.html. The camera frame is the optical one; the world is ARKit's,
y up.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from locate3d_ros.data.bad_file import BadFileError
from locate3d_ros.data.recordings.image_io import decode_depth, depth_in_metres
from locate3d_ros.data.recordings.poses import Upright, upright
from locate3d_ros.data.recordings.published import Picture
from locate3d_ros.data.recordings.quarter_turns import turn_picture, turn_pose, turns_to_upright
from locate3d_ros.data.recordings.recording import FolderRecording, SkippedFrame
from locate3d_ros.data.recordings.rig import Moment, Rig, make_frame
from locate3d_ros.data.recordings.video import VideoFile
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame, Intrinsics

VIDEO, TRACK, CAMERA = "rgb.mp4", "odometry.csv", "camera_matrix.csv"
SIGNS = {VIDEO, TRACK}
_COLUMNS = ("timestamp", "frame", "x", "y", "z", "qx", "qy", "qz", "qw")
_MILLIMETRES = 1000.0
_LEAST_CONFIDENCE = 1  # of 0 to 2: the app marks guesses at edges and far away with 0
_Y_UP_TO_Z_UP = torch.tensor([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64)
_MEND = "copy the recording from the phone again"


@dataclass(frozen=True)
class _Line:
    """One line of the track."""

    number: int  # of the frame
    stamp: float  # seconds
    T_world_camera: Tensor  # [4, 4] float64, world z up


@dataclass(frozen=True)
class _Scan:
    """What all frames share."""

    folder: Path
    video: VideoFile
    matrix: npt.NDArray[np.float64]  # [3, 3]
    turns: int  # quarters, counter-clockwise, until the pictures stand upright
    world: Upright


def load_stray_scanner(folder: Path) -> FolderRecording:
    """Open a recording. Raises InputError where its track or camera is unusable."""
    lines, rejected = _read_track(folder / TRACK)
    world = upright(folder, "map")
    turns = turns_to_upright([line.T_world_camera for line in lines])
    scan = _Scan(folder, VideoFile(folder / VIDEO), _read_matrix(folder / CAMERA), turns, world)
    return FolderRecording(folder, [partial(_read, line, scan) for line in lines], world.frame_id, rejected)


def _read(line: _Line, scan: _Scan) -> Frame:
    name = f"{line.number:06d}.png"
    rgb = scan.video.read(line.number)
    m = scan.matrix
    k = Intrinsics(m[0, 0], m[1, 1], m[0, 2], m[1, 2], rgb.shape[1], rgb.shape[0])
    depth = _read_depth(scan.folder / "depth" / name, scan.folder / "confidence" / name)
    picture = turn_picture(Picture(rgb, depth, k), scan.turns)
    T_map_camera = scan.world.T_map_world @ turn_pose(line.T_world_camera, scan.turns)
    try:
        return make_frame(picture.rgb, picture.depth, Rig(picture.intrinsics), Moment(T_map_camera, line.stamp))
    except InputError as error:
        raise BadFileError.of(scan.folder / "depth" / name, error) from None


def _read_depth(path: Path, confidence: Path) -> npt.NDArray[np.float32]:
    """Return depth [h, w] in metres, 0 where the app calls it a guess; older apps have no confidence."""
    depth = depth_in_metres(decode_depth(_bytes(path), path), _MILLIMETRES)
    if not confidence.parent.is_dir():
        return depth
    sure = cv2.imdecode(np.frombuffer(_bytes(confidence), np.uint8), cv2.IMREAD_GRAYSCALE)
    if sure is None or sure.shape != depth.shape:
        raise BadFileError(confidence, f"no image of depth's size; {_MEND}")
    depth[sure < _LEAST_CONFIDENCE] = 0.0
    return depth


def _bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error.strerror}); {_MEND}") from None
    if not content:
        raise BadFileError(path, f"empty file; {_MEND}")
    return content


def _read_matrix(path: Path) -> npt.NDArray[np.float64]:
    try:
        matrix = np.loadtxt(path, delimiter=",", dtype=np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise BadFileError(path, f"cannot be used ({error}); {_MEND}") from None
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise BadFileError(path, f"no 3x3 matrix of finite numbers; {_MEND}")
    return matrix


def _read_track(path: Path) -> tuple[list[_Line], list[SkippedFrame]]:
    """Read the track and list its wrong lines."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFileError(path, f"cannot be read ({error}); {_MEND}") from None
    if rows and not set(_COLUMNS) <= set(rows[0]):
        raise BadFileError(path, f"has no columns {', '.join(_COLUMNS)}; {_MEND}")
    lines, rejected = list[_Line](), list[SkippedFrame]()
    for number, row in enumerate(rows, start=2):
        line = _line(row)
        if line is None:
            rejected.append(SkippedFrame(f"{path} line {number}", f"no pose of finite numbers; {_MEND}"))
        else:
            lines.append(line)
    return lines, rejected


def _line(row: dict[str, str]) -> _Line | None:
    try:
        stamp, frame, *pose = (float(row[column]) for column in _COLUMNS)
        if not all(map(math.isfinite, (stamp, frame, *pose))) or frame < 0:
            return None
        rotation = Rotation.from_quat(pose[3:]).as_matrix()
    except (TypeError, ValueError):
        return None
    T_world_camera = torch.eye(4, dtype=torch.float64)
    T_world_camera[:3, :3] = torch.from_numpy(rotation)
    T_world_camera[:3, 3] = torch.tensor(pose[:3], dtype=torch.float64)
    return _Line(int(frame), stamp, _Y_UP_TO_Z_UP @ T_world_camera)

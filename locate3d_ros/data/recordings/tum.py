"""The layout of the TUM RGB-D benchmark: rgb.txt, depth.txt, groundtruth.txt, joined by time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from locate3d_ros.data.recordings import camera_file
from locate3d_ros.data.recordings.image_io import read_depth, read_rgb
from locate3d_ros.data.recordings.pose_track import PoseTrack, associate
from locate3d_ros.data.recordings.poses import read_gravity
from locate3d_ros.data.recordings.recording import BadFileError, FolderRecording, SkippedFrame
from locate3d_ros.data.recordings.rig import Moment, Rig, make_frame
from locate3d_ros.data.recordings.undistortion import Distortion
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame, Intrinsics

FILES = ("rgb.txt", "depth.txt", "groundtruth.txt")
_UNITS_PER_METRE = 5000.0  # of depth images; this and the cameras below are the data set's file format page
_MAX_DIFFERENCE = 0.02  # seconds between colour and depth; the data set's own association tool has the same default
_MAX_GAP = 0.5  # seconds between two poses that are interpolated


def _camera(fx: float, fy: float, cx: float, cy: float, *coefficients: float) -> Rig:
    distortion = Distortion("plumb_bob", coefficients) if coefficients else None
    return Rig(Intrinsics(fx, fy, cx, cy, width=640, height=480), distortion)


_CAMERAS = {
    "freiburg1": _camera(517.3, 516.5, 318.6, 255.3, 0.2624, -0.9531, -0.0054, 0.0026, 1.1633),
    "freiburg2": _camera(520.9, 521.0, 325.1, 249.7, 0.2312, -0.7849, -0.0033, -0.0001, 0.9172),
    "freiburg3": _camera(535.4, 539.2, 320.1, 247.6),
}
_DEFAULT_CAMERA = _camera(525.0, 525.0, 319.5, 239.5)


@dataclass(frozen=True)
class _Track:
    """What all frames share."""

    rig: Rig
    poses: PoseTrack  # T_world_camera
    T_map_world: Tensor


@dataclass(frozen=True)
class _Pair:
    """A colour image and, where there is one of the same time, its depth image."""

    stamp: float
    color: Path
    depth: Path | None


def load_tum(folder: Path) -> FolderRecording:
    """Open a folder of the TUM RGB-D layout. Raises InputError where one of its lists or its camera is unusable."""
    rejected: list[SkippedFrame] = []
    rgb, depth, truth = (
        _read_list(folder / name, count, rejected) for name, count in zip(FILES, (1, 1, 7), strict=True)
    )
    T_map_world = read_gravity(folder)
    upright = torch.eye(4, dtype=torch.float64) if T_map_world is None else T_map_world
    track = _Track(_rig(folder), _poses(folder / FILES[2], truth, rejected), upright)
    pairs = associate([line.stamp for line in rgb], [line.stamp for line in depth], _MAX_DIFFERENCE)
    readers = [
        partial(
            _read,
            _Pair(line.stamp, folder / line.words[0], folder / depth[pairs[i]].words[0] if i in pairs else None),
            track,
        )
        for i, line in enumerate(rgb)
    ]
    return FolderRecording(folder, readers, "world" if T_map_world is None else "map", rejected)


def _read(pair: _Pair, track: _Track) -> Frame:
    if pair.depth is None:
        raise BadFileError(pair.color, f"no depth image within {_MAX_DIFFERENCE} s; complete depth.txt")
    rgb, depth = read_rgb(pair.color), read_depth(pair.depth, _UNITS_PER_METRE)
    try:
        T_world_camera = track.poses.at(pair.stamp)
        return make_frame(rgb, depth, track.rig, Moment(track.T_map_world @ T_world_camera, pair.stamp))
    except InputError as error:
        raise BadFileError.of(pair.color, error) from None


def _rig(folder: Path) -> Rig:
    path = folder / camera_file.NAME
    if path.exists():
        return camera_file.read_camera_file(path).rig
    name = folder.resolve().name
    return next((rig for key, rig in _CAMERAS.items() if key in name), _DEFAULT_CAMERA)


@dataclass(frozen=True)
class _Line:
    stamp: float
    words: list[str]
    place: str  # file and line number


def _read_list(path: Path, count: int, rejected: list[SkippedFrame]) -> list[_Line]:
    """Read lines of a stamp and `count` words, sorted by stamp; lines of another form are rejected."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error.strerror}); a TUM folder has {', '.join(FILES)}") from None
    except UnicodeDecodeError:
        raise BadFileError(path, "not a text file; give one line per image: stamp and file name") from None
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        stamp, place = _stamp(words[0]), f"{path} line {number}"
        if math.isfinite(stamp) and len(words) > count:
            lines.append(_Line(stamp, words[1:], place))
        else:
            rejected.append(SkippedFrame(place, f"not a stamp and {count} values; correct the line"))
    if not lines:
        raise BadFileError(path, "lists nothing; give one line per image or pose, stamp first")
    return sorted(lines, key=lambda line: line.stamp)


def _stamp(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def _poses(path: Path, lines: list[_Line], rejected: list[SkippedFrame]) -> PoseTrack:
    track = PoseTrack(_MAX_GAP)
    for line in lines:
        try:
            x, y, z, qx, qy, qz, qw = (float(word) for word in line.words[:7])
            track.add(line.stamp, (x, y, z), (qx, qy, qz, qw))
        except ValueError as error:
            rejected.append(SkippedFrame(line.place, f"{error}; correct the line"))
    if not len(track):
        raise BadFileError(path, "holds no usable pose; give lines of stamp tx ty tz qx qy qz qw")
    return track

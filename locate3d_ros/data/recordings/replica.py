"""Replica rendered along a path, in the layout of NICE-SLAM: results/frame000000.jpg, depth000000.png, traj.txt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from locate3d_ros.data.json_files import object_of, read_json
from locate3d_ros.data.recordings.image_io import read_depth, read_rgb
from locate3d_ros.data.recordings.poses import rigid_pose, upright
from locate3d_ros.data.recordings.recording import BadFileError, FolderRecording
from locate3d_ros.data.recordings.rig import Moment, Rig, make_frame
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame, Intrinsics

IMAGES, TRACK, CAMERA = "results", "traj.txt", "cam_params.json"
_COLOR = re.compile(r"frame(\d+)\.(?:jpg|png)")
_RATE = 30.0  # Hz; the layout has no times


@dataclass(frozen=True)
class _Camera:
    """The camera of all frames, and how its depth images count."""

    intrinsics: Intrinsics
    units_per_metre: float


# The one that NICE-SLAM's download has for all of its scenes.
_DATA_SET_CAMERA = _Camera(Intrinsics(600.0, 600.0, 599.5, 339.5, 1200, 680), 6553.5)


@dataclass(frozen=True)
class _Files:
    number: int
    color: Path
    depth: Path


def load_replica(folder: Path) -> FolderRecording:
    """Open a scene. Raises InputError where its track or camera is unusable.

    The renderings are z-up, so the frame is "map". A frame's pose is the line of traj.txt with its number.
    """
    camera = _camera(folder)
    lines = _lines(folder / TRACK)
    world = upright(folder, "map")
    colors = sorted((int(m[1]), path) for path in (folder / IMAGES).glob("*") if (m := _COLOR.fullmatch(path.name)))
    readers = []
    for number, color in colors:
        depth = color.with_name(f"depth{color.stem.removeprefix('frame')}.png")
        readers.append(partial(_read, _Files(number, color, depth), lines, camera, world.T_map_world))
    return FolderRecording(folder, readers, world.frame_id)


def _read(files: _Files, lines: list[str], camera: _Camera, T_map_world: Tensor) -> Frame:
    pose = _pose(files, lines)
    rgb, depth = read_rgb(files.color), read_depth(files.depth, camera.units_per_metre)
    try:
        return make_frame(rgb, depth, Rig(camera.intrinsics), Moment(T_map_world @ pose, files.number / _RATE))
    except InputError as error:
        raise BadFileError.of(files.color, error) from None


def _pose(files: _Files, lines: list[str]) -> Tensor:
    """Read T_world_camera [4, 4], camera axes x right, y down, z forward."""
    track = files.color.parent.parent / TRACK
    if files.number >= len(lines):
        raise BadFileError(files.color, f"no pose: {TRACK} has {len(lines)} lines; complete it")
    name = Path(f"{track} line {files.number + 1}")
    try:
        numbers = [float(word) for word in lines[files.number].split()]
    except ValueError as error:
        raise BadFileError(name, f"{error}; give 16 numbers") from None
    if len(numbers) != 16:
        raise BadFileError(name, f"{len(numbers)} numbers; give 16")
    return rigid_pose(name, torch.tensor(numbers, dtype=torch.float64).reshape(4, 4))


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error.strerror}); restore it") from None
    except UnicodeDecodeError:
        raise BadFileError(path, "not a text file; give 16 numbers a line") from None


def _camera(folder: Path) -> _Camera:
    """Read cam_params.json, which lies in the scene's folder or, for all scenes, above it."""
    path = next((place / CAMERA for place in (folder, folder.resolve().parent) if (place / CAMERA).is_file()), None)
    if path is None:
        return _DATA_SET_CAMERA
    mend = 'give {"camera": {"w", "h", "fx", "fy", "cx", "cy", "scale"}}'
    content = read_json(path, mend)
    try:
        values = object_of(object_of(content, "the file")["camera"], "camera")
        fx, fy, cx, cy, scale = (float(values[key]) for key in ("fx", "fy", "cx", "cy", "scale"))  # type: ignore[arg-type]
        size = int(values["w"]), int(values["h"])  # type: ignore[call-overload]
        camera = _Camera(Intrinsics(fx, fy, cx, cy, *size), scale)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadFileError(path, f"cannot be used ({error}); {mend}") from None
    if not 0 < scale < float("inf"):
        raise BadFileError(path, f"scale = {scale:g}; give units per metre, above 0")
    return camera

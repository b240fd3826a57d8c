"""ARKitScenes: lowres_wide/, lowres_depth/, lowres_wide_intrinsics/ and lowres_wide.traj of one video."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from locate3d_ros.config import RecordingConfig
from locate3d_ros.data.recordings.arkit_track import ArkitTrack, read_arkit_track
from locate3d_ros.data.recordings.image_io import read_depth, read_rgb
from locate3d_ros.data.recordings.poses import read_numbers, upright
from locate3d_ros.data.recordings.published import Picture
from locate3d_ros.data.recordings.quarter_turns import turn_picture, turn_pose, turns_to_upright
from locate3d_ros.data.recordings.recording import BadFileError, FolderRecording
from locate3d_ros.data.recordings.rig import Moment, Rig, make_frame
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame, Intrinsics

COLOR, DEPTH, CAMERAS, TRACK = "lowres_wide", "lowres_depth", "lowres_wide_intrinsics", "lowres_wide.traj"
FRAMES_SUFFIX = "_frames"  # of the folder between, in the part for object detection
_NAME = re.compile(r"\d+_(\d+\.\d+)\.(?:png|pincam)")
_SAME_TIME = 0.002  # seconds: names of one moment differ in the last digit
_MILLIMETRES = 1000.0


@dataclass(frozen=True)
class _Files:
    stamp: float
    color: Path
    depth: Path
    camera: Path | None


@dataclass(frozen=True)
class _Video:
    """What all frames share."""

    track: ArkitTrack
    turns: int  # quarters, counter-clockwise
    T_map_world: Tensor
    published: bool

    def pose(self, stamp: float) -> Tensor:
        """Return T_world_camera [4, 4] of the image as it is in its file."""
        return self.track.published_at(stamp) if self.published else self.track.at(stamp)


def frames_folder(folder: Path) -> Path | None:
    """Find where the images of a video lie, in its folder or one below; None where it is no such video."""
    places = [folder, *sorted(folder.glob(f"*{FRAMES_SUFFIX}"))]
    return next((place for place in places if (place / COLOR).is_dir()), None)


def load_arkitscenes(folder: Path, config: RecordingConfig) -> FolderRecording:
    """Open a video. Raises InputError where its pose track is unusable.

    Its frames are the colour images that have depth, for the data set has gaps; the world is z-up by ARKit.
    """
    track, rejected = read_arkit_track(folder / TRACK)
    files = _files(folder)
    world = upright(folder, "map")
    published = config.protocol == "locate3d"
    turns = turns_to_upright(_poses(track, files[:: config.step]))
    video = _Video(track, turns, world.T_map_world, published)
    return FolderRecording(folder, [partial(_read, one, video) for one in files], world.frame_id, rejected)


def _files(folder: Path) -> list[_Files]:
    colors, cameras = _by_time(folder / COLOR), _by_time(folder / CAMERAS)
    depths = {path.name for path in (folder / DEPTH).glob("*.png")}
    stamps = sorted(cameras)
    return [
        _Files(stamp, path, folder / DEPTH / path.name, _nearest(cameras, stamps, stamp))
        for stamp, path in sorted(colors.items())
        if path.name in depths
    ]


def _by_time(folder: Path) -> dict[float, Path]:
    return {float(match[1]): path for path in folder.glob("*") if (match := _NAME.fullmatch(path.name))}


def _nearest(paths: dict[float, Path], stamps: list[float], stamp: float) -> Path | None:
    at = bisect_left(stamps, stamp)
    near = [s for s in stamps[max(at - 1, 0) : at + 1] if abs(s - stamp) <= _SAME_TIME]
    return paths[min(near, key=lambda s: abs(s - stamp))] if near else None


def _poses(track: ArkitTrack, files: list[_Files]) -> list[Tensor]:
    return [track.published_at(one.stamp) for one in files]


def _read(files: _Files, video: _Video) -> Frame:
    if files.camera is None:
        raise BadFileError(files.color, f"no .pincam file of its time in {CAMERAS}; download the intrinsics")
    k = _camera(files.camera)
    rgb, depth = read_rgb(files.color), read_depth(files.depth, _MILLIMETRES)
    picture = turn_picture(Picture(rgb, depth, k), video.turns, last_pixel=0.0 if video.published else 1.0)
    try:
        T_world_camera = turn_pose(video.pose(files.stamp), video.turns)
        moment = Moment(video.T_map_world @ T_world_camera, files.stamp)
        return make_frame(picture.rgb, picture.depth, Rig(picture.intrinsics), moment)
    except InputError as error:
        raise BadFileError.of(files.color, error) from None


def _camera(path: Path) -> Intrinsics:
    """Read a .pincam file: width height fx fy cx cy."""
    numbers = read_numbers(path, 6)
    if not torch.isfinite(numbers).all():
        raise BadFileError(path, "holds nan or infinity; download it again")
    width, height, fx, fy, cx, cy = numbers.tolist()
    try:
        return Intrinsics(fx, fy, cx, cy, int(width), int(height))
    except InputError as error:
        raise BadFileError.of(path, error) from None

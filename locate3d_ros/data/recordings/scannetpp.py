"""ScanNet++ iPhone recordings, their video and depth extracted as the data set's toolkit does it."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from torch import Tensor

from locate3d_ros.config import RecordingConfig
from locate3d_ros.data.recordings.image_io import read_depth, read_rgb
from locate3d_ros.data.recordings.poses import upright
from locate3d_ros.data.recordings.published import Picture, resize_by_sampling
from locate3d_ros.data.recordings.recording import BadFileError, FolderRecording
from locate3d_ros.data.recordings.rig import Moment, Rig, make_frame
from locate3d_ros.data.recordings.scannetpp_poses import ARKIT, COLMAP, NERFSTUDIO, PosedFrame, read_posed_frames
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame

PHONE = "iphone"
SIGNS = (ARKIT, COLMAP, NERFSTUDIO)  # one of them beside rgb and depth tells an iphone folder
_NUMBER = re.compile(r"\d+$")
_RATE = 60.0  # Hz, of the video
_MILLIMETRES = 1000.0
_EXTRACT = "extract video and depth with the data set's toolkit (iphone.prepare_iphone_data)"


def load_scannetpp(folder: Path, config: RecordingConfig) -> FolderRecording:
    """Open an iphone folder. Raises InputError where its images are not extracted or its poses are unusable.

    The world is that of the laser scan, which the data set has aligned with z up.
    """
    for part in ("rgb", "depth"):
        if not (folder / part).is_dir():
            raise BadFileError(folder / part, f"no such folder; {_EXTRACT}")
    published = config.protocol == "locate3d"
    poses = "arkit" if published and config.poses == "auto" else config.poses
    found = read_posed_frames(folder, poses)
    world = upright(folder, "map")
    readers = [partial(_read, folder, frame, world.T_map_world, published) for frame in found.frames]
    return FolderRecording(folder, readers, world.frame_id, found.rejected)


def _read(folder: Path, frame: PosedFrame, T_map_world: Tensor, published: bool) -> Frame:
    color = _image(folder / "rgb", frame.name)
    rgb, depth = read_rgb(color), read_depth(folder / "depth" / f"{frame.name}.png", _MILLIMETRES)
    moment = Moment(T_map_world @ frame.T_world_camera, _stamp(frame))
    try:
        if published:
            picture = resize_by_sampling(Picture(rgb, depth, frame.intrinsics))
            return make_frame(picture.rgb, picture.depth, Rig(picture.intrinsics), moment)
        return make_frame(rgb, depth, Rig(frame.intrinsics, frame.distortion), moment)
    except InputError as error:
        raise BadFileError.of(color, error) from None


def _image(folder: Path, name: str) -> Path:
    """Return the JPEG, or else the PNG of a frame."""
    for path in (folder / f"{name}.jpg", folder / f"{name}.png"):
        if path.is_file():
            return path
    raise BadFileError(folder / f"{name}.jpg", f"missing; {_EXTRACT}")


def _stamp(frame: PosedFrame) -> float:
    number = _NUMBER.search(frame.name)
    if frame.stamp is not None or number is None:
        return frame.stamp or 0.0
    return int(number[0]) / _RATE

"""ScanNet's sensor stream, one binary file `.sens` (version 4 of sensorData.h in ScanNet's SensReader)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from locate3d_ros.config import RecordingConfig
from locate3d_ros.data.recordings.image_io import decode_rgb, depth_in_metres
from locate3d_ros.data.recordings.poses import Upright, rigid_pose
from locate3d_ros.data.recordings.recording import BadFileError, FolderRecording, SkippedFrame
from locate3d_ros.data.recordings.rig import Moment
from locate3d_ros.data.recordings.scannet_frame import Images, ScanRig, scan_frame
from locate3d_ros.data.recordings.scannet_scan import RATE, SCAN_NAME, camera_of, scan_upright
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame

SUFFIX = ".sens"
_VERSION = 4
_MATRICES = struct.Struct("<64f")  # colour intrinsics, colour extrinsics, depth intrinsics, depth extrinsics
_FORM = struct.Struct("<iiIIIIfQ")  # compressions of colour and depth, both sizes, units per metre, frames
_FRAME = struct.Struct("<16f4Q")  # camera to world, both stamps, bytes of colour and depth
_COLOR_FORMS = {1: "png", 2: "jpeg"}
_RAW, _ZLIB = 0, 1  # of depth
_MEND = "download the file again"
_LONGEST_NAME = 1 << 16
_LARGEST_SIDE = 1 << 14


@dataclass(frozen=True)
class _Header:
    """What the file says of all its frames."""

    rig: ScanRig
    depth_form: int
    units_per_metre: float
    frames: int


@dataclass(frozen=True)
class _Place:
    """Where in the file one frame lies."""

    number: int
    offset: int  # of its colour image
    color_bytes: int
    depth_bytes: int
    T_world_camera: tuple[float, ...]  # 16 numbers, row-major


def load_sens(path: Path, config: RecordingConfig) -> FolderRecording:
    """Open a sensor stream. Raises InputError where its head is unusable; what is cut off is listed as rejected."""
    try:
        with path.open("rb") as file:
            header = _read_header(path, file)
            places = list(_walk(file, header.frames, path.stat().st_size))
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error.strerror}); check the path") from None
    name = found[0] if (found := SCAN_NAME.search(path.stem)) else path.stem
    upright = scan_upright(path.parent, name)
    lacking = header.frames - len(places)
    cut = f"truncated: the last {lacking} of {header.frames} frames are missing; {_MEND}"
    rejected = [SkippedFrame(str(path), cut)] if lacking else []
    readers = [partial(_read, path, header, place, upright, config) for place in places]
    return FolderRecording(path, readers, upright.frame_id, rejected)


def _read_header(path: Path, file: BinaryIO) -> _Header:
    try:
        version, length = struct.unpack("<IQ", file.read(12))
        if version != _VERSION or length > _LONGEST_NAME:
            raise BadFileError(path, f"not a .sens file of version {_VERSION}; {_MEND}")
        file.read(length)
        matrices = torch.tensor(_MATRICES.unpack(file.read(_MATRICES.size)), dtype=torch.float64).reshape(4, 4, 4)
        color_form, depth_form, *sizes, units, frames = _FORM.unpack(file.read(_FORM.size))
    except struct.error:
        raise BadFileError(path, f"truncated before the first frame; {_MEND}") from None
    if color_form not in _COLOR_FORMS or depth_form not in (_RAW, _ZLIB):
        forms = f"colour compression {color_form}, depth compression {depth_form}"
        raise BadFileError(path, f"{forms}; only PNG or JPEG (1, 2) and raw or zlib (0, 1) are read")
    if not all(0 < side <= _LARGEST_SIDE for side in sizes) or not 0 < units < float("inf"):
        raise BadFileError(path, f"images of {sizes} pixels, {units:g} units per metre; {_MEND}")
    return _Header(_rig(path, matrices, sizes), depth_form, units, frames)


def _rig(path: Path, matrices: Tensor, sizes: list[int]) -> ScanRig:
    for extrinsics in (matrices[1], matrices[3]):
        if not torch.allclose(extrinsics, torch.eye(4, dtype=torch.float64), atol=1e-6):
            raise BadFileError(path, "its cameras do not share one pose; extract the frames as a plain folder")
    return ScanRig(camera_of(path, matrices[0], *sizes[:2]), camera_of(path, matrices[2], *sizes[2:]))


def _walk(file: BinaryIO, frames: int, size: int) -> Iterator[_Place]:
    """Find the frames without reading their images; ends where the file does."""
    for number in range(frames):
        head = file.read(_FRAME.size)
        if len(head) < _FRAME.size:
            return
        *pose, _, _, color_bytes, depth_bytes = _FRAME.unpack(head)
        offset = file.tell()
        if offset + color_bytes + depth_bytes > size:
            return
        yield _Place(number, offset, color_bytes, depth_bytes, tuple(pose))
        file.seek(color_bytes + depth_bytes, 1)


def _read(path: Path, header: _Header, place: _Place, upright: Upright, config: RecordingConfig) -> Frame:
    name = f"{path} frame {place.number}"
    with path.open("rb") as file:
        file.seek(place.offset)
        color, depth = file.read(place.color_bytes), file.read(place.depth_bytes)
    try:
        pose = torch.tensor(place.T_world_camera, dtype=torch.float64).reshape(4, 4)
        T_world_camera = rigid_pose(Path(name), pose)
        images = Images(decode_rgb(color, name), _depth(name, depth, header))
        moment = Moment(upright.T_map_world @ T_world_camera, place.number / RATE)
        return scan_frame(images, header.rig, moment, config)
    except InputError as error:
        raise BadFileError.of(name, error) from None


def _depth(name: str, blob: bytes, header: _Header) -> npt.NDArray[np.float32]:
    """Unpack uint16 depth -> [h, w] metres."""
    camera = header.rig.depth
    expected = 2 * camera.width * camera.height
    if header.depth_form == _ZLIB:
        try:
            # One byte more than an image has: a damaged stream may unpack to gigabytes.
            blob = zlib.decompressobj().decompress(blob, expected + 1)
        except zlib.error as error:
            raise BadFileError(name, f"damaged depth ({error}); {_MEND}") from None
    if len(blob) != expected:
        raise BadFileError(name, f"depth of {len(blob)} bytes instead of {expected}; {_MEND}")
    raw = np.frombuffer(blob, dtype="<u2").reshape(camera.height, camera.width)
    return depth_in_metres(raw, header.units_per_metre)

"""ScanNet scans with their frames extracted: as SensReader writes them, and as "posed images" beside one matrix."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from locate3d_ros.config import RecordingConfig
from locate3d_ros.data.recordings.image_io import read_depth, read_rgb
from locate3d_ros.data.recordings.poses import Upright, read_numbers, read_pose
from locate3d_ros.data.recordings.recording import BadFileError, FolderRecording
from locate3d_ros.data.recordings.rig import Moment
from locate3d_ros.data.recordings.scannet_frame import Images, ScanRig, scan_frame
from locate3d_ros.data.recordings.scannet_scan import RATE, SCAN_NAME, camera_of, scan_upright
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame, Intrinsics

FOLDERS = ("color", "depth", "pose")
MATRIX = "intrinsic.txt"  # of posed images: one camera for colour and depth
POSED_FILE = re.compile(r"\d+\.(jpg|png|txt)")
_NUMBER = re.compile(r"\d+")
_MILLIMETRES = 1000.0


@dataclass(frozen=True)
class _Files:
    """The files of one frame."""

    number: int
    color: Path
    depth: Path
    pose: Path


@dataclass(frozen=True)
class _Cameras:
    """The matrices' files of a scan; one and the same where depth is registered to colour."""

    color: Path
    depth: Path


def load_scannet(folder: Path, config: RecordingConfig) -> FolderRecording:
    """Open a folder with color/, depth/, pose/ and intrinsic/. Raises InputError where a camera matrix is unusable."""
    matrices = folder / "intrinsic" if (folder / "intrinsic").is_dir() else folder
    cameras = _Cameras(matrices / "intrinsic_color.txt", matrices / "intrinsic_depth.txt")
    color, depth, pose = (folder / name for name in FOLDERS)
    numbers = _numbers(path for part in (color, depth, pose) for path in part.glob("*"))
    suffixes = {int(path.stem): path for path in color.glob("*") if _NUMBER.fullmatch(path.stem)}
    files = [
        _Files(n, suffixes.get(n, color / f"{n}.jpg"), depth / f"{n}.png", pose / f"{n}.txt") for n in sorted(numbers)
    ]
    return _recording(folder, files, cameras, config)


def load_posed_images(folder: Path, config: RecordingConfig) -> FolderRecording:
    """Open a folder of 00000.jpg, .png, .txt and intrinsic.txt. Raises InputError where that matrix is unusable."""
    stems = {int(path.stem): path.stem for path in folder.iterdir() if POSED_FILE.fullmatch(path.name)}
    files = [
        _Files(n, folder / f"{stem}.jpg", folder / f"{stem}.png", folder / f"{stem}.txt")
        for n, stem in sorted(stems.items())
    ]
    return _recording(folder, files, _Cameras(folder / MATRIX, folder / MATRIX), config)


def _recording(folder: Path, files: list[_Files], cameras: _Cameras, config: RecordingConfig) -> FolderRecording:
    for path in (cameras.color, cameras.depth):
        read_numbers(path, 16)
    upright = scan_upright(*_scan(folder))
    readers = [partial(_read, one, cameras, upright, config) for one in files]
    return FolderRecording(folder, readers, upright.frame_id)


def _scan(folder: Path) -> tuple[Path, str]:
    """Find the folder of `<scan>.txt` and the scan's name: the frames' folder or the one above."""
    resolved = folder.resolve()
    for place in (resolved, resolved.parent):
        if SCAN_NAME.fullmatch(place.name):
            return place, place.name
    return folder, folder.name


def _read(files: _Files, cameras: _Cameras, upright: Upright, config: RecordingConfig) -> Frame:
    for path in (files.color, files.depth, files.pose):
        if not path.exists():
            raise BadFileError(path, "missing; add the file or remove the rest of this frame")
    rgb, depth, pose = read_rgb(files.color), read_depth(files.depth, _MILLIMETRES), read_pose(files.pose)
    # Posed images have colour's matrix for both; then depth counts as registered, whatever its size.
    shape = rgb.shape if cameras.depth == cameras.color else depth.shape
    rig = ScanRig(_camera(cameras.color, rgb.shape), _camera(cameras.depth, shape))
    try:
        return scan_frame(Images(rgb, depth), rig, Moment(upright.T_map_world @ pose, files.number / RATE), config)
    except InputError as error:
        raise BadFileError.of(files.color, error) from None


def _camera(path: Path, shape: tuple[int, ...]) -> Intrinsics:
    return camera_of(path, read_numbers(path, 16).reshape(4, 4), width=shape[1], height=shape[0])


def _numbers(paths: Iterable[Path]) -> set[int]:
    return {int(path.stem) for path in paths if _NUMBER.fullmatch(path.stem)}

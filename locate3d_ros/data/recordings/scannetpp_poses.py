"""Whose poses a ScanNet++ iPhone recording has: the phone's own, COLMAP's, or those of nerfstudio's transforms.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from locate3d_ros.data.json_files import list_of, object_of, read_json, text_of
from locate3d_ros.data.recordings.poses import matrix_of, rigid_pose
from locate3d_ros.data.recordings.recording import BadFileError, SkippedFrame
from locate3d_ros.data.recordings.scannet_scan import camera_of
from locate3d_ros.data.recordings.undistortion import Distortion
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import invert_transform, matrix_from_quaternion
from locate3d_ros.types import Intrinsics

ARKIT, COLMAP, NERFSTUDIO = "pose_intrinsic_imu.json", "colmap", "nerfstudio"
WIDTH, HEIGHT = 1920, 1440  # of the phone's video; the phone's intrinsics are of this size
_MEND = "download it again"
_MODELS = {"OPENCV": "plumb_bob", "PINHOLE": "plumb_bob", "OPENCV_FISHEYE": "equidistant"}
# nerfstudio's world has COLMAP's x and y exchanged and z turned round, and its cameras look along -z with y up.
_NERFSTUDIO_WORLD = torch.tensor([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]], dtype=torch.float64)
_GRAPHICS_CAMERA = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))


@dataclass(frozen=True)
class PosedFrame:
    """One image of the video: its name without suffix, camera and pose."""

    name: str
    intrinsics: Intrinsics
    distortion: Distortion | None
    T_world_camera: Tensor  # [4, 4] float64
    stamp: float | None  # seconds, where the file has it


@dataclass(frozen=True)
class PosedFrames:
    """The images that have poses, in the file's order, and the entries that were wrong."""

    frames: tuple[PosedFrame, ...]
    rejected: tuple[SkippedFrame, ...]


def read_posed_frames(folder: Path, poses: str) -> PosedFrames:
    """Read the poses of an iphone folder: arkit, colmap, nerfstudio; auto takes COLMAP's where there are.

    Raises BadFileError where the file as a whole is unusable; wrong entries are listed.
    """
    if poses == "auto":
        kinds = ((COLMAP, COLMAP), (NERFSTUDIO, NERFSTUDIO))
        poses = next((kind for kind, place in kinds if (folder / place).is_dir()), "arkit")
    if poses == COLMAP:
        return _read_colmap(folder / COLMAP)
    if poses == NERFSTUDIO:
        return _read_nerfstudio(folder / NERFSTUDIO / "transforms.json")
    return _read_arkit(folder / ARKIT)


def _read_arkit(path: Path) -> PosedFrames:
    entries = read_json(path, _MEND)
    if not isinstance(entries, Mapping):
        raise BadFileError(path, f"not an object of frames; {_MEND}")

    def frame(name: str) -> PosedFrame:
        entry = object_of(entries[name], name)
        K = matrix_of(entry["intrinsic"], 3)
        pose = rigid_pose(path, matrix_of(entry["aligned_pose"], 4))
        stamp = entry.get("timestamp")
        return PosedFrame(
            name,
            camera_of(path, K, WIDTH, HEIGHT),
            None,
            pose,
            float(stamp) if isinstance(stamp, (int, float)) else None,
        )

    return _collect(path, list(entries), frame)


def _read_colmap(folder: Path) -> PosedFrames:
    """Read cameras.txt and images.txt: of each image one line of pose and name, then one of its points."""
    cameras, images = folder / "cameras.txt", folder / "images.txt"
    lens = {line.split()[0]: _colmap_camera(cameras, line.split()) for line in _lines(cameras) if line.strip()}

    def frame(line: str) -> PosedFrame:
        words = line.split()
        qw, qx, qy, qz, x, y, z = (float(word) for word in words[1:8])
        T_camera_world = matrix_from_quaternion((x, y, z), (qx, qy, qz, qw))
        intrinsics, distortion = lens[words[8]]
        return PosedFrame(Path(words[9]).stem, intrinsics, distortion, invert_transform(T_camera_world), None)

    found = _collect(images, [line for line in _lines(images)[::2] if line.strip()], frame)
    return PosedFrames(tuple(sorted(found.frames, key=lambda one: one.name)), found.rejected)


def _colmap_camera(path: Path, words: Sequence[str]) -> tuple[Intrinsics, Distortion | None]:
    """Read CAMERA_ID MODEL WIDTH HEIGHT fx fy cx cy and the lens's coefficients."""
    try:
        model, width, height = words[1], int(words[2]), int(words[3])
        fx, fy, cx, cy, *lens = (float(word) for word in words[4:])
        # COLMAP's pixel centres are at halves.
        intrinsics = Intrinsics(fx, fy, cx - 0.5, cy - 0.5, width, height)
        return intrinsics, _distortion(model, tuple(lens))
    except (IndexError, ValueError) as error:
        raise BadFileError(path, f"camera {' '.join(words[:2])}: {error}; give OPENCV cameras as published") from None


def _distortion(model: str, coefficients: tuple[float, ...]) -> Distortion | None:
    if model not in _MODELS:
        raise InputError(f"model {model!r} is none of {', '.join(_MODELS)}")
    return Distortion(_MODELS[model], coefficients) if any(coefficients) else None


def _read_nerfstudio(path: Path) -> PosedFrames:
    content = read_json(path, _MEND)
    try:
        values = object_of(content, "the file")
        numbers = {key: float(values[key]) for key in ("fl_x", "fl_y", "cx", "cy", "w", "h")}  # type: ignore[arg-type]
        lens = tuple(float(values.get(key, 0.0)) for key in ("k1", "k2", "p1", "p2"))  # type: ignore[arg-type]
        size = int(numbers["w"]), int(numbers["h"])
        focal, center = (numbers["fl_x"], numbers["fl_y"]), (numbers["cx"] - 0.5, numbers["cy"] - 0.5)
        intrinsics, distortion = Intrinsics(*focal, *center, *size), _distortion(str(values["camera_model"]), lens)
        entries = [entry for key in ("frames", "test_frames") for entry in list_of(values.get(key, []), key)]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadFileError(path, f"cannot be used ({error}); {_MEND}") from None

    def frame(entry: object) -> PosedFrame:
        item = object_of(entry, "a frame")
        pose = rigid_pose(path, matrix_of(item["transform_matrix"], 4))
        T_world_camera = _NERFSTUDIO_WORLD @ pose @ _GRAPHICS_CAMERA
        name = Path(text_of(item["file_path"], "file_path")).stem
        return PosedFrame(name, intrinsics, distortion, T_world_camera, None)

    found = _collect(path, entries, frame)
    return PosedFrames(tuple(sorted(found.frames, key=lambda one: one.name)), found.rejected)


def _collect(path: Path, entries: Sequence[object], read: Callable[..., PosedFrame]) -> PosedFrames:
    """Read entry after entry; wrong ones are listed by their position."""
    frames, rejected = [], []
    for number, entry in enumerate(entries):
        try:
            frames.append(read(entry))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            reason = str(error) if not isinstance(error, KeyError) else f"{error} is missing"
            rejected.append(SkippedFrame(f"{path} entry {number}", f"{reason.removeprefix(f'{path}: ')}; {_MEND}"))
    return PosedFrames(tuple(frames), tuple(rejected))


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error.strerror}); {_MEND}") from None
    except UnicodeDecodeError:
        raise BadFileError(path, f"not a text file; {_MEND}") from None

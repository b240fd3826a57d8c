"""The camera file of a plain folder, `camera.json` (docs/recordings.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from torch import Tensor

from locate3d_ros.data.recordings.poses import matrix_of, rigid_pose
from locate3d_ros.data.recordings.recording import BadFileError
from locate3d_ros.data.recordings.rig import Rig
from locate3d_ros.data.recordings.undistortion import Distortion
from locate3d_ros.errors import InputError
from locate3d_ros.types import Intrinsics

NAME = "camera.json"


@dataclass(frozen=True)
class CameraFile:
    """What a camera file says."""

    rig: Rig
    frame_id: str = "world"  # of the poses, where the recording is not made upright
    rate: float = 30.0  # frames per second
    stamps: tuple[float, ...] | None = None  # seconds, by frame number; in place of the rate
    frames: Mapping[int, Intrinsics] = field(default_factory=dict)  # colour, by frame number, where it differs

    def rig_of(self, number: int) -> Rig:
        """Return a frame's cameras."""
        return replace(self.rig, color=self.frames[number]) if number in self.frames else self.rig

    def stamp(self, number: int) -> float:
        """Return a frame's time in seconds. Raises InputError where the file gives none for it."""
        if self.stamps is None:
            return number / self.rate
        if number >= len(self.stamps):
            raise InputError(f"no stamp for frame {number} in {NAME}; give one per frame number, or a rate")
        return self.stamps[number]


def read_camera_file(path: Path) -> CameraFile:
    """Read a camera file. Raises BadFileError where it is missing or not usable."""
    try:
        entries = json.loads(path.read_bytes())
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error.strerror}); add it, see docs/recordings.md") from None
    except ValueError as error:
        raise BadFileError(path, f"not JSON ({error}); write it as docs/recordings.md says") from None
    try:
        return _camera_file(path, entries)
    except KeyError as error:
        raise BadFileError(path, f"{error} is missing; write the file as docs/recordings.md says") from None
    except InputError as error:
        raise BadFileError.of(path, error) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise BadFileError(path, f"cannot be used ({error}); write it as docs/recordings.md says") from None


def _camera_file(path: Path, entries: Mapping[str, object]) -> CameraFile:
    depth = _intrinsics(entries["depth"]) if "depth" in entries else None
    rig = Rig(
        color=_intrinsics(entries["color"]),
        distortion=_distortion(entries["distortion"]) if "distortion" in entries else None,
        depth=depth,
        T_camera_depth=_offset(path, entries["T_camera_depth"]) if depth and "T_camera_depth" in entries else None,
    )
    frame_id, rate, stamps = (entries.get(key) for key in ("frame_id", "rate", "stamps"))
    return CameraFile(
        rig,
        frame_id=CameraFile.frame_id if frame_id is None else str(frame_id),
        rate=CameraFile.rate if rate is None else _rate(rate),
        stamps=None if stamps is None else tuple(float(stamp) for stamp in stamps),  # type: ignore[attr-defined]
        frames={int(number): _intrinsics(entry) for number, entry in _mapping(entries.get("frames", {})).items()},
    )


def _intrinsics(entry: object) -> Intrinsics:
    values = _mapping(entry)
    numbers = {field.name: float(values[field.name]) for field in fields(Intrinsics)}  # type: ignore[arg-type]
    width, height = int(numbers.pop("width")), int(numbers.pop("height"))
    return Intrinsics(**numbers, width=width, height=height)


def _distortion(entry: object) -> Distortion | None:
    values = _mapping(entry)
    coefficients = tuple(float(number) for number in values["coefficients"])  # type: ignore[attr-defined]
    return Distortion(str(values["model"]), coefficients) if any(coefficients) else None


def _offset(path: Path, rows: object) -> Tensor:
    return rigid_pose(path, matrix_of(rows, 4))


def _rate(entry: object) -> float:
    rate = float(entry)  # type: ignore[arg-type]
    if not 0 < rate < float("inf"):
        raise InputError(f"rate = {rate:g}; give frames per second, above 0")
    return rate


def _mapping(entry: object) -> Mapping[str, object]:
    if not isinstance(entry, Mapping):
        raise TypeError(f"{entry!r} is not an object")
    return entry

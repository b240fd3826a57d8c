"""What ScanNet says of a scan as a whole: its camera matrices, and the rotation that lines it up with the axes."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from locate3d_ros.data.recordings.poses import Upright, read_gravity, rigid_pose
from locate3d_ros.data.recordings.recording import BadFileError
from locate3d_ros.errors import InputError
from locate3d_ros.types import Intrinsics

RATE = 30.0  # Hz, of the Structure sensor
SCAN_NAME = re.compile(r"scene\d{4}_\d{2}")
_ALIGNMENT = re.compile(r"^\s*axisAlignment\s*=(.*)$", re.MULTILINE)


def scan_upright(folder: Path, name: str) -> Upright:
    """Return how poses of a scan are turned: by gravity.json, else by the axis alignment of `<scan>.txt`, else not.

    That file lies beside the frames, or in the scan's own folder beside that of all posed images. ScanNet's meshes and
    poses are z-up by its documentation, so the frame is "map" in every case.
    Raises BadFileError where one of these files is there and unusable.
    """
    T_map_world = read_gravity(folder)
    if T_map_world is None:
        above = folder.resolve().parent.parent
        places = (folder, above / "scans" / name, above / name)
        path = next((place / f"{name}.txt" for place in places if (place / f"{name}.txt").is_file()), None)
        T_map_world = read_axis_alignment(path) if path else None
    return Upright(torch.eye(4, dtype=torch.float64) if T_map_world is None else T_map_world, "map")


def read_axis_alignment(path: Path) -> Tensor | None:
    """Read `axisAlignment` of a scan's text file -> [4, 4] float64; None where the file or the entry is missing."""
    if not path.is_file():
        return None
    try:
        found = _ALIGNMENT.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadFileError(path, f"cannot be read ({error}); download it again") from None
    if found is None:
        return None
    try:
        numbers = [float(word) for word in found[1].split()]
    except ValueError as error:
        raise BadFileError(path, f"axisAlignment: {error}; download it again") from None
    if len(numbers) != 16:
        raise BadFileError(path, f"axisAlignment has {len(numbers)} numbers instead of 16; download it again")
    return rigid_pose(path, torch.tensor(numbers, dtype=torch.float64).reshape(4, 4))


def camera_of(path: Path, K: Tensor, width: int, height: int) -> Intrinsics:
    """Take the camera out of a matrix [3, 3] or [4, 4]. Raises BadFileError where it is none."""
    fx, skew, cx = K[0, :3].tolist()
    if skew != 0 or K[1, 0] != 0 or K[2, :3].tolist() != [0.0, 0.0, 1.0]:
        raise BadFileError(path, "not a camera matrix; give fx 0 cx / 0 fy cy / 0 0 1")
    try:
        return Intrinsics(fx, K[1, 1].item(), cx, K[1, 2].item(), width, height)
    except InputError as error:
        raise BadFileError.of(path, error) from None

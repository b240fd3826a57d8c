"""Poses and gravity from files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from locate3d_ros.data.recordings.recording import BadFileError
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import require_rigid


@dataclass(frozen=True)
class Upright:
    """How a recording's poses are turned, and the name of the frame that they are in then."""

    T_map_world: Tensor  # [4, 4] float64
    frame_id: str


def read_pose(path: Path) -> Tensor:
    """Read a 4x4 camera-to-world matrix, 16 numbers row-major -> [4, 4] float64. Raises BadFileError."""
    return rigid_pose(path, read_numbers(path, 16).reshape(4, 4))


def read_numbers(path: Path, count: int) -> Tensor:
    """Read `count` numbers separated by white space -> [count] float64. Raises BadFileError."""
    try:
        words = path.read_text(encoding="ascii").split()
    except OSError as error:
        raise BadFileError(
            path, f"cannot be read ({error.strerror}); restore the file or leave the frame out"
        ) from None
    except UnicodeDecodeError:
        raise BadFileError(path, f"not a text file; give {count} numbers") from None
    try:
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise BadFileError(path, f"{error}; give {count} numbers") from None
    if len(numbers) != count:
        raise BadFileError(path, f"{len(numbers)} numbers; give {count}")
    return torch.tensor(numbers, dtype=torch.float64)


def read_gravity(folder: Path) -> Tensor | None:
    """Read the rotation of gravity.json as T_map_world [4, 4] float64; None where there is no such file.

    Raises BadFileError where it is there and not usable.
    """
    path = folder / "gravity.json"
    if not path.is_file():
        return None
    T_map_world = torch.eye(4, dtype=torch.float64)
    try:
        T_map_world[:3, :3] = matrix_of(json.loads(path.read_bytes())["R_map_world"], 3)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFileError(path, f'cannot be used ({error}); give {{"R_map_world": 3x3}}') from None
    return rigid_pose(path, T_map_world)


def upright(folder: Path, frame_id: str) -> Upright:
    """Read gravity.json where there is one; else poses stay as they are and their frame keeps its name."""
    T_map_world = read_gravity(folder)
    if T_map_world is None:
        return Upright(torch.eye(4, dtype=torch.float64), frame_id)
    return Upright(T_map_world, "map")


def matrix_of(rows: object, size: int) -> Tensor:
    """Turn a square matrix of JSON into [size, size] float64. Raises ValueError where it is none."""
    try:
        matrix = torch.tensor(rows, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"not a matrix of {size}x{size} numbers") from None
    if matrix.shape != (size, size):
        raise ValueError(f"a matrix of shape {tuple(matrix.shape)} instead of {size}x{size}")
    return matrix


def rigid_pose(path: Path, T: Tensor) -> Tensor:
    """Return T [4, 4] made exactly rigid. Raises BadFileError where it is no rigid transform."""
    try:
        return require_rigid(T, str(path))
    except InputError as error:
        raise BadFileError.of(path, error) from None

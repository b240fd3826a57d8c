"""Writes frames as a plain folder (docs/recordings.md)."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from locate3d_ros.data.recordings import camera_file
from locate3d_ros.errors import InputError
from locate3d_ros.files import write_file
from locate3d_ros.types import Frame, Intrinsics

_MILLIMETRES = 1000.0
_FARTHEST = 65534  # millimetres; 65535 is "no depth"
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]


class PlainWriter:
    """Writes frame after frame, numbered from 0, then the camera file."""

    def __init__(self, folder: Path, frame_id: str) -> None:
        """Take an existing folder and the name of the frame that poses lead to."""
        self._folder = folder
        self._frame_id = frame_id
        self._cameras: list[Intrinsics] = []
        self._stamps: list[float] = []

    def add(self, frame: Frame) -> int:
        """Write a frame and return its number. Raises InputError where depth is not registered to colour."""
        if frame.depth_intrinsics is not None:
            raise InputError("depth is not registered to colour; read the recording with the protocol locate3d")
        number = len(self._stamps)
        stem = self._folder / f"{number:06d}"
        write_file(stem.with_suffix(".color.jpg"), _encoded(".jpg", frame.rgb.numpy()[..., ::-1], _JPEG))
        write_file(stem.with_suffix(".depth.png"), _encoded(".png", _millimetres(frame.depth.numpy()), []))
        rows = (" ".join(f"{value:.9f}" for value in row) for row in frame.T_map_camera.tolist())
        write_file(stem.with_suffix(".pose.txt"), ("\n".join(rows) + "\n").encode())
        self._cameras.append(frame.intrinsics)
        self._stamps.append(frame.stamp)
        return number

    def close(self) -> None:
        """Write the camera file. Raises InputError where there is no frame."""
        if not self._cameras:
            raise InputError(f"{self._folder}: no frame to write")
        first = self._cameras[0]
        others = {str(number): asdict(k) for number, k in enumerate(self._cameras) if k != first}
        content = {"color": asdict(first), "frame_id": self._frame_id, "stamps": self._stamps, "frames": others}
        write_file(self._folder / camera_file.NAME, (json.dumps(content) + "\n").encode())


def write_ids(path: Path, ids: npt.NDArray[np.uint16]) -> None:
    """Write an image [H, W] of object ids, losslessly."""
    write_file(path, _encoded(".png", ids, []))


def _millimetres(depth: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    values = np.nan_to_num(np.round(depth * _MILLIMETRES), nan=0.0, posinf=0.0, neginf=0.0)
    return np.where((values > 0) & (values <= _FARTHEST), values, 0).astype(np.uint16)


def _encoded(suffix: str, image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], options: list[int]) -> bytes:
    _, blob = cv2.imencode(suffix, np.ascontiguousarray(image), options)
    return bytes(blob.tobytes())

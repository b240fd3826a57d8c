"""Which frames bring features: those that moved, turned or waited enough since their camera's last keyframe."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.geometry.transforms import invert_transform, require_rigid, rotation_angle
from locate3d_ros.types import Frame


@dataclass(frozen=True)
class _CameraState:
    T_map_keyframe: Tensor  # [4, 4] float64, of the last keyframe
    keyframe_stamp: float
    stamp: float  # of the last frame


class KeyframeRule:
    """Decides per camera, from translation, rotation and time."""

    def __init__(self, config: MappingConfig) -> None:
        """Start without any camera."""
        self._config = config
        self._cameras: dict[str, _CameraState] = {}

    def accept(self, frame: Frame) -> bool:
        """Return whether the frame is a keyframe, and remember it.

        A camera's first frame is one, and so is a frame older than the one before (a recording that starts over).
        Raises InputError where the pose is no rigid transform.
        """
        T_map_camera = require_rigid(frame.T_map_camera.cpu(), f"camera {frame.camera}, stamp {frame.stamp}")
        last = self._cameras.get(frame.camera)
        accepted = last is None or frame.stamp < last.stamp or self._differs(last, T_map_camera, frame.stamp)
        if last is None or accepted:
            self._cameras[frame.camera] = _CameraState(T_map_camera, frame.stamp, frame.stamp)
        else:
            self._cameras[frame.camera] = _CameraState(last.T_map_keyframe, last.keyframe_stamp, frame.stamp)
        return accepted

    def reset(self) -> None:
        """Forget every camera: the next frame of each is a keyframe."""
        self._cameras.clear()

    def _differs(self, last: _CameraState, T_map_camera: Tensor, stamp: float) -> bool:
        T_keyframe_camera = invert_transform(last.T_map_keyframe) @ T_map_camera
        return (
            float(torch.linalg.vector_norm(T_keyframe_camera[:3, 3])) >= self._config.keyframe_translation
            or rotation_angle(T_keyframe_camera) >= self._config.keyframe_rotation
            or stamp - last.keyframe_stamp >= self._config.keyframe_interval
        )

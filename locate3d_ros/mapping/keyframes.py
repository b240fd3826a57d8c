"""Which frames bring features: those that add information to what their camera's last keyframe showed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.geometry.transforms import invert_transform, require_rigid, rotation_angle
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import FeatureExtractor, Frame


@dataclass(frozen=True)
class _CameraState:
    T_map_keyframe: Tensor  # [4, 4] float64, of the last keyframe
    keyframe_stamp: float
    stamp: float  # of the last frame
    newly_seen: float = 0.0  # share of the last frame's voxels that the map did not know, if it brought no features


class KeyframeRule:
    """Decides per camera, from translation, rotation, time and what the map did not know yet."""

    def __init__(self, config: MappingConfig) -> None:
        """Start without any camera."""
        self._config = config
        self._cameras: dict[str, _CameraState] = {}

    def accept(self, frame: Frame) -> bool:
        """Return whether the frame is a keyframe, and take it as one.

        A camera's first frame is one, and so is a frame older than the one before (a recording that starts over).
        Raises InputError where the pose is no rigid transform.
        """
        is_due = self.is_due(frame)
        if is_due:
            self.take(frame)
        return is_due

    def is_due(self, frame: Frame) -> bool:
        """Return whether the frame should be a keyframe; until one is taken, later ones should too. Raises as above."""
        T_map_camera = _pose(frame)
        last = self._cameras.get(frame.camera)
        if last is None or frame.stamp < last.stamp:
            self._cameras.pop(frame.camera, None)
            return True
        self._cameras[frame.camera] = replace(last, stamp=frame.stamp)
        return self._differs(last, T_map_camera, frame.stamp)

    def take(self, frame: Frame) -> None:
        """Remember a keyframe. Raises as above."""
        self._cameras[frame.camera] = _CameraState(_pose(frame), frame.stamp, frame.stamp)

    def note(self, frame: Frame, newly_seen: float) -> None:
        """Remember which share of a frame's voxels the map did not know; the frame brought no features."""
        last = self._cameras.get(frame.camera)
        if last is not None:
            self._cameras[frame.camera] = replace(last, newly_seen=newly_seen)

    def reset(self) -> None:
        """Forget every camera: the next frame of each is a keyframe."""
        self._cameras.clear()

    def _differs(self, last: _CameraState, T_map_camera: Tensor, stamp: float) -> bool:
        T_keyframe_camera = invert_transform(last.T_map_keyframe) @ T_map_camera
        return (
            float(torch.linalg.vector_norm(T_keyframe_camera[:3, 3])) >= self._config.keyframe_translation
            or rotation_angle(T_keyframe_camera) >= self._config.keyframe_rotation
            or stamp - last.keyframe_stamp >= self._config.keyframe_interval
            or last.newly_seen > self._config.keyframe_newly_seen
        )


def map_frame(frame: Frame, rule: KeyframeRule, extractor: FeatureExtractor, voxel_map: VoxelFeatureMap) -> None:
    """Integrate one frame; keyframes bring features. Raises InputError for one that cannot be."""
    is_keyframe = rule.accept(frame)
    voxel_map.add(frame, extractor.extract(frame) if is_keyframe else None)
    if not is_keyframe:
        rule.note(frame, voxel_map.newly_seen)


def _pose(frame: Frame) -> Tensor:
    return require_rigid(frame.T_map_camera.cpu(), f"camera {frame.camera}, stamp {frame.stamp}")

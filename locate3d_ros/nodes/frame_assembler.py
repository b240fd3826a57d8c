"""Messages + camera_info + TF -> Frame, or a named reason why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from locate3d_ros.geometry.camera import scale_intrinsics
from locate3d_ros.geometry.transforms import invert_transform
from locate3d_ros.nodes.camera_input import InfoTopic, RgbdMessages
from locate3d_ros.nodes.cameras import Camera, require_image_size
from locate3d_ros.nodes.drops import DroppedFrameError
from locate3d_ros.nodes.images import read_depth, read_rgb
from locate3d_ros.nodes.parameters import NodeConfig
from locate3d_ros.nodes.transform_buffer import TransformUnavailableError
from locate3d_ros.nodes.transforms import Transforms, to_nanoseconds, wait_for_transform, wait_until
from locate3d_ros.types import Frame, Intrinsics


@dataclass(frozen=True)
class DepthCamera:
    """How the depth image sees, where it is not registered to the colour image."""

    intrinsics: Intrinsics
    T_camera_depth: Tensor  # [4, 4] float64


class FrameAssembler:
    """Builds core frames; waits, within bounds, for what arrives after the images."""

    def __init__(self, transforms: Transforms, config: NodeConfig, device: torch.device) -> None:
        """Frames' tensors live on `device`."""
        self._transforms = transforms
        self._config = config
        self._device = device

    def assemble(self, messages: RgbdMessages) -> Frame:
        """Return the undistorted frame with its pose. Raises DroppedFrameError with topic or frames, reason, mend."""
        source, deadline = messages.camera, messages.arrival + self._config.mapping.tf_timeout
        _require_frame_id(messages.rgb, source.rgb.name)
        rgb_image, depth_image = read_rgb(messages.rgb, source.rgb.name), read_depth(messages.depth, source.depth.name)
        rgb_camera = self._camera(source.rgb_info, lambda: source.rgb_info.newest, deadline)
        rgb = _undistorted(rgb_image, rgb_camera, source.rgb.name, is_depth=False)
        T_map_camera = self._pose(messages.rgb, deadline)
        depth_camera = None
        if source.depth_info.topic.has_publisher:
            own = self._camera(source.depth_info, lambda: source.depth_info.newest, deadline)
            depth = _undistorted(depth_image, own, source.depth.name, is_depth=True)
            if not _is_registered(messages, rgb_camera, own):
                depth_camera = self._depth_camera(messages, own, T_map_camera, deadline)
        else:
            depth, depth_camera = _registered_depth(depth_image, rgb_camera, source.depth.name)
        return Frame(
            rgb=torch.from_numpy(rgb).to(self._device),
            depth=torch.from_numpy(depth).to(self._device),
            intrinsics=rgb_camera.intrinsics,
            T_map_camera=T_map_camera,
            stamp=to_nanoseconds(messages.rgb.header.stamp) / 1e9,
            camera=source.name,
            depth_intrinsics=depth_camera.intrinsics if depth_camera else None,
            T_camera_depth=depth_camera.T_camera_depth if depth_camera else None,
        )

    def _camera(self, topic: InfoTopic, newest: Callable[[], Any], deadline: float) -> Camera:
        info = wait_until(newest, deadline)
        if info is None:
            raise DroppedFrameError(
                "no camera_info", f"{topic.topic.name}: images but no camera_info yet; publish it or remap the topic"
            )
        return topic.reader.read(info)

    def _depth_camera(
        self, messages: RgbdMessages, camera: Camera, T_map_camera: Tensor, deadline: float
    ) -> DepthCamera:
        # By way of the map: exact even where the robot moved between the two exposures.
        _require_frame_id(messages.depth, messages.camera.depth.name)
        T_map_depth = self._pose(messages.depth, deadline)
        return DepthCamera(camera.intrinsics, invert_transform(T_map_camera) @ T_map_depth)

    def _pose(self, message: Any, deadline: float) -> Tensor:  # noqa: ANN401 - Image or CompressedImage
        frame_id, stamp = message.header.frame_id, to_nanoseconds(message.header.stamp)
        try:
            return wait_for_transform(
                self._transforms, self._config.map_frame, frame_id, stamp, deadline
            ).T_target_source
        except TransformUnavailableError as error:
            waited = self._config.mapping.tf_timeout
            mend = self._mend(frame_id, stamp)
            raise DroppedFrameError("no transform", f"{error}; waited {waited:g} s; {mend}") from None

    def _mend(self, frame_id: str, stamp: int) -> str:
        config = self._config
        if self._knows(config.base_frame, frame_id, stamp):
            return f"{config.map_frame} <- {config.base_frame} is missing: is localization running?"
        if self._knows(config.map_frame, config.base_frame, stamp):
            return f"{config.base_frame} <- {frame_id} is missing: is the robot's description published?"
        return "publish the chain on /tf, or set map_frame and base_frame"

    def _knows(self, target: str, source: str, stamp: int) -> bool:
        try:
            self._transforms.lookup(target, source, stamp)
        except TransformUnavailableError:
            return False
        return True


def _undistorted(image: NDArray[Any], camera: Camera, topic: str, is_depth: bool) -> NDArray[Any]:
    require_image_size(camera, image, topic)
    return camera.undistort(image, is_depth)


def _registered_depth(
    depth: NDArray[np.float32], rgb_camera: Camera, topic: str
) -> tuple[NDArray[np.float32], DepthCamera | None]:
    """Take depth as seen by the colour camera; a smaller or larger image of the same view is told to the core."""
    own = rgb_camera.intrinsics
    height, width = depth.shape
    if (width, height) == (own.width, own.height):
        return rgb_camera.undistort(depth, is_depth=True), None
    if abs(width * own.height - height * own.width) > max(own.width, own.height) or rgb_camera.maps is not None:
        raise DroppedFrameError(
            "size",
            f"{topic}: depth of {width}x{height} beside colour of {own.width}x{own.height}; "
            "publish depth/camera_info, or depth registered to colour",
        )
    return depth, DepthCamera(scale_intrinsics(own, width, height), torch.eye(4, dtype=torch.float64))


def _is_registered(messages: RgbdMessages, rgb_camera: Camera, depth_camera: Camera) -> bool:
    same_frame = messages.rgb.header.frame_id == messages.depth.header.frame_id
    return same_frame and rgb_camera.intrinsics == depth_camera.intrinsics


def _require_frame_id(message: Any, topic: str) -> None:  # noqa: ANN401 - Image or CompressedImage
    if not message.header.frame_id.strip("/ "):
        raise DroppedFrameError("frame_id", f"{topic}: image without a frame_id; set the camera's optical frame")

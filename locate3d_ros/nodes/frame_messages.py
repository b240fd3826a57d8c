"""A frame of a recording as the messages that a robot would publish."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from torch import Tensor

from locate3d_ros.geometry.transforms import invert_transform
from locate3d_ros.nodes.clouds import to_data, to_pose
from locate3d_ros.types import Frame, Intrinsics

# The camera 1 m above the ground and upright: its optical axis (z) along the body's x, its x to the body's right.
T_BODY_CAMERA = torch.tensor(
    [[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]], dtype=torch.float64
)


class FrameMessages:
    """Images and camera_infos of one frame, stamped alike."""

    def __init__(self, frame: Frame, stamp: Time, compressed: bool) -> None:
        """Convert; depth becomes whole millimetres."""
        self.stamp = stamp
        self.camera_frame = f"{frame.camera}_optical_frame"
        has_own_place = frame.T_camera_depth is not None
        self.depth_frame = f"{frame.camera}_depth_optical_frame" if has_own_place else self.camera_frame
        rgb_header, depth_header = self._header(self.camera_frame), self._header(self.depth_frame)
        millimetres = _millimetres(frame.depth)
        if compressed:
            bgr = cv2.cvtColor(frame.rgb.cpu().numpy(), cv2.COLOR_RGB2BGR)
            self.rgb = _compressed(bgr, ".jpg", "rgb8; jpeg compressed bgr8", rgb_header)
            self.depth = _compressed(millimetres, ".png", "16UC1; png compressed", depth_header)
        else:
            self.rgb = _image(frame.rgb.cpu().numpy(), "rgb8", rgb_header)
            self.depth = _image(millimetres, "16UC1", depth_header)
        self.rgb_info = _camera_info(frame.intrinsics, rgb_header)
        self.depth_info = _camera_info(frame.depth_intrinsics or frame.intrinsics, depth_header)

    def _header(self, frame_id: str) -> Header:
        return Header(frame_id=frame_id, stamp=self.stamp)


class RobotTransforms:
    """Publishes where the camera is the way robots do: map <- odom <- body <- camera <- depth camera."""

    def __init__(self, node: Node, map_frame: str) -> None:
        """Poses of the recording lead to `map_frame`."""
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._moving = node.create_publisher(TFMessage, "/tf", 100)
        self._static = node.create_publisher(TFMessage, "/tf_static", latched)
        self._map_frame = map_frame
        self._mounted: dict[str, TransformStamped] = {}

    def publish(self, frame: Frame, messages: FrameMessages, body: str) -> None:
        """Say where the frame's camera is; its mounting on the body is told once."""
        T_map_body = frame.T_map_camera @ invert_transform(T_BODY_CAMERA).to(frame.T_map_camera.device)
        known = len(self._mounted)
        self._mount(messages, self._map_frame, "odom", torch.eye(4, dtype=torch.float64))
        self._mount(messages, body, messages.camera_frame, T_BODY_CAMERA)
        if frame.T_camera_depth is not None:
            self._mount(messages, messages.camera_frame, messages.depth_frame, frame.T_camera_depth)
        if len(self._mounted) > known:
            self._static.publish(TFMessage(transforms=list(self._mounted.values())))
        self._moving.publish(TFMessage(transforms=[_transform("odom", body, messages.stamp, T_map_body)]))

    def _mount(self, messages: FrameMessages, parent: str, child: str, T_parent_child: Tensor) -> None:
        if child not in self._mounted:
            self._mounted[child] = _transform(parent, child, messages.stamp, T_parent_child)


def image_type(compressed: bool) -> Any:  # noqa: ANN401 - a message type
    """Return the type of the image topics."""
    return CompressedImage if compressed else Image


def _transform(parent: str, child: str, stamp: Time, T_parent_child: Tensor) -> TransformStamped:
    message, pose = TransformStamped(child_frame_id=child), to_pose(T_parent_child.cpu())
    message.header = Header(frame_id=parent, stamp=stamp)
    translation = message.transform.translation
    translation.x, translation.y, translation.z = pose.position.x, pose.position.y, pose.position.z
    message.transform.rotation = pose.orientation
    return message


def _millimetres(depth: Tensor) -> NDArray[np.uint16]:
    metres = torch.nan_to_num(depth.cpu(), nan=0.0, posinf=0.0, neginf=0.0)
    return (metres * 1000.0).round().clamp(0, 65535).numpy().astype(np.uint16)


def _image(array: NDArray[Any], encoding: str, header: Header) -> Image:
    height, width = array.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding)
    message.step = width * array.dtype.itemsize * (array.shape[2] if array.ndim == 3 else 1)
    message.data = to_data(np.ascontiguousarray(array).tobytes())
    return message


def _compressed(array: NDArray[Any], suffix: str, name: str, header: Header) -> CompressedImage:
    message = CompressedImage(header=header, format=name)
    message.data = to_data(cv2.imencode(suffix, array)[1].tobytes())
    return message


def _camera_info(camera: Intrinsics, header: Header) -> CameraInfo:
    info = CameraInfo(header=header, width=camera.width, height=camera.height, distortion_model="plumb_bob")
    info.d = [0.0] * 5
    info.k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info

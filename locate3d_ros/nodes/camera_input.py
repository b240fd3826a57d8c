"""One RGB-D camera's topics: finds out what is published, pairs colour with depth, keeps the camera_infos."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from locate3d_ros.nodes.cameras import CameraReader
from locate3d_ros.nodes.drops import DropCounter
from locate3d_ros.nodes.parameters import NodeMappingConfig
from locate3d_ros.nodes.rates import Rate
from locate3d_ros.nodes.sensor_topic import SensorTopic
from locate3d_ros.nodes.synchronizer import Stream, Synchronizer
from locate3d_ros.nodes.transforms import to_nanoseconds

WAITING_MESSAGES = 20
"""Images of one stream that wait for their partner at most."""

IMAGE_TYPES = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}
INFO_TYPES = {"sensor_msgs/msg/CameraInfo": CameraInfo}


@dataclass(frozen=True)
class RgbdMessages:
    """A colour and a depth message of the same moment, and when they were complete."""

    camera: CameraInput
    rgb: Any  # Image or CompressedImage
    depth: Any  # Image or CompressedImage
    arrival: float  # of time.monotonic


class InfoTopic:
    """A camera_info topic of which the newest message is kept."""

    def __init__(self, node: Node, name: str, images: str, group: CallbackGroup) -> None:
        """`images`: resolved name of the image topic that it describes."""
        self.topic = SensorTopic(node, name, INFO_TYPES, self._take, group)
        self.newest: Any = None
        # Drivers and image_proc publish rectified images as image_rect..., with the camera_info of the raw ones.
        self.reader = CameraReader(self.topic.name, is_rectified="image_rect" in images)

    def _take(self, message: CameraInfo) -> None:
        self.newest = message


class CameraInput:
    """Subscribes to one camera's topics and hands over what belongs together."""

    def __init__(
        self,
        node: Node,
        prefix: str,
        config: NodeMappingConfig,
        drops: DropCounter,
        on_messages: Callable[[RgbdMessages], None],
    ) -> None:
        """`prefix` stands before the topics' names; empty: none."""
        self.name = prefix or "camera"
        self.drops = drops
        self.pairs = Rate()
        self.integrated = Rate()
        self._on_messages = on_messages
        group = MutuallyExclusiveCallbackGroup()
        start = f"{prefix}/" if prefix else ""
        self.rgb = SensorTopic(node, f"{start}rgb/image", IMAGE_TYPES, lambda each: self._take("rgb", each), group)
        self.depth = SensorTopic(
            node, f"{start}depth/image", IMAGE_TYPES, lambda each: self._take("depth", each), group
        )
        self.rgb_info = InfoTopic(node, f"{start}rgb/camera_info", self.rgb.name, group)
        self.depth_info = InfoTopic(node, f"{start}depth/camera_info", self.depth.name, group)
        self._synchronizer: Synchronizer[Any] = Synchronizer(
            config.sync_slop, WAITING_MESSAGES, lambda stream, count: drops.count(f"unpaired {stream}", count)
        )

    def look(self) -> None:
        """Follow the publishers of all four topics."""
        for topic in (self.rgb_info.topic, self.depth_info.topic, self.rgb, self.depth):
            topic.look()

    def clear(self) -> None:
        """Forget images that wait for their partner."""
        self._synchronizer.clear()

    def _take(self, stream: Stream, message: Any) -> None:  # noqa: ANN401 - Image or CompressedImage
        stamp = to_nanoseconds(message.header.stamp)
        if stamp == 0:
            topic = self.rgb.name if stream == "rgb" else self.depth.name
            self.drops.add("stamp", f"{topic}: image without a stamp; let the driver stamp its images")
            return
        pair = self._synchronizer.add(stream, stamp, message)
        if pair is not None:
            self.pairs.count()
            self._on_messages(RgbdMessages(self, pair.rgb, pair.depth, time.monotonic()))

"""Plays any recording as a robot would publish it: images, camera_infos and TF, stamped with the present time.

python -m locate3d_ros.nodes.play_recording SOURCE --rate 5 [--compressed] [--loop]
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CameraInfo

from locate3d_ros.data.recordings import Recording, load_recording
from locate3d_ros.nodes.frame_messages import FrameMessages, RobotTransforms, image_type
from locate3d_ros.nodes.parameters import NAMESPACE
from locate3d_ros.nodes.runner import run_until_signal
from locate3d_ros.types import Frame

PATIENCE = 15.0
"""Seconds that the player waits for somebody to listen; then it plays all the same."""
SETTLE = 1.0
"""Seconds between the listeners' answer and the first frame, for the topics that nothing is announced on."""
LINGER = 1.0
"""Seconds that it stays at the end, so that the last messages arrive."""


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    source: str
    rate: float  # frames per second
    compressed: bool
    loop: bool


class PlayerNode(Node):
    """Publishes frames, each with its transforms first."""

    def __init__(self, recording: Recording, options: Options) -> None:
        """Prepare the topics of every camera. Raises InputError for a recording without a usable frame."""
        super().__init__("play_recording", namespace=NAMESPACE)
        self._options = options
        self._transforms = RobotTransforms(self, recording.frame_id)
        # As the nodes do it: a camera alone has no prefix.
        self._has_several = len(recording.cameras) > 1
        # Whoever sees a publisher of depth/camera_info waits for it: it must be there before the first image.
        own_depth = next(iter(recording)).depth_intrinsics is not None
        self._cameras = {
            name: _CameraTopics(self, f"{name}/" if self._has_several else "", options.compressed, own_depth)
            for name in recording.cameras
        }

    @property
    def has_listener(self) -> bool:
        """Whether somebody listens to every camera."""
        return all(topics.has_listener for topics in self._cameras.values())

    def announce(self, frame: Frame, patience: float) -> None:
        """Publish a frame's camera_infos and wait until reliable listeners have them.

        A listener that is known here may not know this player yet, and would miss the first frames.
        """
        messages = FrameMessages(frame, self.get_clock().now().to_msg(), self._options.compressed)
        for topics in self._cameras.values():
            topics.announce(messages, Duration(seconds=patience))

    def publish(self, frame: Frame) -> None:
        """Publish one frame as of now."""
        messages = FrameMessages(frame, self.get_clock().now().to_msg(), self._options.compressed)
        self._transforms.publish(frame, messages, f"{frame.camera}_link" if self._has_several else "base_link")
        self._cameras[frame.camera].publish(messages)


class _CameraTopics:
    def __init__(self, node: Node, start: str, compressed: bool, own_depth: bool) -> None:
        kind = image_type(compressed)
        self._rgb: Any = node.create_publisher(kind, f"{start}rgb/image", 10)
        self._depth: Any = node.create_publisher(kind, f"{start}depth/image", 10)
        self._rgb_info = node.create_publisher(CameraInfo, f"{start}rgb/camera_info", 10)
        self._depth_info = node.create_publisher(CameraInfo, f"{start}depth/camera_info", 10) if own_depth else None

    @property
    def has_listener(self) -> bool:
        publishers = [self._rgb, self._depth, self._rgb_info]
        if self._depth_info is not None:
            publishers.append(self._depth_info)
        return all(publisher.get_subscription_count() > 0 for publisher in publishers)

    def announce(self, messages: FrameMessages, patience: Duration) -> None:
        self._publish_infos(messages)
        for publisher in (self._rgb_info, self._depth_info):
            if publisher is not None:
                publisher.wait_for_all_acked(patience)

    def publish(self, messages: FrameMessages) -> None:
        self._publish_infos(messages)
        self._rgb.publish(messages.rgb)
        self._depth.publish(messages.depth)

    def _publish_infos(self, messages: FrameMessages) -> None:
        self._rgb_info.publish(messages.rgb_info)
        if self._depth_info is not None:
            self._depth_info.publish(messages.depth_info)


def parse(arguments: list[str]) -> Options:
    """Return the options; argparse ends the program where they are wrong."""
    parser = argparse.ArgumentParser(prog="play_recording", description="Play a recording as ROS topics and TF.")
    parser.add_argument("source", help="recording: rosbag2, 7-Scenes, TUM or plain folder")
    parser.add_argument("--rate", type=_rate, default=5.0, help="frames per second (default 5)")
    parser.add_argument("--compressed", action="store_true", help="publish CompressedImage: JPEG colour, PNG depth")
    parser.add_argument("--loop", action="store_true", help="start over at the end, until told to stop")
    values = parser.parse_args(arguments)
    return Options(values.source, values.rate, values.compressed, values.loop)


def play(recording: Recording, options: Options, told_to_end: threading.Event) -> int:
    """Publish all frames at the given rate; return how many."""
    node = PlayerNode(recording, options)
    patience = time.monotonic() + PATIENCE
    while not node.has_listener and time.monotonic() < patience and not told_to_end.wait(0.05):
        pass
    node.announce(next(iter(recording)), PATIENCE)
    told_to_end.wait(SETTLE)
    count = 0
    while not told_to_end.is_set():
        for frame in recording:
            node.publish(frame)
            count += 1
            if told_to_end.wait(1.0 / options.rate):
                break
        if not options.loop:
            break
    told_to_end.wait(LINGER)
    node.get_logger().info(f"played {count} frames of {options.source}, {len(recording.skipped)} left out")
    node.destroy_node()
    return count


def main(arguments: list[str] | None = None) -> int:
    """Play until the end or a signal; 2 for a recording that cannot be read."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(remove_ros_args(arguments))

    def work(told_to_end: threading.Event) -> None:
        play(load_recording(options.source), options, told_to_end)

    return run_until_signal(work, arguments)


def _rate(text: str) -> float:
    rate = float(text)
    if not 0.0 < rate <= 1000.0:
        raise argparse.ArgumentTypeError(f"{text}: give frames per second above 0, at most 1000")
    return rate


if __name__ == "__main__":
    sys.exit(main())

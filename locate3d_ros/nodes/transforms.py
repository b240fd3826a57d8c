"""TF behind one small contract: tf2_ros where it is installed, our own buffer where it is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from tf2_msgs.msg import TFMessage

from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import matrix_from_quaternion
from locate3d_ros.nodes.guard import guarded
from locate3d_ros.nodes.transform_buffer import (
    HISTORY,
    Sample,
    StampedTransform,
    TransformBuffer,
    TransformUnavailableError,
)

try:
    import tf2_ros
except ImportError:
    tf2_ros = None

POLL = 0.005
"""Seconds between two looks while waiting."""

Found = TypeVar("Found")


class Transforms(Protocol):
    """What the nodes ask of TF."""

    def lookup(self, target: str, source: str, stamp: int | None) -> StampedTransform:
        """Return T_target_source at a stamp (nanoseconds) or the newest (None).

        Raises TransformUnavailableError at once where it is not known.
        """


def listen(node: Node) -> Transforms:
    """Return the transforms that a node hears of on /tf and /tf_static."""
    return TopicTransforms(node) if tf2_ros is None else Tf2Transforms(node)


def wait_for_transform(
    transforms: Transforms, target: str, source: str, stamp: int | None, deadline: float
) -> StampedTransform:
    """Look up until it is known or `deadline` (of time.monotonic) has passed: then TransformUnavailableError."""
    failures: list[TransformUnavailableError] = []

    def ready() -> StampedTransform | None:
        try:
            return transforms.lookup(target, source, stamp)
        except TransformUnavailableError as error:
            failures[:] = [error]
            return None

    found = wait_until(ready, deadline)
    if found is None:
        raise failures[0]
    return found


def wait_until(ready: Callable[[], Found | None], deadline: float) -> Found | None:
    """Return the first result of `ready` that is not None; None once the deadline (of time.monotonic) has passed."""
    while (found := ready()) is None and time.monotonic() < deadline:
        time.sleep(POLL)
    return found


def to_nanoseconds(stamp: Any) -> int:  # noqa: ANN401 - builtin_interfaces/Time
    """Return a message's stamp in nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


class TopicTransforms:
    """Our own buffer, fed from /tf and /tf_static."""

    def __init__(self, node: Node) -> None:
        """Subscribe; the callbacks run beside the node's others."""
        self._buffer = TransformBuffer()
        self._logger = node.get_logger()
        group = MutuallyExclusiveCallbackGroup()
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        moving = guarded(self._logger, "/tf", lambda message: self._take(message, is_static=False))
        static = guarded(self._logger, "/tf_static", lambda message: self._take(message, is_static=True))
        # A lost message holds up a reliable stream until it is sent again, for seconds with common middleware; what
        # is lost to best effort, interpolation bridges. The reliable one fills in the rest.
        for reliability in (ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE):
            profile = QoSProfile(depth=100, reliability=reliability)
            node.create_subscription(TFMessage, "/tf", moving, profile, callback_group=group)
        node.create_subscription(TFMessage, "/tf_static", static, latched, callback_group=group)
        if node.get_clock().clock_type == ClockType.ROS_TIME:
            self._jumps = node.get_clock().create_jump_callback(
                JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True),
                post_callback=lambda _: self._buffer.clear(),
            )

    def lookup(self, target: str, source: str, stamp: int | None) -> StampedTransform:
        """Ask the buffer."""
        return self._buffer.lookup(target.lstrip("/"), source.lstrip("/"), stamp)

    def _take(self, message: TFMessage, is_static: bool) -> None:
        for each in message.transforms:
            t, q = each.transform.translation, each.transform.rotation
            sample = Sample(np.array([t.x, t.y, t.z]), np.array([q.x, q.y, q.z, q.w]))
            parent, child = each.header.frame_id.lstrip("/"), each.child_frame_id.lstrip("/")
            try:
                self._buffer.add(parent, child, to_nanoseconds(each.header.stamp), sample, is_static)
            except InputError as error:
                self._logger.warning(f"/tf: {error} (ignored)", throttle_duration_sec=5.0)


class Tf2Transforms:
    """The distribution's tf2_ros behind the same contract."""

    def __init__(self, node: Node) -> None:
        """Listen with tf2's own listener, on the node's executor."""
        self._buffer = tf2_ros.Buffer(cache_time=Duration(nanoseconds=HISTORY))
        self._listener = tf2_ros.TransformListener(self._buffer, node, spin_thread=False)

    def lookup(self, target: str, source: str, stamp: int | None) -> StampedTransform:
        """Ask tf2, whose time zero means the newest."""
        try:
            found = self._buffer.lookup_transform_core(
                target.lstrip("/"), source.lstrip("/"), Time(nanoseconds=stamp or 0)
            )
        except tf2_ros.TransformException as error:
            at = "" if stamp is None else f" at {stamp / 1e9:.3f}"
            raise TransformUnavailableError(f"no transform {target} <- {source}{at}: {error}") from None
        t, q = found.transform.translation, found.transform.rotation
        T_target_source = matrix_from_quaternion((t.x, t.y, t.z), (q.x, q.y, q.z, q.w))
        # tf2 stamps what always holds with zero.
        return StampedTransform(T_target_source, to_nanoseconds(found.header.stamp) or None)

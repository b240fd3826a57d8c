"""A subscription that follows its publishers: their message type and their reliability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from locate3d_ros.nodes.guard import guarded
from locate3d_ros.nodes.rates import Rate

DEPTH = 10
"""Messages that the middleware keeps through a slow moment."""


class SensorTopic:
    """Subscribes as soon as somebody publishes, and anew when the type or reliability has changed.

    Sensor data is best effort, but an image is larger than the buffers of common middleware, and best effort then
    loses most images of a busy computer. Where every publisher is reliable, the subscription is reliable too.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        types: Mapping[str, type],
        callback: Callable[[Any], None],
        group: CallbackGroup,
    ) -> None:
        """`types`: what can be taken, by its name in the graph, the preferred one first."""
        self.name = node.resolve_topic_name(name)
        self.rate = Rate()
        self._node = node
        self._types = types
        self._group = group
        self._callback = guarded(node.get_logger(), self.name, callback)
        self.kind: tuple[type, ReliabilityPolicy] | None = None
        self._subscription: Any = None

    def look(self) -> None:
        """Follow the publishers; called now and then."""
        publishers = self._node.get_publishers_info_by_topic(self.name)
        kind = self._kind_of(publishers)
        if kind is None or kind == self.kind:
            return
        if self._subscription is not None:
            # The middleware knows one type per topic: the old subscription must be gone before the next look.
            self._node.destroy_subscription(self._subscription)
            self._subscription, self.kind = None, None
            return
        profile = QoSProfile(depth=DEPTH, reliability=kind[1])
        self._subscription = self._node.create_subscription(
            kind[0], self.name, self._take, profile, callback_group=self._group
        )
        self.kind = kind

    @property
    def has_publisher(self) -> bool:
        """Whether somebody publishes, or has published."""
        return self.rate.total > 0 or self._node.count_publishers(self.name) > 0

    def _kind_of(self, publishers: list[Any]) -> tuple[type, ReliabilityPolicy] | None:
        name = next((name for name in self._types if any(each.topic_type == name for each in publishers)), None)
        if name is None:
            return None
        offered = [each.qos_profile.reliability for each in publishers if each.topic_type == name]
        all_reliable = all(each == ReliabilityPolicy.RELIABLE for each in offered)
        return self._types[name], ReliabilityPolicy.RELIABLE if all_reliable else ReliabilityPolicy.BEST_EFFORT

    def _take(self, message: Any) -> None:  # noqa: ANN401 - any of the types
        self.rate.count()
        self._callback(message)

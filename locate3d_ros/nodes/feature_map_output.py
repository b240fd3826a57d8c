"""~/feature_map: the map for localization nodes in other processes, whole to newcomers, then what changed."""

from __future__ import annotations

import uuid

from locate3d_msgs.msg import FeatureMap
from rclpy.node import Node

from locate3d_ros.mapping.map_changes import encode_change, encode_map
from locate3d_ros.nodes.base_node import LATCHED
from locate3d_ros.nodes.clouds import to_data, to_header
from locate3d_ros.nodes.live_map import LiveMap
from locate3d_ros.types import MapSnapshot

WHOLE_EVERY = 20
"""Messages after which the whole map is sent again: who missed one waits no longer than that."""


class FeatureMapOutput:
    """Publishes the map's changes while somebody listens."""

    def __init__(self, node: Node, live_map: LiveMap) -> None:
        """Create the publisher in the node's private namespace."""
        self._node = node
        self._map = live_map
        self._publisher = node.create_publisher(FeatureMap, "~/feature_map", LATCHED)
        self._topic = node.resolve_topic_name("~/feature_map")
        self._listeners: set[bytes] = set()
        self._generation = -1
        self._map_id = ""
        self._sent: MapSnapshot | None = None
        self._changes_sent = 0

    def publish(self) -> None:
        """Send what the listeners do not have yet; nothing without listeners or news."""
        if self._publisher.get_subscription_count() == 0:
            self._listeners.clear()
            return
        generation, snapshot = self._map.generation, self._map.snapshot()
        if generation != self._generation:
            self._generation, self._map_id, self._sent = generation, uuid.uuid4().hex, None
        base = self._base()
        if base is snapshot:
            return
        self._publisher.publish(self._message(snapshot, base))
        self._changes_sent = 0 if base is None else self._changes_sent + 1
        self._sent = snapshot

    def _base(self) -> MapSnapshot | None:
        """Return the state that all listeners have; None: send the whole."""
        is_joined = self._somebody_joined()
        # Revision 0 as a base would say that the message is whole.
        is_needed = self._sent is None or self._sent.revision == 0 or self._changes_sent >= WHOLE_EVERY
        return None if is_joined or is_needed else self._sent

    def _somebody_joined(self) -> bool:
        """Whoever joins may have heard nothing yet, or only a change that is of no use without the map before."""
        listeners = {bytes(each.endpoint_gid) for each in self._node.get_subscriptions_info_by_topic(self._topic)}
        joined = not listeners <= self._listeners
        self._listeners = listeners
        return joined

    def _message(self, snapshot: MapSnapshot, base: MapSnapshot | None) -> FeatureMap:
        encoded = encode_map(snapshot, self._map_id) if base is None else encode_change(snapshot, base, self._map_id)
        return FeatureMap(
            header=to_header(snapshot.frame_id, snapshot.stamp),
            revision=snapshot.revision,
            base_revision=0 if base is None else base.revision,
            voxel_size=snapshot.voxel_size,
            extractor=snapshot.extractor,
            digest=snapshot.digest,
            slot_names=list(snapshot.features),
            slot_widths=[each.shape[1] for each in snapshot.features.values()],
            data=to_data(encoded),
        )

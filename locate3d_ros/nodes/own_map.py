"""Where a localization node on its own has its map from: a map file, or a mapping node in another process."""

from __future__ import annotations

from pathlib import Path

from locate3d_msgs.msg import FeatureMap
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.anchored_map import AnchoredMap
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.nodes.base_node import LATCHED, BaseNode
from locate3d_ros.nodes.file_map import FileMap
from locate3d_ros.nodes.guard import guarded
from locate3d_ros.nodes.live_map import LiveMap, MapSource
from locate3d_ros.nodes.remote_map import RemoteMap
from locate3d_ros.types import FeatureExtractor

FILE_PERIOD = 1.0  # seconds between two looks at the map file
TOPIC = "mapping/feature_map"
"""Relative to the namespace of the nodes, where the mapping node publishes it."""


def own_map(node: BaseNode, extractor: FeatureExtractor) -> MapSource:
    """Follow the parameter map_file where it is set, otherwise ~/feature_map of the mapping node."""
    config = node.config
    empty = VoxelFeatureMap(config.mapping, extractor, node.device, config.map_frame)
    if config.map_file:
        return _map_of_file(node, extractor, empty)
    topic = node.resolve_topic_name(TOPIC)
    remote = RemoteMap(extractor, topic, empty.snapshot(), node.device)

    def take(message: FeatureMap) -> None:
        try:
            remote.take(message)
        except InputError as error:
            node.get_logger().warning(f"{error} (the running map stays)", throttle_duration_sec=5.0)

    call = guarded(node.get_logger(), topic, take)
    node.create_subscription(FeatureMap, topic, call, LATCHED, callback_group=MutuallyExclusiveCallbackGroup())
    return remote


def _map_of_file(node: BaseNode, extractor: FeatureExtractor, empty: VoxelFeatureMap) -> MapSource:
    path = Path(node.config.map_file).expanduser()
    anchored = AnchoredMap(empty, node.config.mapping, extractor, 0.0)
    live_map = LiveMap(anchored, f"waiting for map_file {node.config.map_file}")
    file_map = FileMap(path, extractor, live_map, node.get_logger().warning)

    def follow() -> None:
        if file_map.look():
            node.get_logger().info(f"map_file {node.config.map_file}: read")

    node.every(FILE_PERIOD, "map_file", follow, MutuallyExclusiveCallbackGroup())
    follow()
    return live_map

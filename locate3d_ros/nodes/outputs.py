"""Every answer on the localization node's topics."""

from __future__ import annotations

from dataclasses import dataclass

from locate3d_msgs.msg import InstanceArray
from rclpy.node import Node
from sensor_msgs.msg import Image, PointCloud2
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import MarkerArray

from locate3d_ros.nodes.answers import to_detections, to_image, to_instance_array, to_markers, to_object_points
from locate3d_ros.nodes.base_node import LATCHED
from locate3d_ros.nodes.clouds import to_header
from locate3d_ros.nodes.requests import Answer
from locate3d_ros.visualization.picture import draw_view


@dataclass(frozen=True)
class Shown:
    """A text and its answer."""

    text: str
    answer: Answer


class Outputs:
    """Publishers of answers; each topic keeps its last message for who comes late."""

    def __init__(self, node: Node) -> None:
        """Create the publishers in the node's private namespace."""
        self._node = node
        self._instances = node.create_publisher(InstanceArray, "~/instances", LATCHED)
        self._detections = node.create_publisher(Detection3DArray, "~/detections", LATCHED)
        self._markers = node.create_publisher(MarkerArray, "~/markers", LATCHED)
        self._points = node.create_publisher(PointCloud2, "~/object_points", LATCHED)
        self._picture = node.create_publisher(Image, "~/picture", LATCHED)

    def show(self, shown: Shown) -> None:
        """Publish an answer in the map's frame; one without instances empties the views."""
        answer, snapshot = shown.answer.localization, shown.answer.snapshot
        header = to_header(snapshot.frame_id, snapshot.stamp) if snapshot else to_header("", 0.0)
        instances = to_instance_array(shown.text, answer, header)
        self._instances.publish(instances)
        if snapshot is None:
            return
        self._detections.publish(to_detections(instances))
        self._markers.publish(to_markers(answer, header))
        self._points.publish(to_object_points(answer, header))
        self._picture.publish(to_image(draw_view(snapshot, answer), header))

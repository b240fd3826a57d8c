"""A localization as the messages that a robot, an operator and RViz understand."""

from __future__ import annotations

import numpy as np
import torch
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Vector3
from locate3d_msgs.msg import Instance as InstanceMessage
from locate3d_msgs.msg import InstanceArray
from numpy.typing import NDArray
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import ColorRGBA, Header
from torch import Tensor
from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose
from visualization_msgs.msg import Marker, MarkerArray

from locate3d_ros.geometry.boxes import box_corners
from locate3d_ros.geometry.transforms import transform_points
from locate3d_ros.nodes.clouds import to_cloud, to_data, to_pose
from locate3d_ros.types import Instance, Localization, Role

LINE_WIDTH = 0.015
TEXT_HEIGHT = 0.08
# Red, green, blue of a target, of an anchor, of the rest.
COLOURS = {Role.TARGET: (0.1, 0.9, 0.2), Role.ANCHOR: (0.2, 0.5, 1.0), Role.OTHER: (0.7, 0.7, 0.7)}
# Corners of `box_corners` that differ in one bit share an edge.
EDGES = [(i, i | bit) for i in range(8) for bit in (1, 2, 4) if not i & bit]


def to_instance(instance: Instance, header: Header, T_target_map: Tensor) -> InstanceMessage:
    """Return one instance in the frame of `header`; the box keeps its shape, its pose carries the rotation."""
    T_map_box = torch.eye(4, dtype=torch.float64)
    T_map_box[:3, 3] = torch.tensor(instance.box.center, dtype=torch.float64)
    message = InstanceMessage(header=header, id=instance.id, phrase=instance.phrase, role=int(instance.role))
    message.score = float(instance.score)
    message.pose = to_pose(T_target_map @ T_map_box)
    message.size = _vector(instance)
    message.points = to_cloud(header, transform_points(T_target_map, instance.xyz), instance.rgb)
    return message


def to_instance_array(text: str, answer: Localization, header: Header) -> InstanceArray:
    """Return an answer in the map frame, for subscribers."""
    identity = torch.eye(4, dtype=torch.float64)
    return InstanceArray(
        header=header,
        text=text,
        status=int(answer.status),
        message=answer.message,
        instances=[to_instance(each, header, identity) for each in answer.instances],
    )


def to_detections(array: InstanceArray) -> Detection3DArray:
    """Return the same instances as vision_msgs, for planners that know nothing of this package."""
    detections = Detection3DArray(header=array.header)
    for each in array.instances:
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = each.phrase, float(each.score)
        result.pose.pose = each.pose
        detection = Detection3D(header=array.header, results=[result], id=str(each.id))
        detection.bbox.center, detection.bbox.size = each.pose, each.size
        detections.detections.append(detection)
    return detections


def to_markers(answer: Localization, header: Header) -> MarkerArray:
    """Return outlines and labels for RViz; the first marker removes those of the last answer."""
    array = MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])
    for number, instance in enumerate(answer.instances):
        array.markers += [_outline(instance, header, number), _label(instance, header, number)]
    return array


def to_object_points(answer: Localization, header: Header) -> PointCloud2:
    """Return the points of all targets as one cloud; without an answer it is empty."""
    targets = [each for each in answer.instances if each.role == Role.TARGET]
    xyz = torch.cat([each.xyz.cpu() for each in targets]) if targets else torch.zeros(0, 3)
    rgb = torch.cat([each.rgb.cpu() for each in targets]) if targets else torch.zeros(0, 3)
    return to_cloud(header, xyz, rgb)


def to_image(rgb: NDArray[np.uint8], header: Header) -> Image:
    """Return a picture [H, W, 3] uint8 as a message."""
    height, width = rgb.shape[:2]
    image = Image(header=header, height=height, width=width, encoding="rgb8", step=width * 3)
    image.data = to_data(rgb.tobytes())
    return image


def _outline(instance: Instance, header: Header, number: int) -> Marker:
    marker = _marker(instance, header, number, "boxes", Marker.LINE_LIST)
    marker.scale.x = LINE_WIDTH
    corners = [Point(x=x, y=y, z=z) for x, y, z in box_corners(instance.box).to(torch.float64).tolist()]
    marker.points = [corners[end] for edge in EDGES for end in edge]
    return marker


def _label(instance: Instance, header: Header, number: int) -> Marker:
    marker = _marker(instance, header, number, "labels", Marker.TEXT_VIEW_FACING)
    marker.scale.z = TEXT_HEIGHT
    x, y, _ = instance.box.center
    marker.pose.position.x, marker.pose.position.y = float(x), float(y)
    marker.pose.position.z = float(instance.box.max[2]) + TEXT_HEIGHT
    marker.text = f"{instance.phrase} {instance.score:.2f}"
    return marker


def _marker(instance: Instance, header: Header, number: int, namespace: str, kind: int) -> Marker:
    marker = Marker(header=header, ns=namespace, id=number, type=kind, action=Marker.ADD)
    red, green, blue = COLOURS[instance.role]
    marker.color = ColorRGBA(r=red, g=green, b=blue, a=1.0)
    marker.pose.orientation.w = 1.0
    marker.lifetime = Duration()
    return marker


def _vector(instance: Instance) -> Vector3:
    x, y, z = instance.box.size
    return Vector3(x=float(x), y=float(y), z=float(z))

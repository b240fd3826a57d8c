"""Points and poses as messages."""

from __future__ import annotations

import array
import math

import numpy as np
import torch
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose, Transform
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from torch import Tensor

from locate3d_ros.geometry.transforms import matrix_from_quaternion

# RViz and PCL read colour from a float that holds the bytes b, g, r, 0.
_POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<u4")])


def to_data(content: bytes) -> array.array[int]:
    """Return bytes as the type that message fields take as they are; older rclpy looks at each byte of others."""
    return array.array("B", content)


def to_time(nanoseconds: int) -> Time:
    """Return a stamp message; nanoseconds below 0 become 0."""
    seconds, rest = divmod(max(0, nanoseconds), 1_000_000_000)
    return Time(sec=min(seconds, 2**31 - 1), nanosec=rest)


def to_header(frame_id: str, stamp: float) -> Header:
    """Return a header; `stamp` in seconds."""
    return Header(frame_id=frame_id, stamp=to_time(round(stamp * 1e9)))


def to_cloud(header: Header, xyz: Tensor, rgb: Tensor) -> PointCloud2:
    """Return points (n, 3) metres with colours (n, 3) in [0, 1] as a cloud with the fields x, y, z, rgb."""
    points = np.zeros(len(xyz), _POINT)
    position = xyz.detach().to("cpu", torch.float32).numpy()
    colour = (rgb.detach().to("cpu", torch.float32).clamp(0, 1) * 255.0).round().to(torch.int64).numpy().astype("<u4")
    for axis, name in enumerate("xyz"):
        points[name] = position[:, axis]
    points["rgb"] = (colour[:, 0] << 16) | (colour[:, 1] << 8) | colour[:, 2]
    fields = [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, name in enumerate(("x", "y", "z", "rgb"))
    ]
    cloud = PointCloud2(header=header, height=1, width=len(points), fields=fields, is_dense=True)
    cloud.is_bigendian, cloud.point_step, cloud.row_step = False, _POINT.itemsize, _POINT.itemsize * len(points)
    cloud.data = to_data(points.tobytes())
    return cloud


def to_pose(T: Tensor) -> Pose:
    """Return a rigid transform (4, 4) as a pose."""
    pose = Pose()
    pose.position.x, pose.position.y, pose.position.z = (float(value) for value in T[:3, 3])
    o = pose.orientation
    o.x, o.y, o.z, o.w = quaternion_of(T)
    return pose


def from_pose(pose: Pose) -> Tensor:
    """Return a pose message as (4, 4) float64. Raises InputError where it is none."""
    p, q = pose.position, pose.orientation
    return matrix_from_quaternion((p.x, p.y, p.z), (q.x, q.y, q.z, q.w))


def to_matrix(transform: Transform) -> Tensor:
    """Return a transform message as (4, 4) float64. Raises InputError where it is none."""
    t, q = transform.translation, transform.rotation
    return matrix_from_quaternion((t.x, t.y, t.z), (q.x, q.y, q.z, q.w))


def quaternion_of(T: Tensor) -> tuple[float, float, float, float]:
    """Return the rotation of T (4, 4) as a unit quaternion (x, y, z, w), w >= 0."""
    r = T[:3, :3].to(torch.float64)
    # The largest of the four squares is divided by, so that no digits are lost near half turns.
    squares = [1 + r[0, 0] - r[1, 1] - r[2, 2], 1 - r[0, 0] + r[1, 1] - r[2, 2], 1 - r[0, 0] - r[1, 1] + r[2, 2]]
    squares.append(1 + r[0, 0] + r[1, 1] + r[2, 2])
    rows = (
        (squares[0], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0], r[2, 1] - r[1, 2]),
        (r[0, 1] + r[1, 0], squares[1], r[1, 2] + r[2, 1], r[0, 2] - r[2, 0]),
        (r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], squares[2], r[1, 0] - r[0, 1]),
        (r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], squares[3]),
    )
    best = max(range(4), key=lambda i: float(squares[i]))
    values = [float(value) for value in rows[best]]
    norm = math.sqrt(sum(value * value for value in values)) * (1.0 if values[3] >= 0 else -1.0)
    x, y, z, w = (value / norm for value in values)
    return x, y, z, w

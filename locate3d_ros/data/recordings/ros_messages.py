"""The fields of ROS messages that recordings are read from; `rosbags` makes the messages, without ROS."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
TF = "tf2_msgs/msg/TFMessage"


class Time(Protocol):
    """builtin_interfaces/Time."""

    sec: int
    nanosec: int


class Header(Protocol):
    """std_msgs/Header."""

    stamp: Time
    frame_id: str


class Image(Protocol):
    """sensor_msgs/Image."""

    header: Header
    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: npt.NDArray[np.uint8]


class CompressedImage(Protocol):
    """sensor_msgs/CompressedImage."""

    header: Header
    format: str
    data: npt.NDArray[np.uint8]


class CameraInfo(Protocol):
    """sensor_msgs/CameraInfo."""

    header: Header
    height: int
    width: int
    distortion_model: str
    d: npt.NDArray[np.float64]
    k: npt.NDArray[np.float64]
    p: npt.NDArray[np.float64]


class Xyz(Protocol):
    """geometry_msgs/Vector3."""

    x: float
    y: float
    z: float


class Quaternion(Protocol):
    """geometry_msgs/Quaternion."""

    x: float
    y: float
    z: float
    w: float


class Transform(Protocol):
    """geometry_msgs/Transform."""

    translation: Xyz
    rotation: Quaternion


class TransformStamped(Protocol):
    """geometry_msgs/TransformStamped."""

    header: Header
    child_frame_id: str
    transform: Transform


class TransformMessage(Protocol):
    """tf2_msgs/TFMessage."""

    transforms: Sequence[TransformStamped]


def header_stamp(cdr: bytes) -> int | None:
    """Return the stamp, nanoseconds, of a serialised message that begins with a header; None where it is cut off.

    Read from the first bytes, so that walking a bag's images for their times does not unpack them.
    """
    if len(cdr) < 12:
        return None
    # The second byte of the CDR encapsulation tells the byte order.
    seconds, nanoseconds = struct.unpack_from("<iI" if cdr[1] & 1 else ">iI", cdr, 4)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def seconds_of(stamp: Time) -> float:
    """Return a stamp in seconds."""
    return stamp.sec + stamp.nanosec * 1e-9

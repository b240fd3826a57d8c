"""Images of ROS messages as arrays."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import numpy.typing as npt

from locate3d_ros.data.recordings.image_io import PNG_MAGIC, decode_depth, decode_rgb, depth_in_metres
from locate3d_ros.data.recordings.recording import BadFileError
from locate3d_ros.data.recordings.ros_messages import CompressedImage, Image

# Channels, and how to turn them into RGB.
_COLOR = {
    "rgb8": (3, None),
    "8UC3": (3, cv2.COLOR_BGR2RGB),
    "bgr8": (3, cv2.COLOR_BGR2RGB),
    "rgba8": (4, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, cv2.COLOR_BGRA2RGB),
    "8UC4": (4, cv2.COLOR_BGRA2RGB),
    "mono8": (1, cv2.COLOR_GRAY2RGB),
    "8UC1": (1, cv2.COLOR_GRAY2RGB),
}
_DEPTH = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}
_MILLIMETRES = 1000.0
# compressed_depth_image_transport puts this in front of the PNG: format, then two parameters of the depth quantisation.
_DEPTH_HEADER = struct.Struct("<iff")


def is_depth_encoding(encoding: str) -> bool:
    """Tell depth encodings from those of colour and from unknown ones."""
    return encoding in _DEPTH


def color_of(message: Image, name: str) -> npt.NDArray[np.uint8]:
    """Return [H, W, 3] RGB of an Image; `name` is what a fault is reported under. Raises BadFileError."""
    if message.encoding not in _COLOR:
        raise BadFileError(name, f"unknown encoding {message.encoding!r} for colour; record {', '.join(_COLOR)}")
    channels, conversion = _COLOR[message.encoding]
    pixels = np.ascontiguousarray(_pixels(message, name, "u1", channels), dtype=np.uint8)
    return pixels if conversion is None else np.asarray(cv2.cvtColor(pixels, conversion), dtype=np.uint8)


def depth_of(message: Image, name: str) -> npt.NDArray[np.float32]:
    """Return [h, w] metres of an Image, 0 where there is no depth. Raises BadFileError."""
    if message.encoding not in _DEPTH:
        raise BadFileError(name, f"unknown encoding {message.encoding!r} for depth; record {', '.join(_DEPTH)}")
    pixels = _pixels(message, name, _DEPTH[message.encoding], 1)[:, :, 0]
    if message.encoding == "32FC1":
        return _known(pixels.astype(np.float32))
    return depth_in_metres(pixels.astype(np.uint16), _MILLIMETRES)


def color_of_compressed(message: CompressedImage, name: str) -> npt.NDArray[np.uint8]:
    """Return [H, W, 3] RGB of a CompressedImage. Raises BadFileError."""
    return decode_rgb(bytes(message.data), name)


def depth_of_compressed(message: CompressedImage, name: str) -> npt.NDArray[np.float32]:
    """Return [h, w] metres of a CompressedImage, a PNG perhaps with compressedDepth's header. Raises BadFileError."""
    blob = bytes(message.data)
    if blob.startswith(PNG_MAGIC):
        return depth_in_metres(decode_depth(blob, name), _MILLIMETRES)
    if len(blob) < _DEPTH_HEADER.size:
        raise BadFileError(name, "truncated compressed depth; record or export it again")
    _, scale, offset = _DEPTH_HEADER.unpack_from(blob)
    raw = decode_depth(blob[_DEPTH_HEADER.size :], name)
    if not message.format.startswith("32FC1"):
        return depth_in_metres(raw, _MILLIMETRES)
    # Floats are sent as 16-bit inverse depth; 0 is "no depth".
    with np.errstate(divide="ignore", invalid="ignore"):
        return _known(np.where(raw > 0, np.float32(scale) / (raw.astype(np.float32) - np.float32(offset)), 0))


def _known(depth: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Put 0 where depth is nan, infinite or behind the camera."""
    return np.where(np.isfinite(depth) & (depth > 0), depth, 0).astype(np.float32)


def _pixels(message: Image, name: str, kind: str, channels: int) -> npt.NDArray[np.generic]:
    """View the bytes of an Image as [H, W, channels]; rows may be padded."""
    dtype = np.dtype((">" if message.is_bigendian else "<") + kind)
    row = message.width * channels * dtype.itemsize
    if row == 0 or message.step < row or len(message.data) < message.step * message.height:
        raise BadFileError(
            name,
            f"{len(message.data)} bytes are too few for {message.width}x{message.height} {message.encoding}; "
            "record or export it again",
        )
    rows = message.data[: message.step * message.height].reshape(message.height, message.step)[:, :row]
    return np.ascontiguousarray(rows).view(dtype).reshape(message.height, message.width, channels)

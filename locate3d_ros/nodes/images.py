"""Image messages as arrays: Image and CompressedImage, colour and depth, every way they can be wrong."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from locate3d_ros.nodes.drops import DroppedFrameError

MAX_PIXELS = 64_000_000
"""Larger images are taken for garbage."""

# Encoding -> type of a sample (without byte order) and samples per pixel.
COLOUR_LAYOUTS = {"rgb8": ("u1", 3), "bgr8": ("u1", 3), "rgba8": ("u1", 4), "bgra8": ("u1", 4), "mono8": ("u1", 1)}
DEPTH_LAYOUTS = {"16UC1": ("u2", 1), "mono16": ("u2", 1), "32FC1": ("f4", 1)}

_PNG_END = b"IEND\xaeB`\x82"
_DEPTH_HEADER = struct.Struct("<iff")  # of compressed_depth_image_transport: format, quantisation a and b


def read_rgb(message: Any, topic: str) -> NDArray[np.uint8]:  # noqa: ANN401 - Image or CompressedImage
    """Return an image message as [H, W, 3] uint8 RGB. Raises DroppedFrameError naming topic, reason and mend."""
    if hasattr(message, "format"):
        bgr = _decode(bytes(message.data), cv2.IMREAD_COLOR, topic)
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    samples = _samples(message, COLOUR_LAYOUTS, topic)
    if message.encoding == "mono8":
        return np.repeat(samples, 3, axis=2)
    colour = samples[:, :, :3]
    return np.ascontiguousarray(colour[:, :, ::-1] if message.encoding.startswith("bgr") else colour)


def read_depth(message: Any, topic: str) -> NDArray[np.float32]:  # noqa: ANN401 - Image or CompressedImage
    """Return a depth message as [h, w] float32 metres, 0 where there is none.

    Raises DroppedFrameError naming topic, reason and mend.
    """
    if hasattr(message, "format"):
        return _decode_depth(message, topic)
    samples = _samples(message, DEPTH_LAYOUTS, topic)[:, :, 0]
    return _metres(samples)


def _metres(samples: NDArray[Any]) -> NDArray[np.float32]:
    if samples.dtype.kind == "u":
        return samples.astype(np.float32) * np.float32(0.001)
    depth = samples.astype(np.float32)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0.0))


def _samples(message: Any, layouts: dict[str, tuple[str, int]], topic: str) -> NDArray[Any]:  # noqa: ANN401 - Image
    width, height, step = int(message.width), int(message.height), int(message.step)
    if message.encoding not in layouts:
        known = ", ".join(layouts)
        raise DroppedFrameError("encoding", f"{topic}: unknown encoding {message.encoding!r}; publish one of {known}")
    kind, channels = layouts[message.encoding]
    dtype = np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<")
    row = width * channels * dtype.itemsize
    _require_size(width, height, topic)
    if step < row or len(message.data) < step * (height - 1) + row:
        raise DroppedFrameError(
            "size",
            f"{topic}: {len(message.data)} bytes with step {step} cannot hold {width}x{height} {message.encoding}; "
            f"publish step >= {row} and step * height bytes",
        )
    buffer = np.frombuffer(message.data, np.uint8)
    rows = np.lib.stride_tricks.as_strided(buffer, (height, row), (step, 1), writeable=False)
    samples = rows.copy().view(dtype).reshape(height, width, channels)
    return samples.astype(dtype.newbyteorder("="), copy=False)


def _require_size(width: int, height: int, topic: str) -> None:
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise DroppedFrameError("size", f"{topic}: image of {width}x{height} pixels; publish 1 to {MAX_PIXELS} pixels")


def _decode_depth(message: Any, topic: str) -> NDArray[np.float32]:  # noqa: ANN401 - CompressedImage
    content, name = bytes(message.data), str(message.format)
    if "compressedDepth" not in name:
        return _metres(_decode_gray(content, topic))
    if "rvl" in name.lower():
        raise DroppedFrameError("encoding", f"{topic}: format {name!r} (RVL) is not read; set the publisher to png")
    if len(content) <= _DEPTH_HEADER.size:
        raise DroppedFrameError("truncated", f"{topic}: {len(content)} bytes of {name!r}; publish whole images")
    _, a, b = _DEPTH_HEADER.unpack_from(content)
    samples = _decode_gray(content[_DEPTH_HEADER.size :], topic)
    if not name.startswith("32FC1"):
        return _metres(samples)
    # 32FC1 travels as the quantised inverse depth: value = a / depth + b, 0 for none.
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.float32(a) / (samples.astype(np.float32) - np.float32(b))
    return _metres(np.where(samples > 0, depth, np.float32(0.0)))


def _decode_gray(content: bytes, topic: str) -> NDArray[np.uint16]:
    samples = _decode(content, cv2.IMREAD_UNCHANGED, topic)
    if samples.dtype != np.uint16 or samples.ndim != 2:
        raise DroppedFrameError(
            "encoding", f"{topic}: compressed depth of {samples.dtype} {samples.shape}; publish 16-bit PNG in mm"
        )
    return samples.astype(np.uint16, copy=False)


def _decode(content: bytes, flags: int, topic: str) -> NDArray[Any]:
    # OpenCV fills up the missing rest of a cut file with grey instead of refusing it.
    whole = {
        b"\xff\xd8": content.rstrip(b"\0").endswith(b"\xff\xd9"),
        b"\x89P": _PNG_END in content[-64:],
    }.get(content[:2])
    if whole is None:
        raise DroppedFrameError("encoding", f"{topic}: compressed image is neither JPEG nor PNG; publish one of these")
    if not whole:
        raise DroppedFrameError("truncated", f"{topic}: compressed image is cut off; publish whole images")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise DroppedFrameError("corrupt", f"{topic}: compressed image cannot be decoded; publish valid JPEG or PNG")
    return image

"""Image files and blobs, with faults named: a decoder fills what a truncated image lacks with grey and says nothing."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from locate3d_ros.data.recordings.recording import BadFileError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
NO_DEPTH = 65535  # what depth cameras write beside 0 where they measured nothing

_MEND = "record or export it again"


def read_rgb(path: Path) -> npt.NDArray[np.uint8]:
    """Read a JPEG or PNG as [H, W, 3] RGB. Raises BadFileError."""
    return decode_rgb(_read_bytes(path), path)


def read_depth(path: Path, units_per_metre: float) -> npt.NDArray[np.float32]:
    """Read a uint16 PNG as [h, w] metres, 0 where there is no depth. Raises BadFileError."""
    return depth_in_metres(decode_depth(_read_bytes(path), path), units_per_metre)


def decode_rgb(blob: bytes, name: Path | str) -> npt.NDArray[np.uint8]:
    """Decode a JPEG or PNG to [H, W, 3] RGB; `name` is what a fault is reported under. Raises BadFileError."""
    # Intrinsics belong to the pixels as the camera wrote them, so an orientation tag must not turn them.
    bgr = _decode(blob, name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def decode_depth(blob: bytes, name: Path | str) -> npt.NDArray[np.uint16]:
    """Decode a one-channel uint16 PNG to its raw numbers [h, w]. Raises BadFileError."""
    if blob and not blob.startswith(PNG_MAGIC):
        raise BadFileError(name, "depth is not a PNG; give uint16 depth as PNG")
    depth = _decode(blob, name, cv2.IMREAD_UNCHANGED)
    if depth.dtype != np.uint16 or depth.ndim != 2:
        raise BadFileError(name, f"depth is {depth.dtype} of shape {depth.shape}; give a 16-bit PNG with one channel")
    return depth.astype(np.uint16, copy=False)


def depth_in_metres(raw: npt.NDArray[np.uint16], units_per_metre: float) -> npt.NDArray[np.float32]:
    """Turn a depth camera's numbers into metres, with 0 for "no depth"."""
    depth: npt.NDArray[np.float32] = raw.astype(np.float32) / np.float32(units_per_metre)
    depth[raw == NO_DEPTH] = 0.0
    return depth


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadFileError(
            path, f"cannot be read ({error.strerror}); restore the file or leave the frame out"
        ) from None


def _decode(blob: bytes, name: Path | str, flags: int) -> npt.NDArray[np.integer | np.floating]:
    fault = _fault(blob)
    if fault:
        raise BadFileError(name, f"{fault}; {_MEND}")
    try:
        image = cv2.imdecode(np.frombuffer(blob, dtype=np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise BadFileError(name, f"cannot be decoded; {_MEND}")
    return np.asarray(image)


def _fault(blob: bytes) -> str:
    """Say what is wrong with an image's bytes; "" if nothing was found."""
    if not blob:
        return "empty file"
    if blob.startswith(PNG_MAGIC):
        return _png_fault(blob)
    if blob.startswith(JPEG_MAGIC):
        return "" if _jpeg_is_complete(blob) else "truncated JPEG (no end marker)"
    return "neither JPEG nor PNG"


def _png_fault(blob: bytes) -> str:
    """Walk the chunks: length, kind, content, checksum, up to IEND."""
    position = len(PNG_MAGIC)
    while position + 12 <= len(blob):
        end = position + 12 + int.from_bytes(blob[position : position + 4], "big")
        if end > len(blob):
            break
        kind = blob[position + 4 : position + 8]
        if zlib.crc32(blob[position + 4 : end - 4]) != int.from_bytes(blob[end - 4 : end], "big"):
            return f"damaged PNG (checksum of {kind.decode('ascii', 'replace')})"
        if kind == b"IEND":
            return ""
        position = end
    return "truncated PNG (no end chunk)"


def _jpeg_is_complete(blob: bytes) -> bool:
    """Walk the markers to EOI. A search for EOI alone would find that of an embedded thumbnail."""
    position = 2
    while True:
        position = blob.find(b"\xff", position)
        if position < 0 or position + 1 >= len(blob):
            return False
        marker = blob[position + 1]
        if marker == 0xD9:
            return True
        # Inside entropy-coded data: a stuffed 0xff, or a restart marker; before a marker: fill bytes.
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            position += 2
        elif marker == 0xFF:
            position += 1
        else:
            position += 2 + int.from_bytes(blob[position + 2 : position + 4], "big")

"""CameraInfo messages as pinhole cameras, and images freed of their lens's distortion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from locate3d_ros.errors import InputError
from locate3d_ros.nodes.drops import DroppedFrameError
from locate3d_ros.types import Intrinsics

PINHOLE_MODELS = ("plumb_bob", "rational_polynomial", "")
FISHEYE_MODELS = ("equidistant", "fisheye")
_COEFFICIENTS = (4, 5, 8, 12, 14)  # what OpenCV's pinhole model takes


@dataclass(frozen=True)
class Camera:
    """A pinhole camera and, where its lens distorts, where each undistorted pixel is found in the image."""

    intrinsics: Intrinsics
    maps: tuple[NDArray[np.float32], NDArray[np.float32]] | None  # [H, W] columns, [H, W] rows

    def undistort(self, image: NDArray[Any], is_depth: bool) -> NDArray[Any]:
        """Return the image as the pinhole camera sees it; depth is never blended, what lies outside becomes 0."""
        if self.maps is None:
            return image
        return cv2.remap(image, *self.maps, cv2.INTER_NEAREST if is_depth else cv2.INTER_LINEAR)


class CameraReader:
    """Turns one topic's CameraInfo messages into cameras; a repeated message costs nothing."""

    def __init__(self, topic: str, is_rectified: bool) -> None:
        """`is_rectified`: the images are rectified already, so that P holds and there is no distortion."""
        self._topic = topic
        self._is_rectified = is_rectified
        self._key: tuple[Any, ...] | None = None
        self._camera: Camera | None = None

    def read(self, info: Any) -> Camera:  # noqa: ANN401 - CameraInfo
        """Return the camera. Raises DroppedFrameError naming topic, reason and mend for one that cannot project."""
        key = _key(info)
        # nan differs from itself: such a message is looked at, and refused, each time.
        if self._camera is None or key != self._key:
            try:
                self._camera, self._key = _camera(info, self._is_rectified), key
            except InputError as error:
                self._camera = None
                raise DroppedFrameError("camera_info", f"{self._topic}: {error}; publish a calibration") from None
        return self._camera


def require_image_size(camera: Camera, image: NDArray[Any], topic: str) -> None:
    """Raise DroppedFrameError where an image is not of its camera's size."""
    height, width = image.shape[:2]
    own = camera.intrinsics
    if (width, height) != (own.width, own.height):
        raise DroppedFrameError(
            "size",
            f"{topic}: image of {width}x{height} but its camera_info says {own.width}x{own.height}; "
            "publish the camera_info of this image",
        )


def _key(info: Any) -> tuple[Any, ...]:  # noqa: ANN401 - CameraInfo
    roi = info.roi
    region = (roi.x_offset, roi.y_offset, roi.width, roi.height, info.binning_x, info.binning_y)
    return (info.width, info.height, info.distortion_model, *info.d, *info.k, *info.p, *region)


def _camera(info: Any, is_rectified: bool) -> Camera:  # noqa: ANN401 - CameraInfo
    fx, fy, cx, cy = (info.p[0], info.p[5], info.p[2], info.p[6]) if is_rectified else (
        info.k[0], info.k[4], info.k[2], info.k[5]
    )  # fmt: skip
    full = Intrinsics(float(fx), float(fy), float(cx), float(cy), int(info.width), int(info.height))
    intrinsics = _visible_part(full, info)
    distortion = np.array(info.d, dtype=np.float64)
    if is_rectified or not distortion.any():
        return Camera(intrinsics, None)
    if not np.isfinite(distortion).all():
        raise InputError("distortion holds nan or infinity")
    return Camera(intrinsics, _undistortion(intrinsics, str(info.distortion_model), distortion))


def _visible_part(full: Intrinsics, info: Any) -> Intrinsics:  # noqa: ANN401 - CameraInfo
    """Return the camera of the image as published: CameraInfo describes the whole sensor, before region and binning."""
    roi, bin_x, bin_y = info.roi, max(1, int(info.binning_x)), max(1, int(info.binning_y))
    width, height = int(roi.width) or full.width, int(roi.height) or full.height
    if roi.x_offset + width > full.width or roi.y_offset + height > full.height:
        raise InputError(f"region of interest {width}x{height} leaves the image of {full.width}x{full.height}")
    return Intrinsics(
        fx=full.fx / bin_x,
        fy=full.fy / bin_y,
        cx=(full.cx - roi.x_offset + 0.5) / bin_x - 0.5,
        cy=(full.cy - roi.y_offset + 0.5) / bin_y - 0.5,
        width=width // bin_x,
        height=height // bin_y,
    )


def _undistortion(
    intrinsics: Intrinsics, model: str, distortion: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    K = np.array([[intrinsics.fx, 0, intrinsics.cx], [0, intrinsics.fy, intrinsics.cy], [0, 0, 1]], np.float64)
    size = (intrinsics.width, intrinsics.height)
    if model in FISHEYE_MODELS and len(distortion) >= 4:
        maps = cv2.fisheye.initUndistortRectifyMap(K, distortion[:4], np.eye(3), K, size, cv2.CV_32FC1)
    elif model in PINHOLE_MODELS and len(distortion) in _COEFFICIENTS:
        maps = cv2.initUndistortRectifyMap(K, distortion, np.eye(3), K, size, cv2.CV_32FC1)
    else:
        raise InputError(
            f"distortion model {model!r} with {len(distortion)} coefficients is not known; "
            "use plumb_bob, rational_polynomial or equidistant"
        )
    return np.asarray(maps[0], np.float32), np.asarray(maps[1], np.float32)

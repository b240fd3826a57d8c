"""Lens distortion, taken out of colour and depth before the core sees them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from locate3d_ros.errors import InputError
from locate3d_ros.types import Intrinsics

# ROS' names (sensor_msgs/CameraInfo) and how many coefficients each model may have.
_COUNTS = {"plumb_bob": (4, 5), "rational_polynomial": (4, 5, 8, 12, 14), "equidistant": (4,)}


@dataclass(frozen=True)
class Distortion:
    """A lens model of ROS and OpenCV: plumb_bob, rational_polynomial or equidistant."""

    model: str
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be undone."""
        if self.model not in _COUNTS:
            raise InputError(f"distortion model {self.model!r}: unknown; give one of {', '.join(_COUNTS)}")
        if len(self.coefficients) not in _COUNTS[self.model] or not np.isfinite(self.coefficients).all():
            raise InputError(
                f"distortion coefficients {list(self.coefficients)}: {self.model} takes "
                f"{' or '.join(map(str, _COUNTS[self.model]))} finite numbers; correct the calibration"
            )


def undistort_rgb(rgb: npt.NDArray[np.uint8], intrinsics: Intrinsics, distortion: Distortion) -> npt.NDArray[np.uint8]:
    """Return the image [H, W, 3] of the pinhole camera with the same intrinsics; black where nothing was seen."""
    maps = _maps(intrinsics, distortion)
    return np.asarray(cv2.remap(rgb, *maps, cv2.INTER_LINEAR), dtype=np.uint8)


def undistort_depth(
    depth: npt.NDArray[np.float32], intrinsics: Intrinsics, distortion: Distortion
) -> npt.NDArray[np.float32]:
    """Do the same with depth [h, w]; nearest, because a mean of two surfaces is neither."""
    maps = _maps(intrinsics, distortion)
    return np.asarray(cv2.remap(depth, *maps, cv2.INTER_NEAREST), dtype=np.float32)


@lru_cache(maxsize=8)
def _maps(intrinsics: Intrinsics, distortion: Distortion) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Source pixel (u, v) of every target pixel, each [H, W]."""
    K = np.array([[intrinsics.fx, 0, intrinsics.cx], [0, intrinsics.fy, intrinsics.cy], [0, 0, 1]])
    D = np.array(distortion.coefficients)
    size = (intrinsics.width, intrinsics.height)
    make = cv2.fisheye.initUndistortRectifyMap if distortion.model == "equidistant" else cv2.initUndistortRectifyMap
    map_u, map_v = make(K, D, np.eye(3), K, size, cv2.CV_32FC1)
    return np.asarray(map_u, dtype=np.float32), np.asarray(map_v, dtype=np.float32)

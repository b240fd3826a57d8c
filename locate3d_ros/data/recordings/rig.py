"""From decoded images to a `Frame`: sizes checked, lens distortion removed, both cameras set."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from locate3d_ros.data.recordings.undistortion import Distortion, undistort_depth, undistort_rgb
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.camera import scale_intrinsics
from locate3d_ros.types import Frame, Intrinsics


@dataclass(frozen=True)
class Rig:
    """A colour camera and, where depth is not registered to it, a depth camera."""

    color: Intrinsics
    distortion: Distortion | None = None  # of the colour image, and of depth registered to it
    depth: Intrinsics | None = None  # None: registered to colour
    depth_distortion: Distortion | None = None  # of the depth camera
    T_camera_depth: Tensor | None = None  # [4, 4] float64, metres; None: identity


@dataclass(frozen=True)
class Moment:
    """Where and when a frame was taken."""

    T_map_camera: Tensor  # [4, 4] float64
    stamp: float  # seconds
    camera: str = "camera"


def make_frame(rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32], rig: Rig, moment: Moment) -> Frame:
    """Join colour [H, W, 3], depth [h, w] in metres, cameras and pose. Raises InputError where sizes do not fit."""
    _require_size("colour", rgb.shape, rig.color)
    camera_of_depth = rig.depth or _registered(rig.color, depth.shape)
    _require_size("depth", depth.shape, camera_of_depth)
    depth_distortion = rig.depth_distortion if rig.depth else rig.distortion
    if rig.distortion:
        rgb = undistort_rgb(rgb, rig.color, rig.distortion)
    if depth_distortion:
        depth = undistort_depth(depth, camera_of_depth, depth_distortion)
    return Frame(
        # Images straight from a bag are views of its bytes, which tensors must not write to.
        rgb=torch.from_numpy(np.require(rgb, requirements=("C", "W"))),
        depth=torch.from_numpy(np.require(depth, requirements=("C", "W"))),
        intrinsics=rig.color,
        T_map_camera=moment.T_map_camera,
        stamp=moment.stamp,
        camera=moment.camera,
        depth_intrinsics=None if camera_of_depth == rig.color and rig.depth is None else camera_of_depth,
        T_camera_depth=rig.T_camera_depth,
    )


def with_size(intrinsics: Intrinsics, shape: tuple[int, ...]) -> Intrinsics:
    """Give a camera whose file holds no size that of its image [H, W, ...]."""
    return replace(intrinsics, height=shape[0], width=shape[1])


def _registered(color: Intrinsics, shape: tuple[int, ...]) -> Intrinsics:
    """Return the camera of depth [h, w] that is registered to colour, perhaps at another resolution."""
    height, width = shape[:2]
    if width * color.height != height * color.width:
        raise InputError(
            f"depth is {width}x{height}, colour {color.width}x{color.height}; "
            "registered depth has colour's aspect ratio, or give the depth camera's intrinsics"
        )
    same = (width, height) == (color.width, color.height)
    return color if same else scale_intrinsics(color, width, height)


def _require_size(what: str, shape: tuple[int, ...], camera: Intrinsics) -> None:
    if (shape[1], shape[0]) != (camera.width, camera.height):
        raise InputError(
            f"{what} is {shape[1]}x{shape[0]}, its camera {camera.width}x{camera.height}; "
            "give the intrinsics of this image size"
        )

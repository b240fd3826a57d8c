"""A frame of ScanNet: with its own depth camera, or registered and resized as the published loader has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from locate3d_ros.config import RecordingConfig
from locate3d_ros.data.recordings.published import Picture, resize_smoothly
from locate3d_ros.data.recordings.rig import Moment, Rig, make_frame
from locate3d_ros.types import Frame, Intrinsics


@dataclass(frozen=True)
class ScanRig:
    """The two cameras of a scan, which share one pose."""

    color: Intrinsics
    depth: Intrinsics


@dataclass(frozen=True)
class Images:
    """The images of one frame."""

    rgb: npt.NDArray[np.uint8]  # [H, W, 3]
    depth: npt.NDArray[np.float32]  # [h, w] metres


def scan_frame(images: Images, rig: ScanRig, moment: Moment, config: RecordingConfig) -> Frame:
    """Join the images of a frame. Raises InputError where their sizes are not the cameras'.

    The published loader takes depth as registered to colour and leaves the depth camera's own matrix aside.
    """
    if config.protocol == "locate3d":
        picture = resize_smoothly(Picture(images.rgb, images.depth, rig.color))
        return make_frame(picture.rgb, picture.depth, Rig(picture.intrinsics), moment)
    if rig.depth == rig.color:
        return make_frame(images.rgb, images.depth, Rig(rig.color), moment)
    return make_frame(images.rgb, images.depth, Rig(color=rig.color, depth=rig.depth), moment)

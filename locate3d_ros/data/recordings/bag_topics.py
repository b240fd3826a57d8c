"""Which topics of a bag belong together: colour, depth and their camera_info."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from locate3d_ros.data.recordings.recording import BadFileError
from locate3d_ros.data.recordings.rig import Rig
from locate3d_ros.data.recordings.ros_images import is_depth_encoding
from locate3d_ros.data.recordings.ros_messages import CameraInfo
from locate3d_ros.data.recordings.undistortion import Distortion
from locate3d_ros.errors import InputError
from locate3d_ros.types import Intrinsics

_TRANSPORTS = ("compressed", "compressedDepth")


@dataclass(frozen=True)
class ImageTopic:
    """What the first message of an image topic tells."""

    topic: str
    frame_id: str
    encoding: str  # of an Image; format of a CompressedImage
    compressed: bool

    @property
    def base(self) -> str:
        """The topic without the name of its transport."""
        head, _, tail = self.topic.rpartition("/")
        return head if self.compressed and tail in _TRANSPORTS else self.topic

    @property
    def is_depth(self) -> bool:
        """Whether it is depth, by encoding, or by name where the encoding is none we know."""
        if self.compressed:
            described = self.encoding.startswith(("16UC1", "32FC1")) or "compressedDepth" in self.encoding
            return described or self.topic.endswith("/compressedDepth") or self._named_depth_png
        return is_depth_encoding(self.encoding) or (
            self._names("depth") and not self.encoding.startswith(("rgb", "bgr"))
        )

    @property
    def is_infrared(self) -> bool:
        """Whether it shows what no colour camera sees."""
        return self._names("infra") or "ir" in self.topic.split("/")

    @property
    def is_rectified(self) -> bool:
        """Whether its name says that it is undistorted already (ROS' image_proc calls it image_rect…)."""
        return "rect" in self.base.rpartition("/")[2]

    @property
    def _named_depth_png(self) -> bool:
        return self._names("depth") and "jp" not in self.encoding

    def _names(self, word: str) -> bool:
        return word in self.topic.lower()


@dataclass(frozen=True)
class CameraTopics:
    """The two image topics of one camera, and the cameras behind them."""

    name: str
    color: ImageTopic
    depth: ImageTopic
    rig: Rig  # T_camera_depth is left to TF
    depth_frame: str  # where unregistered depth points are in


def find_cameras(images: Iterable[ImageTopic], infos: Mapping[str, CameraInfo]) -> tuple[CameraTopics, ...]:
    """Pair every depth topic with its colour topic. Raises InputError where there is no pair or no camera_info."""
    topics = [topic for topic in _one_transport_each(images) if not topic.is_infrared]
    colors, depths = [t for t in topics if not t.is_depth], [t for t in topics if t.is_depth]
    if not colors or not depths:
        kind = "depth" if colors else "colour"
        raise InputError(f"no {kind} image topic; record colour and depth images (docs/recordings.md)")
    # Each depth topic chooses its colour first, so that a colour camera without depth does not take another's.
    chosen: dict[str, list[ImageTopic]] = {}
    for depth in depths:
        color = min(colors, key=lambda candidate: _distance(candidate, depth))
        chosen.setdefault(color.topic, []).append(depth)
    pairs = [(c, min(chosen[c.topic], key=lambda d: _distance(c, d))) for c in colors if c.topic in chosen]  # noqa: B023
    names = _names(pairs)
    return tuple(_camera(name, color, depth, infos) for name, (color, depth) in zip(names, pairs, strict=True))


def _one_transport_each(images: Iterable[ImageTopic]) -> list[ImageTopic]:
    """Keep one topic per image, the uncompressed where there are both, in the order of their names."""
    by_base: dict[str, ImageTopic] = {}
    for image in sorted(images, key=lambda image: (image.compressed, not image.topic.endswith("Depth"), image.topic)):
        by_base.setdefault(image.base, image)
    return [by_base[base] for base in sorted(by_base)]


def _distance(color: ImageTopic, depth: ImageTopic) -> tuple[int, bool, bool, bool, str, str]:
    """Say how badly two topics fit, as something to sort by."""
    aligned = "aligned" in depth.topic or "regist" in depth.topic
    different_kind = color.is_rectified != depth.is_rectified
    other_frame = color.frame_id != depth.frame_id
    return (-len(_shared(color, depth)), other_frame, not aligned, different_kind, color.topic, depth.topic)


def _shared(color: ImageTopic, depth: ImageTopic) -> list[str]:
    """List the leading parts that two names share."""
    shared = []
    for a, b in zip(color.base.strip("/").split("/"), depth.base.strip("/").split("/"), strict=False):
        if a != b:
            break
        shared.append(a)
    return shared


def _names(pairs: list[tuple[ImageTopic, ImageTopic]]) -> list[str]:
    """Name every camera by what its topics share, or by its colour topic where that is not unique."""
    names = ["/".join(_shared(color, depth)) or "camera" for color, depth in pairs]
    return [
        name if names.count(name) == 1 else color.base.strip("/") for name, (color, _) in zip(names, pairs, strict=True)
    ]


def _camera(name: str, color: ImageTopic, depth: ImageTopic, infos: Mapping[str, CameraInfo]) -> CameraTopics:
    color_info = _info_of(color, infos) or (next(iter(infos.values())) if len(infos) == 1 else None)
    if color_info is None:
        raise InputError(f"{color.topic}: no camera_info for it; record {_beside(color)}")
    intrinsics, distortion = _pinhole(color, color_info)
    depth_info = _info_of(depth, infos)
    if depth_info is None:
        return CameraTopics(name, color, depth, Rig(intrinsics, distortion), color.frame_id)
    depth_intrinsics, depth_distortion = _pinhole(depth, depth_info)
    depth_frame = depth_info.header.frame_id or depth.frame_id
    registered = depth_intrinsics == intrinsics and depth_frame == (color_info.header.frame_id or color.frame_id)
    # Registered depth that was rectified on its own must not be undistorted with colour a second time.
    if registered and depth_distortion == distortion:
        return CameraTopics(name, color, depth, Rig(intrinsics, distortion), color.frame_id)
    rig = Rig(intrinsics, distortion, depth_intrinsics, depth_distortion)
    return CameraTopics(name, color, depth, rig, color.frame_id if registered else depth_frame)


def _beside(image: ImageTopic) -> str:
    return image.base.rpartition("/")[0] + "/camera_info"


def _info_of(image: ImageTopic, infos: Mapping[str, CameraInfo]) -> CameraInfo | None:
    """Return the camera_info beside a topic, else the only one of the image's frame."""
    if _beside(image) in infos:
        return infos[_beside(image)]
    same_frame = [info for info in infos.values() if info.header.frame_id == image.frame_id]
    return same_frame[0] if len(same_frame) == 1 else None


def _pinhole(image: ImageTopic, info: CameraInfo) -> tuple[Intrinsics, Distortion | None]:
    """Return the camera of the undistorted image, and the distortion that is still in it."""
    k, p = (np.asarray(matrix, dtype=np.float64).ravel().tolist() for matrix in (info.k, info.p))
    fx, fy, cx, cy = k[0], k[4], k[2], k[5]
    coefficients = tuple(float(number) for number in info.d)
    if image.is_rectified:
        # Drivers that rectify by themselves may leave P empty.
        fx, fy, cx, cy = (p[0], p[5], p[2], p[6]) if p[0] > 0 else (fx, fy, cx, cy)
        coefficients = ()
    try:
        intrinsics = Intrinsics(fx, fy, cx, cy, width=info.width, height=info.height)
        distortion = Distortion(info.distortion_model, coefficients) if any(coefficients) else None
    except InputError as error:
        raise BadFileError(f"camera_info of {image.topic}", f"{error}; calibrate the camera") from None
    return intrinsics, distortion

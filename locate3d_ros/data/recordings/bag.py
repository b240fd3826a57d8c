"""rosbag2 recordings (mcap, sqlite3): two walks, the first for times and transforms, the second for images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from rosbags.highlevel import AnyReader

from locate3d_ros.data.recordings.bag_index import (
    MESSAGE_ERRORS,
    BagIndex,
    cameras_of,
    open_bag,
    pair_images,
    read_index,
    walk,
)
from locate3d_ros.data.recordings.bag_topics import CameraTopics, ImageTopic
from locate3d_ros.data.recordings.recording import BadFileError, SkippedFrame, no_usable_frame, require_positions
from locate3d_ros.data.recordings.rig import Moment, make_frame
from locate3d_ros.data.recordings.ros_images import color_of, color_of_compressed, depth_of, depth_of_compressed
from locate3d_ros.data.recordings.ros_messages import COMPRESSED_IMAGE, IMAGE, CompressedImage, Image, header_stamp
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame

_NANO = 1_000_000_000


@dataclass(frozen=True)
class _Pair:
    """A colour image and its depth image, by stamps in nanoseconds."""

    camera: CameraTopics
    color_stamp: int
    depth_stamp: int | None

    @property
    def name(self) -> str:
        """What its faults are reported under."""
        return f"{self.camera.color.topic} at {self.color_stamp / _NANO:.3f} s"


def load_bag(path: Path) -> BagRecording:
    """Open a bag and walk it for times and transforms. Raises InputError where it cannot be a recording."""
    index = read_index(path)
    cameras = cameras_of(path, index)
    try:
        frame_id = index.tree.fixed_frame(cameras[0].color.frame_id)
    except InputError as error:
        raise BadFileError.of(path, error) from None
    return BagRecording(path, index, cameras, frame_id)


class BagRecording:
    """A bag; its images are unpacked one pair at a time."""

    def __init__(self, path: Path, index: BagIndex, cameras: tuple[CameraTopics, ...], frame_id: str) -> None:
        """Take what the first walk found."""
        self.frame_id = frame_id
        self.cameras = tuple(camera.name for camera in cameras)
        self.skipped: list[SkippedFrame] = list(index.faults)
        self._path = path
        self._index = index
        self._pairs = [
            _Pair(camera, color, depth) for camera in cameras for color, depth in pair_images(index, camera).items()
        ]

    def __len__(self) -> int:
        """Count the colour images."""
        return len(self._pairs)

    def select(self, positions: Sequence[int]) -> BagRecording:
        """Return the recording of these of its colour images, in the order of the cameras and their stamps."""
        require_positions(self._path, positions, len(self))
        selected = copy(self)
        selected._pairs = [self._pairs[i] for i in positions]
        return selected

    def __iter__(self) -> Iterator[Frame]:
        """Unpack pair after pair, in the order of the bag, leaving out and listing the faulty ones."""
        self.skipped = list(self._index.faults)
        usable = 0
        with open_bag(self._path) as reader:
            for pair, color, depth in self._complete_pairs(reader):
                try:
                    frame = self._frame(reader, pair, color, depth)
                except BadFileError as error:
                    self.skipped.append(SkippedFrame(error.file, error.reason))
                    continue
                usable += 1
                yield frame
        if usable == 0:
            raise no_usable_frame(self._path, self.skipped)

    def _complete_pairs(self, reader: AnyReader) -> Iterator[tuple[_Pair, bytes, bytes]]:
        """Walk the images and yield both of a pair once the later of them has come."""
        awaited: dict[tuple[str, int | None], _Pair] = {}
        for pair in self._pairs:
            if pair.depth_stamp is None:
                self.skipped.append(SkippedFrame(pair.name, f"no image on {pair.camera.depth.topic} near; record both"))
            else:
                awaited[pair.camera.color.topic, pair.color_stamp] = pair
                awaited[pair.camera.depth.topic, pair.depth_stamp] = pair
        first: dict[_Key, bytes] = {}
        # Where the file is damaged was listed by the first walk already.
        for connection, raw in walk(reader, self._path, (IMAGE, COMPRESSED_IMAGE), []):
            topic = connection.topic
            partner = awaited.pop((topic, header_stamp(raw)), None)
            if partner is None:
                continue
            key = (partner.camera.name, partner.color_stamp)
            other = first.pop(key, None)
            if other is None:
                first[key] = raw
            elif topic == partner.camera.color.topic:
                yield partner, raw, other
            else:
                yield partner, other, raw

    def _frame(self, reader: AnyReader, pair: _Pair, color: bytes, depth: bytes) -> Frame:
        camera, stamp = pair.camera, pair.color_stamp / _NANO
        try:
            T_map_camera = self._index.tree.lookup(self.frame_id, camera.color.frame_id, stamp)
            rig = camera.rig
            if camera.depth_frame != camera.color.frame_id:
                offset = self._index.tree.lookup(camera.color.frame_id, camera.depth_frame, stamp)
                rig = replace(rig, T_camera_depth=offset)
            rgb = _unpack_color(reader, camera.color, color, pair.name)
            metres = _unpack_depth(reader, camera.depth, depth, f"{camera.depth.topic} for {pair.name}")
            return make_frame(rgb, metres, rig, Moment(T_map_camera, stamp, camera.name))
        except BadFileError:
            raise
        except InputError as error:
            raise BadFileError(pair.name, str(error)) from None
        except MESSAGE_ERRORS as error:
            raise BadFileError(pair.name, f"unusable message ({error}); record it again") from None


_Key = tuple[str, int]  # camera name, colour stamp


def _unpack_color(reader: AnyReader, topic: ImageTopic, raw: bytes, name: str) -> npt.NDArray[np.uint8]:
    if topic.compressed:
        return color_of_compressed(cast(CompressedImage, reader.deserialize(raw, COMPRESSED_IMAGE)), name)
    return color_of(cast(Image, reader.deserialize(raw, IMAGE)), name)


def _unpack_depth(reader: AnyReader, topic: ImageTopic, raw: bytes, name: str) -> npt.NDArray[np.float32]:
    if topic.compressed:
        return depth_of_compressed(cast(CompressedImage, reader.deserialize(raw, COMPRESSED_IMAGE)), name)
    return depth_of(cast(Image, reader.deserialize(raw, IMAGE)), name)

"""The first walk over a bag: its cameras, its TF tree, and which images belong together. No image is unpacked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from locate3d_ros.data.recordings.bag_files import MEND, find_bag_files
from locate3d_ros.data.recordings.bag_topics import CameraTopics, ImageTopic, find_cameras
from locate3d_ros.data.recordings.pose_track import associate
from locate3d_ros.data.recordings.recording import BadFileError, SkippedFrame
from locate3d_ros.data.recordings.ros_messages import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    TF,
    CameraInfo,
    CompressedImage,
    Image,
    TransformMessage,
    header_stamp,
    seconds_of,
)
from locate3d_ros.data.recordings.transform_tree import TransformTree
from locate3d_ros.errors import InputError

# What unpacking a damaged message raises.
MESSAGE_ERRORS = (AnyReaderError, struct.error, ValueError, LookupError, TypeError, AssertionError, ArithmeticError)
_MAX_DIFFERENCE = 0.05  # seconds between colour and depth: less than half a period at 10 Hz
_NANO = 1_000_000_000


@dataclass
class BagIndex:
    """What the first walk found."""

    tree: TransformTree = field(default_factory=TransformTree)
    infos: dict[str, CameraInfo] = field(default_factory=dict)  # by topic
    images: dict[str, ImageTopic] = field(default_factory=dict)  # by topic
    stamps: dict[str, set[int]] = field(default_factory=dict)  # nanoseconds, by image topic
    faults: list[SkippedFrame] = field(default_factory=list)


@contextmanager
def open_bag(path: Path) -> Iterator[AnyReader]:
    """Open a bag. Raises BadFileError where it cannot be opened."""
    try:
        reader = AnyReader(find_bag_files(path).paths, default_typestore=_types_of_humble())  # type: ignore[arg-type]
        reader.open()
    except Exception as error:  # noqa: BLE001 - see `walk`
        raise BadFileError(path, f"{MEND} ({type(error).__name__}: {error})") from None
    try:
        yield reader
    finally:
        reader.close()


def read_index(path: Path) -> BagIndex:
    """Walk a bag once. Raises BadFileError where it cannot be opened; later faults are listed."""
    index = BagIndex(faults=list(find_bag_files(path).faults))
    with open_bag(path) as reader:
        for connection, raw in walk(reader, path, (IMAGE, COMPRESSED_IMAGE, CAMERA_INFO, TF), index.faults):
            try:
                _note(index, reader, connection, raw)
            except MESSAGE_ERRORS as error:
                index.faults.append(SkippedFrame(connection.topic, f"unusable message ({error}); record it again"))
    return index


def walk(
    reader: AnyReader, path: Path, types: tuple[str, ...], faults: list[SkippedFrame]
) -> Iterator[tuple[Connection, bytes]]:
    """Yield the messages of some types up to the end or to where the file is damaged, which is then listed."""
    connections = [connection for connection in reader.connections if connection.msgtype in types]
    if not connections:
        return
    messages = reader.messages(connections)
    while True:
        try:
            connection, _, raw = next(messages)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - damaged bytes make the reader and its decompressors raise anything
            faults.append(SkippedFrame(str(path), f"the rest is {MEND} ({error})"))
            return
        yield connection, raw


def pair_images(index: BagIndex, camera: CameraTopics) -> dict[int, int | None]:
    """Give every colour stamp the stamp of its depth image, or None; nanoseconds."""
    color, depth = (sorted(index.stamps[topic.topic]) for topic in (camera.color, camera.depth))
    pairs = associate([stamp / _NANO for stamp in color], [stamp / _NANO for stamp in depth], _MAX_DIFFERENCE)
    return {stamp: depth[pairs[i]] if i in pairs else None for i, stamp in enumerate(color)}


def cameras_of(path: Path, index: BagIndex) -> tuple[CameraTopics, ...]:
    """Find the cameras. Raises BadFileError naming bag and topic where there is none."""
    try:
        return find_cameras(index.images.values(), index.infos)
    except InputError as error:
        raise BadFileError.of(path, error) from None


@cache
def _types_of_humble() -> Typestore:
    """Return the messages of bags that hold no definitions, Humble's and older; those read here are the same since."""
    return get_typestore(Stores.ROS2_HUMBLE)


def _note(index: BagIndex, reader: AnyReader, connection: Connection, raw: bytes) -> None:
    topic = connection.topic
    if connection.msgtype == TF:
        _add_transforms(index, topic, reader.deserialize(raw, TF))  # type: ignore[arg-type]
    elif connection.msgtype == CAMERA_INFO:
        if topic not in index.infos:
            index.infos[topic] = reader.deserialize(raw, CAMERA_INFO)  # type: ignore[assignment]
    else:
        stamp = header_stamp(raw)
        if stamp is None:
            raise ValueError(f"{len(raw)} bytes")
        if topic not in index.images:
            index.images[topic] = _image_topic(topic, reader.deserialize(raw, connection.msgtype))  # type: ignore[arg-type]
        index.stamps.setdefault(topic, set()).add(stamp)


def _image_topic(topic: str, message: Image | CompressedImage) -> ImageTopic:
    compressed = not hasattr(message, "encoding")
    encoding = message.format if compressed else message.encoding  # type: ignore[union-attr]
    return ImageTopic(topic, message.header.frame_id.lstrip("/"), encoding, compressed)


def _add_transforms(index: BagIndex, topic: str, message: TransformMessage) -> None:
    for stamped in message.transforms:
        parent, child = stamped.header.frame_id.lstrip("/"), stamped.child_frame_id.lstrip("/")
        t, q = stamped.transform.translation, stamped.transform.rotation
        translation, xyzw = (t.x, t.y, t.z), (q.x, q.y, q.z, q.w)
        try:
            if topic.endswith("tf_static"):
                index.tree.add_static(parent, child, translation, xyzw)
            else:
                index.tree.add_sample((parent, child), seconds_of(stamped.header.stamp), translation, xyzw)
        except InputError as error:
            index.faults.append(SkippedFrame(f"{topic} {parent} to {child}", str(error)))

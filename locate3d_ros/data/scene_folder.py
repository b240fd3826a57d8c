"""One scene of a data set folder: its recording, its objects, and the object of every pixel (docs/datasets.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from locate3d_ros.data.bad_file import BadFileError
from locate3d_ros.data.json_files import list_of, object_of, read_json, text_of, whole_number
from locate3d_ros.data.recordings.frame_files import find_frames
from locate3d_ros.data.recordings.image_io import decode_depth
from locate3d_ros.data.recordings.load import load_recording
from locate3d_ros.data.recordings.plain import PREFIX, load_plain
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame

OBJECTS = "objects.json"
ABOUT = "scene.json"
RECORDING = "recording"
INSTANCES = "instances"
_MEND = "write it as docs/datasets.md says, or make the scene again"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SceneObject:
    """One annotated object."""

    id: int  # above 0; as in instance images and annotations
    name: str
    category: str
    box: Floats  # [2, 3] min and max of the whole object, metres, frame of the recording's poses
    seen_box: Floats  # [2, 3] of the part that the frames show; `box` where that is not known
    pixels: int | None  # with depth, of all frames together; None: not known
    room: str
    attributes: Mapping[str, str]  # such as colour -> blue


@dataclass(frozen=True)
class RoomSurfaces:
    """What covers a room: kinds of floor and wall, and their colours as RGB in 0..1."""

    floor: str
    floor_colour: tuple[float, ...]
    wall: str
    wall_colour: tuple[float, ...]


@dataclass(frozen=True)
class SceneRoom:
    """One room of a scene."""

    name: str
    polygon: Floats  # [P, 2] corners in the map's x and y, metres
    surfaces: RoomSurfaces | None = None  # None: not known


class SceneFolder:
    """Reads a scene's folder; every file when it is asked for, every fault in one line."""

    def __init__(self, path: Path) -> None:
        """Take the folder `scenes/<id>`."""
        self.path = path

    @property
    def id(self) -> str:
        """The scene's id: the name of its folder."""
        return self.path.name

    @property
    def recording_path(self) -> Path:
        """Where the frames are, as a plain folder."""
        return self.path / RECORDING

    def objects(self) -> list[SceneObject]:
        """Read the objects. Raises InputError where the file is missing or wrong."""
        file = self.path / OBJECTS
        try:
            objects = [_object(object_of(entry, "an object")) for entry in list_of(read_json(file, _MEND), "the file")]
        except KeyError as error:
            raise BadFileError(file, f"{error} of an object is missing; {_MEND}") from None
        except ValueError as error:
            raise _named(file, error) from None
        if len({item.id for item in objects}) < len(objects):
            raise BadFileError(file, f"an id is given twice; {_MEND}")
        return objects

    def rooms(self) -> list[SceneRoom]:
        """Read the rooms; none where the scene does not say. Raises InputError where the file is missing or wrong."""
        file = self.path / ABOUT
        try:
            about = object_of(read_json(file, _MEND), "the file")
            return [_room(object_of(entry, "a room")) for entry in list_of(about.get("rooms", []), "rooms")]
        except KeyError as error:
            raise BadFileError(file, f"{error} of a room is missing; {_MEND}") from None
        except ValueError as error:
            raise _named(file, error) from None

    def frames(self) -> Iterator[tuple[int, Frame]]:
        """Walk the usable frames with the numbers that their files have.

        A scene without instance images may hold a recording of any layout.
        Raises InputError where the recording is missing, or at the end where no frame was usable.
        """
        if not self.has_instance_ids:
            yield from enumerate(load_recording(self.recording_path))
            return
        if not self.recording_path.is_dir():
            raise InputError(f"{self.recording_path}: no such folder; {_MEND}")
        numbers = [files.number for files in find_frames(self.recording_path, PREFIX)]
        recording = load_plain(self.recording_path)
        for walked, frame in enumerate(recording):
            yield numbers[walked + len(recording.skipped)], frame

    @property
    def has_instance_ids(self) -> bool:
        """Whether the scene has images of object ids at all."""
        return (self.path / INSTANCES).is_dir()

    def instance_ids(self, frame_index: int) -> npt.NDArray[np.uint16]:
        """Read the object id of every depth pixel [H, W] of the frame with this number; 0 = none.

        Raises InputError where the image is missing or damaged.
        """
        file = self.path / INSTANCES / f"{frame_index:06d}.png"
        try:
            return decode_depth(file.read_bytes(), file)
        except OSError as error:
            raise BadFileError(file, f"cannot be read ({error.strerror}); {_MEND}") from None


def _object(entry: Mapping[str, object]) -> SceneObject:
    box = _box(entry, "box_min", "box_max")
    seen = _box(entry, "seen_min", "seen_max") if "seen_min" in entry else box
    number = whole_number(entry["id"], "id")
    attributes = object_of(entry.get("attributes", {}), "attributes")
    if number == 0:
        raise ValueError("id is 0, which means no object")
    return SceneObject(
        id=number,
        name=text_of(entry["name"], "name"),
        category=text_of(entry["category"], "category"),
        box=box,
        seen_box=seen,
        pixels=None if "pixels" not in entry else whole_number(entry["pixels"], "pixels"),
        room=str(entry.get("room", "")),
        attributes={str(key): str(value) for key, value in attributes.items()},
    )


def _box(entry: Mapping[str, object], low: str, high: str) -> Floats:
    box = np.stack([_numbers(entry[low], 3, low), _numbers(entry[high], 3, high)])
    if (box[0] > box[1]).any():
        raise ValueError(f"{low} {box[0].tolist()} is above {high} {box[1].tolist()}")
    return box


def _room(entry: Mapping[str, object]) -> SceneRoom:
    corners = [_numbers(corner, 2, "a corner") for corner in list_of(entry["polygon"], "polygon")]
    if len(corners) < 3:
        raise ValueError(f"polygon has {len(corners)} corners, fewer than 3")
    surfaces = _surfaces(object_of(entry["surfaces"], "surfaces")) if "surfaces" in entry else None
    return SceneRoom(text_of(entry["name"], "name"), np.stack(corners), surfaces)


def _surfaces(entry: Mapping[str, object]) -> RoomSurfaces:
    floor_colour, wall_colour = (
        tuple(_numbers(entry[name], 3, name).tolist()) for name in ("floor_colour", "wall_colour")
    )
    return RoomSurfaces(text_of(entry["floor"], "floor"), floor_colour, text_of(entry["wall"], "wall"), wall_colour)


def _numbers(value: object, count: int, what: str) -> Floats:
    values: Sequence[object] = list_of(value, what)
    if len(values) != count or not all(isinstance(v, (int, float)) and np.isfinite(v) for v in values):
        raise ValueError(f"{what} is {value!r}, not {count} numbers")
    return np.array(values, dtype=np.float64)


def _named(file: Path, error: ValueError) -> BadFileError:
    """Put the file's name in front of a fault, unless it is there already."""
    return error if isinstance(error, BadFileError) else BadFileError(file, f"{error}; {_MEND}")

"""The Locate 3D Dataset (L3DD), and ScanEnts3D and ScanRefer, whose JSON has the same keys or fewer of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from locate3d_ros.data.annotations.annotation_set import Corners, SceneSource
from locate3d_ros.data.annotations.sample import Entity, Sample, find_words
from locate3d_ros.data.json_files import list_of, text_of, whole_number
from locate3d_ros.data.object_ids import DataSet, object_id

_DATA_SETS: Mapping[str, DataSet] = {"ScanNet": "scannet", "ScanNet++": "scannetpp", "ARKitScenes": "arkitscenes"}
_NO_ENTITIES = "description"  # the kind of a sentence of which only the target is known


@dataclass
class SceneTable:
    """The scenes that samples were about so far, and the boxes of those that bring their own."""

    scenes: dict[str, SceneSource] = field(default_factory=dict)
    boxes: dict[str, dict[Corners, int]] = field(default_factory=dict)  # box -> object id, in order
    names: dict[str, dict[int, str]] = field(default_factory=dict)  # object id -> name of the targets among them


def read_sample(entry: Mapping[str, object], table: SceneTable) -> Sample:
    """Read one sample and note its scene. Raises KeyError or ValueError where it cannot be used."""
    name = str(entry.get("scene_dataset", "ScanNet"))
    if name not in _DATA_SETS:
        raise ValueError(f"scene_dataset is {name!r}, none of {', '.join(_DATA_SETS)}")
    data_set = _DATA_SETS[name]
    source = _source(entry, data_set)
    scene_id = _scene_id(source)
    target = whole_number(entry["object_id"], "object_id")
    tokens = _tokens(entry)
    entities = _entities(entry, tokens) if "entities" in entry else _target_words(entry, tokens, target)
    if data_set == "arkitscenes":
        ids = _ids_of_boxes(entry, table.boxes.setdefault(scene_id, {}))
    else:
        numbers = {target, *(number for entity in entities for number in entity.object_ids)}
        ids = {number: object_id(data_set, number) for number in numbers}
    for number in (target, *(number for entity in entities for number in entity.object_ids)):
        if number not in ids:
            raise ValueError(f"object {number} has no box; the sample has {len(ids)}")
    table.scenes[scene_id] = source
    if data_set == "arkitscenes":
        table.names.setdefault(scene_id, {})[ids[target]] = str(entry.get("object_name", "object")).replace("_", " ")
    ours = tuple(Entity(one.tokens, tuple(ids[number] for number in one.object_ids)) for one in entities)
    return Sample(tokens, ours, ids[target], scene_id, "" if "entities" in entry else _NO_ENTITIES)


def _source(entry: Mapping[str, object], data_set: DataSet) -> SceneSource:
    scan = text_of(entry["scene_id"], "scene_id")
    if "/" in scan or scan.startswith("."):
        raise ValueError(f"scene_id is {scan!r}, not a scan's name")
    if "frames_used" not in entry:
        return SceneSource(data_set, scan)
    frames = [whole_number(frame, "a frame of frames_used") for frame in list_of(entry["frames_used"], "frames_used")]
    if not frames:
        raise ValueError("frames_used is empty")
    return SceneSource(data_set, scan, tuple(frames))


def _scene_id(source: SceneSource) -> str:
    """Name a part of a recording by its first and last frame, as the published feature files are named."""
    if source.positions is None:
        return source.scan
    return f"{source.scan}_start{source.positions[0]}_end{source.positions[-1]}"


def _tokens(entry: Mapping[str, object]) -> tuple[str, ...]:
    """Take the words that entities count, else those of the sentence."""
    sentence = text_of(entry["description"], "description")
    if "entities" not in entry:
        return tuple(sentence.split())
    words = list_of(entry["token"], "token")
    if not all(isinstance(word, str) for word in words) or not any(words):
        raise ValueError("token is no list of words")
    return tuple(map(str, words))


def _entities(entry: Mapping[str, object], tokens: tuple[str, ...]) -> tuple[Entity, ...]:
    entities = []
    for item in list_of(entry["entities"], "entities"):
        words, names = (list_of(part, "an entity's part") for part in _pair(item))
        places = tuple(whole_number(word, "an entity's token") for word in words)
        if not places or not names:
            raise ValueError("an entity without words or without objects")
        if max(places) >= len(tokens):
            raise ValueError(f"an entity has token {max(places)}, the sentence {len(tokens)}")
        numbers = tuple(whole_number(str(name).split("_", 1)[0], "an entity's object") for name in names)
        entities.append(Entity(places, tuple(dict.fromkeys(numbers))))
    if not entities:
        raise ValueError("no entities")
    return tuple(entities)


def _pair(item: object) -> tuple[object, object]:
    parts = list_of(item, "an entity")
    if len(parts) != 2:
        raise ValueError("an entity is no pair of token indices and names")
    return parts[0], parts[1]


def _target_words(entry: Mapping[str, object], tokens: tuple[str, ...], target: int) -> tuple[Entity, ...]:
    """Without entities, the target's words are those of its name where the sentence has them."""
    words = find_words(tokens, text_of(entry["object_name"], "object_name"))
    return (Entity(words, (target,)),) if words else ()


def _ids_of_boxes(entry: Mapping[str, object], known: dict[Corners, int]) -> dict[int, int]:
    """Give every distinct box of a scene one id: each sample counts its own list of boxes from 0."""
    boxes = [_corners(box) for box in list_of(entry["gt_boxes"], "gt_boxes")]
    return {index: known.setdefault(box, len(known) + 1) for index, box in enumerate(boxes)}


def _corners(value: object) -> Corners:
    """Turn [[x0, x1], [y0, y1], [z0, z1]] into (min, max), metres."""
    axes = [list_of(axis, "an axis of a box") for axis in list_of(value, "a box")]
    if [len(axis) for axis in axes] != [2, 2, 2]:
        raise ValueError("a box is not [[x0, x1], [y0, y1], [z0, z1]]")
    low, high = ([float(axis[i]) for axis in axes] for i in (0, 1))  # type: ignore[arg-type]
    if not all(map(math.isfinite, (*low, *high))) or any(a > b for a, b in zip(low, high, strict=True)):
        raise ValueError(f"box {low} to {high}: not finite, or its ends are exchanged")
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])

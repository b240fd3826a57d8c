"""Reads annotated scenes of a data set folder (DESIGN 5.5) and maps their recordings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.data.recordings.load import load_recording
from locate3d_ros.errors import InputError
from locate3d_ros.mapping.keyframes import KeyframeRule, map_frame
from locate3d_ros.mapping.map_file import load_map, save_map
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import FeatureExtractor, MapSnapshot

THINNEST = 0.01  # metres: a rug's box has at least this height


@dataclass(frozen=True)
class Expression:
    """A sentence about a scene; without targets it is true of nothing there."""

    text: str
    kind: str  # class, attribute, relation, absent …
    targets: Tensor  # [t, 6] boxes, metres, map frame


@dataclass(frozen=True)
class GroundedScene:
    """One annotated scene."""

    name: str
    folder: Path
    objects: Tensor  # [n, 6] boxes of the objects that the frames show, metres, map frame
    expressions: tuple[Expression, ...]


def read_scenes(dataset: Path, min_pixels: int = 400) -> list[GroundedScene]:
    """Read all scenes of a data set folder; objects of fewer pixels in all frames are left out.

    Raises InputError where the folder holds no scene or a file of one is missing or wrong.
    """
    folders = sorted(path for path in (dataset / "scenes").glob("*") if (path / "objects.json").is_file())
    if not folders:
        raise InputError(f"{dataset}: no scenes/<id>/objects.json; give a data set folder")
    return [_read_scene(dataset, folder, min_pixels) for folder in folders]


def map_scene(scene: GroundedScene, extractor: FeatureExtractor, maps: Path | None) -> MapSnapshot:
    """Map a scene's recording, or load its map from `maps` where an earlier call left it."""
    file = None if maps is None else maps / f"{scene.name}.safetensors"
    if file is not None and file.is_file():
        return load_map(file, extractor)
    recording = load_recording(scene.folder)
    config = MappingConfig()
    voxel_map = VoxelFeatureMap(config, extractor, torch.device("cpu"), recording.frame_id)
    rule = KeyframeRule(config)
    for frame in recording:
        map_frame(frame, rule, extractor, voxel_map)
    snapshot = voxel_map.snapshot()
    if file is not None:
        save_map(snapshot, file)
    return snapshot


def _read_scene(dataset: Path, folder: Path, min_pixels: int) -> GroundedScene:
    file = folder / "objects.json"
    try:
        objects = {entry["id"]: entry for entry in json.loads(file.read_text(encoding="utf-8"))}
        boxes = {number: _box(entry) for number, entry in objects.items()}
        shown = [boxes[number] for number, entry in objects.items() if entry.get("pixels", min_pixels) >= min_pixels]
        expressions = tuple(_expression(line, boxes) for line in _annotations(dataset, folder))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{file}: {error!r}; give a folder as the scene generator writes it") from error
    return GroundedScene(folder.name, folder, torch.stack(shown) if shown else torch.zeros(0, 6), expressions)


def _annotations(dataset: Path, folder: Path) -> Iterable[dict[str, Any]]:
    """Return the scene's own annotations, and those about it in the data set's splits."""
    own = folder / "annotations.jsonl"
    files = [own] if own.is_file() else sorted((dataset / "annotations").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line]
    return [line for line in lines if line["scene_id"] == folder.name]


def _expression(line: dict[str, Any], boxes: dict[int, Tensor]) -> Expression:
    targets = [boxes[number] for number in line["target_ids"]]
    return Expression(line["text"], line["kind"], torch.stack(targets) if targets else torch.zeros(0, 6))


def _box(entry: dict[str, Any]) -> Tensor:
    """Return an object's box (6,): of its seen part where that is known, for no map shows the rest."""
    low = entry["seen_min"] if "seen_min" in entry else entry["box_min"]
    high = entry["seen_max"] if "seen_max" in entry else entry["box_max"]
    box = torch.tensor([*low, *high], dtype=torch.float32)
    box[3:] = torch.maximum(box[3:], box[:3] + THINNEST)
    return box

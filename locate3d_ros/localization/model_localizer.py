"""Answers requests with a trained Locate 3D model: encode once per map state, decode per sentence (DESIGN 5.4)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from locate3d_ros.config import LocalizationConfig
from locate3d_ros.errors import InputError
from locate3d_ros.localization.found import Found, found_in, instances_of, merged
from locate3d_ros.localization.grounding import SceneModel, Voxels
from locate3d_ros.localization.newest_scene import NewestScene
from locate3d_ros.localization.query import parse
from locate3d_ros.localization.query_types import Query
from locate3d_ros.localization.refine import refined
from locate3d_ros.localization.tiles import tile_rows
from locate3d_ros.types import Localization, LocalizeOptions, MapSnapshot, PreparedScene, Role, Status

EMPTY = "the map is empty: no frame with valid depth and a pose has arrived"
OUT_OF_MEMORY = "the map does not fit the device's memory; set max_voxels lower"


@dataclass(frozen=True)
class Tile:
    """One piece of the map, encoded."""

    rows: Tensor  # [n] int64 into the snapshot
    encoding: Any


@dataclass(frozen=True)
class EncodedScene:
    """A map state as the model sees it (implements `PreparedScene`)."""

    snapshot: MapSnapshot
    tiles: tuple[Tile, ...]
    refusal: str = ""  # why the model cannot read this map


class ModelLocalizer:
    """Implements `Localizer` with a trained model; safe to call from several threads."""

    def __init__(self, model: SceneModel, config: LocalizationConfig) -> None:
        """Take the model as it is."""
        self._model = model
        self._config = config
        self._newest = NewestScene(self.prepare)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def prepare(self, snapshot: MapSnapshot) -> EncodedScene:
        """Encode a map state, in tiles where it is large. A map that the model cannot read is noted, not raised."""
        if len(snapshot) == 0:
            return EncodedScene(snapshot, ())
        try:
            return EncodedScene(snapshot, self._encode(snapshot))
        except torch.OutOfMemoryError:
            return EncodedScene(snapshot, (), OUT_OF_MEMORY)
        except ValueError as error:
            return EncodedScene(snapshot, (), str(error))

    def _encode(self, snapshot: MapSnapshot) -> tuple[Tile, ...]:
        features = self._model.features_of(snapshot)
        robot = None if snapshot.camera_pose is None else snapshot.camera_pose[:3, 3]
        pieces = tile_rows(snapshot.xyz, self._config.max_voxels, robot)
        tiles = []
        for rows in pieces:
            voxels = Voxels(snapshot.xyz[rows], snapshot.rgb[rows], features[rows], snapshot.cells[rows])
            tiles.append(Tile(rows, self._model.encode(voxels, compact=len(pieces) > 1)))
        return tuple(tiles)

    def localize(self, snapshot: MapSnapshot, text: str, options: LocalizeOptions) -> Localization:
        """Answer from the encoding of this snapshot, made now where it is another one than last time."""
        return self.answer(self._newest.of(snapshot), text, options)

    def answer(self, scene: PreparedScene, text: str, options: LocalizeOptions) -> Localization:
        """Answer one request; every failure is a status and one sentence."""
        started = time.perf_counter()
        if not isinstance(scene, EncodedScene):
            raise TypeError(f"answer: a scene of {type(scene).__name__}; prepare it with this localizer")
        try:
            result = self._answer(scene, text, options)
        except torch.OutOfMemoryError:
            result = Localization(Status.FAILED, OUT_OF_MEMORY)
        return replace(result, revision=scene.snapshot.revision, seconds=time.perf_counter() - started)

    def _answer(self, scene: EncodedScene, text: str, options: LocalizeOptions) -> Localization:
        try:
            query = parse(text)
        except InputError as error:
            return Localization(Status.BAD_REQUEST, str(error))
        if scene.refusal:
            return Localization(Status.FAILED, scene.refusal)
        if not scene.tiles:
            return Localization(Status.MAP_EMPTY, EMPTY)
        per_tile = [self._ground(scene, tile, query) for tile in scene.tiles]
        found = merged(per_tile)
        if not found or found[0].score < options.min_score:
            return Localization(Status.NOT_FOUND, _not_found(query, found, options.min_score))
        return self._reply(scene.snapshot, found, options)

    def _ground(self, scene: EncodedScene, tile: Tile, query: Query) -> list[Found]:
        return found_in(self._model.ground(tile.encoding, query.text), query, tile.rows, scene.snapshot)

    def _reply(self, snapshot: MapSnapshot, found: list[Found], options: LocalizeOptions) -> Localization:
        kept = [each for each in found if each.score >= options.min_score]
        targets = sum(each.role is Role.TARGET for each in kept)
        messages = [f"{targets} equally good answers"] if targets > 1 else []
        instances = instances_of(snapshot, kept[: options.max_instances])
        answer = Localization(Status.FOUND, "; ".join(messages), tuple(instances))
        return refined(answer, snapshot) if options.refine else answer


def _not_found(query: Query, found: list[Found], min_score: float) -> str:
    if not found:
        return f"the model sees no {query.target.text!r}"
    return f"nothing is surely {query.target.text!r}: the best scored {found[0].score:.2f}, below {min_score:.2f}"

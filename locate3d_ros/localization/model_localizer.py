"""Answers requests with a trained Locate 3D model: encode once per map state, decode per sentence (DESIGN 5.4)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from locate3d_ros.config import LocalizationConfig
from locate3d_ros.errors import InputError
from locate3d_ros.localization.fine_points import fine_points
from locate3d_ros.localization.grounding import Ranked, SceneModel, rank_instances
from locate3d_ros.localization.query import parse
from locate3d_ros.localization.query_types import Query
from locate3d_ros.localization.refine import refine
from locate3d_ros.localization.tiles import tile_rows
from locate3d_ros.types import (
    Box,
    Instance,
    Localization,
    LocalizeOptions,
    MapSnapshot,
    PreparedScene,
    Role,
    Status,
)

MASK_THRESHOLD = 0.5
SAME_MASK = 0.5  # IoU of two tiles' masks above which they are one instance
EMPTY = "the map is empty: no frame with valid depth and a pose has arrived"
NO_VIEWS = "refine needs the map's keyframes, which this map does not keep"


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


@dataclass(frozen=True)
class Found:
    """An instance of the model on the whole map."""

    ranked: Ranked
    mask: Tensor  # [N] bool over the snapshot


class ModelLocalizer:
    """Implements `Localizer` with a trained model; safe to call from several threads."""

    def __init__(self, model: SceneModel, config: LocalizationConfig) -> None:
        """Take the model as it is."""
        self._model = model
        self._config = config
        self._preparing = Lock()
        self._prepared: EncodedScene | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def prepare(self, snapshot: MapSnapshot) -> EncodedScene:
        """Encode a map state, in tiles where it is large. A map that the model cannot read is noted, not raised."""
        if len(snapshot) == 0:
            return EncodedScene(snapshot, ())
        try:
            features = self._model.features_of(snapshot)
        except InputError as error:
            return EncodedScene(snapshot, (), str(error))
        robot = None if snapshot.camera_pose is None else snapshot.camera_pose[:3, 3]
        tiles = []
        for rows in tile_rows(snapshot.xyz, self._config.max_voxels, robot):
            parts = (t[rows] for t in (snapshot.xyz, snapshot.rgb, features, snapshot.cells))
            tiles.append(Tile(rows, self._model.encode(*parts)))
        return EncodedScene(snapshot, tuple(tiles))

    def localize(self, snapshot: MapSnapshot, text: str, options: LocalizeOptions) -> Localization:
        """Answer from the encoding of this snapshot, made now where it is another one than last time."""
        with self._preparing:
            prepared = self._prepared
            if prepared is None or prepared.snapshot is not snapshot:
                prepared = self._prepared = self.prepare(snapshot)
        return self.answer(prepared, text, options)

    def answer(self, scene: PreparedScene, text: str, options: LocalizeOptions) -> Localization:
        """Answer one request; every failure is a status and one sentence."""
        started = time.perf_counter()
        if not isinstance(scene, EncodedScene):
            raise TypeError(f"answer: a scene of {type(scene).__name__}; prepare it with this localizer")
        result = self._answer(scene, text, options)
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
        found = merge([self._ground(scene, tile, query) for tile in scene.tiles])
        if not found or found[0].ranked.instance.confidence < options.min_score:
            return Localization(Status.NOT_FOUND, _not_found(query, found, options.min_score))
        return self._reply(scene, found, options)

    def _ground(self, scene: EncodedScene, tile: Tile, query: Query) -> list[Found]:
        grounded = self._model.ground(tile.encoding, query.text)
        found = []
        for ranked in rank_instances(grounded, query):
            mask = torch.zeros(len(scene.snapshot), dtype=torch.bool, device=scene.snapshot.cells.device)
            mask[tile.rows] = (ranked.instance.mask > MASK_THRESHOLD).to(mask.device)
            if bool(mask.any()):
                found.append(Found(ranked, mask))
        return found

    def _reply(self, scene: EncodedScene, found: list[Found], options: LocalizeOptions) -> Localization:
        kept = [each for each in found if each.ranked.instance.confidence >= options.min_score]
        instances = [instance_of(scene.snapshot, each) for each in kept[: options.max_instances]]
        messages = []
        targets = sum(instance.role is Role.TARGET for instance in instances)
        if targets > 1:
            messages.append(f"{targets} equally good answers")
        if options.refine and scene.snapshot.views:
            instances = [refine(instance, scene.snapshot) for instance in instances]
        elif options.refine:
            messages.append(NO_VIEWS)
        return Localization(Status.FOUND, "; ".join(messages), tuple(instances))


def instance_of(snapshot: MapSnapshot, found: Found) -> Instance:
    """Give an instance its points; the box is the model's own."""
    predicted = found.ranked.instance
    x0, y0, z0, x1, y1, z1 = (float(value) for value in predicted.box)
    xyz, rgb = fine_points(snapshot, found.mask)
    return Instance(
        id=0,
        phrase=found.ranked.phrase,
        role=found.ranked.role,
        score=predicted.confidence,
        box=Box((x0, y0, z0), (x1, y1, z1)),
        mask=found.mask,
        xyz=xyz,
        rgb=rgb,
    )


def merge(per_tile: list[list[Found]]) -> list[Found]:
    """Join the instances of overlapping tiles: of those with one mask the likelier target stays. Best first.

    Only the best tile's targets stay targets; those of other tiles that fall behind are others.
    """
    order = sorted((each for found in per_tile for each in found), key=_rank)
    kept: list[Found] = []
    for each in order:
        if not any(_mask_iou(each.mask, other.mask) > SAME_MASK for other in kept):
            kept.append(each)
    best = kept[0].ranked.head if kept else 0.0
    return [_demoted(each) if each.ranked.head < 0.9 * best else each for each in kept]


def _rank(each: Found) -> tuple[bool, float]:
    return each.ranked.role is not Role.TARGET, -each.ranked.head


def _demoted(each: Found) -> Found:
    if each.ranked.role is not Role.TARGET:
        return each
    return replace(each, ranked=replace(each.ranked, role=Role.OTHER))


def _mask_iou(a: Tensor, b: Tensor) -> float:
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 0.0


def _not_found(query: Query, found: list[Found], min_score: float) -> str:
    if not found:
        return f"the model sees no {query.target.text!r}"
    best = found[0].ranked.instance.confidence
    return f"nothing is surely {query.target.text!r}: the best scored {best:.2f}, below {min_score:.2f}"

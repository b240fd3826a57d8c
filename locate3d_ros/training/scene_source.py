"""Where samples come from: data set folders with lifted scenes (docs/datasets.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import count, takewhile
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.cache_jobs import scene_of, variant_name
from locate3d_ros.evaluation.scene_cache import CachedScene, cached_path, read_cached_scene, read_scene
from locate3d_ros.model.checkpoint import TrainedOn
from locate3d_ros.training.scene import Voxels
from locate3d_ros.types import MapSnapshot

THINNEST = 0.01  # metres: a rug's box has at least this height
KEPT_SCENES = 16  # scenes that stay in memory, per process


class SceneSource(Protocol):
    """A data set as training sees it."""

    @property
    def expressions(self) -> Mapping[str, Sequence[GroundedExpression]]:
        """The sentences about each scene, by scene id; scenes in order."""

    @property
    def trained_on(self) -> TrainedOn:
        """Which features the scenes have."""

    def lifted(self, scene_id: str) -> Sequence[str]:
        """Name what was lifted of a scene's recording: the scene itself first, then its variants."""

    def voxels(self, lifted: str) -> Voxels:
        """Read the voxels of what `lifted` names."""

    def boxes(self, scene_id: str) -> Mapping[int, Tensor]:
        """Read a scene's boxes (6,), metres, by object id."""


class CachedSource:
    """Reads a data set folder and the scenes that `locate3d cache` lifted (implements `SceneSource`)."""

    def __init__(self, path: Path | str, split: str, cache: str = "") -> None:
        """Read the split's sentences; raises InputError where they, the cache or a scene in it are missing."""
        self._dataset = DatasetFolder(path)
        self._folder = cache_of(self._dataset.path, cache)
        grouped: dict[str, list[GroundedExpression]] = defaultdict(list)
        for expression in self._dataset.expressions(split):
            grouped[expression.scene_id].append(expression)
        missing = [name for name in grouped if not cached_path(self._folder, name).is_file()]
        if missing:
            raise InputError(f"{self._folder}: scene {missing[0]} is not lifted; run `locate3d cache {path}`")
        self.expressions = {name: tuple(each) for name, each in sorted(grouped.items())}
        first = cached_path(self._folder, next(iter(self.expressions)))
        self.trained_on = trained_on(read_cached_scene(first).snapshot)
        self._voxels = lru_cache(maxsize=KEPT_SCENES)(self._read_voxels)

    def __getstate__(self) -> dict[str, object]:
        """Leave the scenes in memory behind when a loading process gets its copy."""
        return {name: value for name, value in self.__dict__.items() if name != "_voxels"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._voxels = lru_cache(maxsize=KEPT_SCENES)(self._read_voxels)

    def lifted(self, scene_id: str) -> Sequence[str]:
        """Name the scene and the variants that are there."""
        names = (variant_name(scene_id, variant) for variant in count())
        return tuple(takewhile(lambda name: cached_path(self._folder, name).is_file(), names))

    def voxels(self, lifted: str) -> Voxels:
        """Read voxels. Raises InputError where the file is damaged or of another extractor."""
        return self._voxels(lifted)

    def boxes(self, scene_id: str) -> Mapping[int, Tensor]:
        """Read the boxes of what the frames show of every object (the whole object's where that is not known)."""
        boxes = {}
        for item in self._dataset.scene(scene_id).objects():
            box = torch.tensor(item.seen_box, dtype=torch.float32).flatten()
            box[3:] = torch.maximum(box[3:], box[:3] + THINNEST)
            boxes[item.id] = box
        return boxes

    def cached(self, lifted: str) -> CachedScene:
        """Read a lifted scene whole. Raises InputError where the file is damaged or of another extractor."""
        path = cached_path(self._folder, lifted)
        cached = read_scene(path, self._dataset.scene(scene_of(lifted)))
        if trained_on(cached.snapshot) != self.trained_on:
            raise InputError(f"{path}: of another extractor than the other scenes; remove it and lift it again")
        return cached

    def _read_voxels(self, lifted: str) -> Voxels:
        cached = self.cached(lifted)
        snapshot = cached.snapshot
        features = torch.cat(list(snapshot.features.values()), dim=1)
        cells = snapshot.cells.long()
        return Voxels(snapshot.xyz, snapshot.rgb, features, cells, cached.object_ids, snapshot.voxel_size)


def trained_on(snapshot: MapSnapshot) -> TrainedOn:
    """Return which features a map has, as a model that is trained on it notes them."""
    slots = tuple((name, tensor.shape[1]) for name, tensor in snapshot.features.items())
    return TrainedOn(slots, snapshot.digest)


def cache_of(dataset: Path, name: str) -> Path:
    """Return the folder of lifted scenes. Raises InputError where there is none, or several and no name is given."""
    caches = sorted(path for path in (dataset / "cache").glob("*") if path.is_dir())
    if name:
        caches = [path for path in caches if path.name == name]
    if not caches:
        raise InputError(f"{dataset}: no lifted scenes{f' named {name!r}' if name else ''}; run `locate3d cache`")
    if len(caches) > 1:
        raise InputError(f"{dataset}: several caches ({', '.join(p.name for p in caches)}); name one with --cache")
    return caches[0]


class FirstScenes:
    """The first scenes of another source (implements `SceneSource`), to overfit on."""

    def __init__(self, source: SceneSource, count: int) -> None:
        """Take the first `count` scenes."""
        self._source = source
        self.expressions = dict(list(source.expressions.items())[:count])
        self.trained_on = source.trained_on

    def lifted(self, scene_id: str) -> Sequence[str]:
        """Name what was lifted of a scene."""
        return self._source.lifted(scene_id)

    def voxels(self, lifted: str) -> Voxels:
        """Read voxels."""
        return self._source.voxels(lifted)

    def boxes(self, scene_id: str) -> Mapping[int, Tensor]:
        """Read a scene's boxes."""
        return self._source.boxes(scene_id)

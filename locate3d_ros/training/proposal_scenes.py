"""Scenes as the proposal decoder is trained on them: measured proposals and real objects, from lifted scenes."""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from locate3d_ros.build import build_similarity, resolve_device
from locate3d_ros.config import Config
from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.cache_jobs import CacheJob, CacheOutcome
from locate3d_ros.evaluation.cache_pool import lift_in_pool
from locate3d_ros.evaluation.scene_cache import cached_path, read_cached_scene
from locate3d_ros.files import write_file
from locate3d_ros.geometry.boxes import box_iou
from locate3d_ros.localization.proposal_measures import ProposalMeasures, measure_proposals
from locate3d_ros.localization.similarity import SimilarityLocalizer
from locate3d_ros.localization.suppression import sure_iou
from locate3d_ros.model.checkpoint import TrainedOn
from locate3d_ros.model.proposal_config import ProposalDecoderConfig
from locate3d_ros.model.proposal_embedding import ProposalInput
from locate3d_ros.training.scene_source import THINNEST, cache_of, trained_on

FOLDER = "proposals"  # within the folder of lifted scenes
LEAST_PIXELS = 50  # of an object in all frames: less is not to be seen


@dataclass(frozen=True)
class ProposalTruth:
    """The o objects that a scene's frames show."""

    ids: tuple[int, ...]
    categories: tuple[str, ...]
    boxes: Tensor  # [o, 6] of the seen part, map frame, metres
    overlaps: Tensor  # [p, o] IoU of every proposal with them
    likeness: Tensor  # [p, o] likewise, all edges as long as depth's noise at least: what is to be learnt


@dataclass(frozen=True)
class ProposalSample:
    """A scene with some of its sentences."""

    scene_id: str
    boxes: Tensor  # [p, 6] upright frame, metres
    boxes_map: Tensor  # [p, 6] map frame, metres
    proposals: ProposalInput
    rooms: Tensor  # [p] int64
    viewpoint: Tensor | None
    truth: ProposalTruth
    expressions: tuple[GroundedExpression, ...] = ()


class MeasuredSource:
    """Reads a data set folder of lifted scenes; their proposals are measured once and kept beside them."""

    def __init__(self, path: Path | str, split: str, cache: str = "") -> None:
        """Read the split's sentences and measure what is not yet. Raises InputError where scenes are not lifted."""
        self._dataset = DatasetFolder(path)
        folder = cache_of(self._dataset.path, cache)
        grouped: dict[str, list[GroundedExpression]] = defaultdict(list)
        for expression in self._dataset.expressions(split):
            grouped[expression.scene_id].append(expression)
        missing = [name for name in grouped if not cached_path(folder, name).is_file()]
        if missing:
            raise InputError(f"{folder}: scene {missing[0]} is not lifted; run `locate3d cache {path}`")
        self.expressions: Mapping[str, Sequence[GroundedExpression]] = {n: tuple(e) for n, e in sorted(grouped.items())}
        self.trained_on: TrainedOn = trained_on(read_cached_scene(cached_path(folder, next(iter(grouped)))).snapshot)
        self._folder = folder / FOLDER
        _measure_missing(self._dataset, folder, list(self.expressions))
        self.scene = lru_cache(maxsize=None)(self._read)

    def __getstate__(self) -> dict[str, object]:
        """Leave the scenes in memory behind when a loading process gets its copy."""
        return {name: value for name, value in self.__dict__.items() if name != "scene"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self.scene = lru_cache(maxsize=None)(self._read)

    def _read(self, scene_id: str) -> ProposalSample:
        measures = read_measures(cached_path(self._folder, scene_id))
        shown = [
            item
            for item in self._dataset.scene(scene_id).objects()
            if item.pixels is None or item.pixels >= LEAST_PIXELS
        ]
        boxes = torch.tensor([item.seen_box.ravel().tolist() for item in shown]).view(-1, 6)
        boxes[:, 3:] = torch.maximum(boxes[:, 3:], boxes[:, :3] + THINNEST)
        truth = ProposalTruth(
            tuple(item.id for item in shown),
            tuple(item.category for item in shown),
            boxes,
            box_iou(measures.boxes_map, boxes),
            sure_iou(measures.boxes_map, boxes),
        )
        proposals = ProposalInput(measures.features, measures.meaning, measures.shape, measures.points)
        return ProposalSample(
            scene_id, measures.boxes, measures.boxes_map, proposals, measures.rooms, measures.viewpoint, truth
        )


def write_measures(path: Path, measures: ProposalMeasures) -> None:
    """Write a scene's measures, whole or not at all; the wide ones in half precision."""
    tensors = {field.name: getattr(measures, field.name) for field in fields(measures)}
    wide = {name: tensors[name].half() for name in ("features", "meaning", "points")}
    write_file(path, save({n: t.contiguous() for n, t in {**tensors, **wide}.items() if t is not None}))


def read_measures(path: Path) -> ProposalMeasures:
    """Read the measures of a scene. Raises InputError where a file is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        measures = ProposalMeasures(**{"viewpoint": None, **stored})
    except (OSError, SafetensorError, TypeError) as error:
        raise InputError(f"{path}: not readable ({error}); remove it, and it is made again") from None
    if measures.shape.shape[1:] != (ProposalDecoderConfig.shape_dim,):
        raise InputError(f"{path}: measured by another version; remove its folder, and it is made again")
    return measures


def measure_scene(job: CacheJob) -> CacheOutcome:
    """Measure the proposals of a lifted scene in a worker process; the job's cache is the folder of lifted scenes."""
    started = time.monotonic()
    torch.set_num_threads(job.threads)
    localizer = _localizer(job.config)
    snapshot = read_cached_scene(cached_path(Path(job.cache), job.scene_id)).snapshot
    width = sum(values.shape[1] for values in snapshot.features.values())
    measures = measure_proposals(localizer.prepare(snapshot), localizer.head, width)
    write_measures(cached_path(Path(job.cache) / FOLDER, job.scene_id), measures)
    return CacheOutcome(job.scene_id, voxels=len(snapshot), seconds=time.monotonic() - started)


def _measure_missing(dataset: DatasetFolder, folder: Path, scene_ids: Sequence[str]) -> None:
    missing = [name for name in scene_ids if not cached_path(folder / FOLDER, name).is_file()]
    if not missing:
        return
    (folder / FOLDER).mkdir(exist_ok=True)
    cores = os.cpu_count() or 1
    workers = min(cores, len(missing))
    jobs = [CacheJob(str(dataset.path), str(folder), name, Config(), max(1, cores // workers)) for name in missing]
    for count, outcome in enumerate(lift_in_pool(jobs, workers, measure_scene), start=1):
        if outcome.fault:
            raise InputError(f"{folder}: proposals of {outcome.name}: {outcome.fault}")
        sys.stderr.write(f"proposals: {count} of {len(missing)}: {outcome.name}, {outcome.seconds:.0f} s\n")


@lru_cache(maxsize=1)
def _localizer(config: Config) -> SimilarityLocalizer:
    """Make the proposing localizer once per process."""
    return build_similarity(config, resolve_device(config.device))

"""Measures contestants on a split of a data set, scene after scene."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from locate3d_ros.build import build_extractor, build_localizer, build_similarity, resolve_device
from locate3d_ros.config import Config
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.cache_work import is_cached
from locate3d_ros.evaluation.contestants import (
    Contestant,
    LocalizerContestant,
    OracleCluster,
    Proposals,
    RandomCluster,
)
from locate3d_ros.evaluation.gallery import Gallery
from locate3d_ros.evaluation.outcomes import Outcome, grade
from locate3d_ros.evaluation.peak_memory import peak_memory_mb
from locate3d_ros.evaluation.questions import Question, read_questions
from locate3d_ros.evaluation.scene_cache import (
    CachedScene,
    cache_folder,
    cached_path,
    lift_scene,
    read_scene,
    write_cached_scene,
)
from locate3d_ros.evaluation.summary import Record, Summary, summarise
from locate3d_ros.localization.proposal_localizer import ProposalLocalizer
from locate3d_ros.localization.similarity import SimilarityLocalizer
from locate3d_ros.types import FeatureExtractor, Localizer, MapSnapshot

Tell = Callable[[str], None]


@dataclass(frozen=True)
class EvaluationRequest:
    """What is to be measured."""

    dataset: DatasetFolder
    split: str
    config: Config
    seed: int = 0
    baselines: bool = True
    cache: Path | None = None  # where lifted scenes are; None: in the data set


@dataclass(frozen=True)
class Evaluation:
    """What was measured; the first summary is that of the model."""

    dataset: str
    split: str
    seed: int
    scenes: int
    summaries: tuple[Summary, ...]
    gallery: Gallery
    peak_memory_mb: float


def evaluate(request: EvaluationRequest, tell: Tell) -> Evaluation:
    """Answer every sentence of the split with every contestant; `tell` gets a line per scene.

    Scenes that are not cached yet are lifted and cached. Raises InputError for wrong splits, scenes and models.
    """
    questions = read_questions(request.dataset, request.split)
    device = resolve_device(request.config.device)
    contestants = _contestants(request, device)
    scenes = _Scenes(request, build_extractor(request.config, device), device)
    records = [Record(contestant.name) for contestant in contestants]
    gallery = Gallery()
    for number, (scene_id, asked) in enumerate(questions.items(), start=1):
        scene = scenes.read(scene_id)
        snapshot = on_device(scene.snapshot, device)
        for contestant, record in zip(contestants, records, strict=True):
            started = time.perf_counter()
            contestant.prepare(snapshot)
            record.preparing.append(time.perf_counter() - started)
            shown = gallery if record is records[0] else None
            record.outcomes.extend(_answer(contestant, asked, scene, shown))
        tell(f"{number} of {len(questions)}: {scene_id}, {len(asked)} sentences")
    min_score = request.config.localization.min_score
    summaries = tuple(summarise(record, min_score, request.seed) for record in records)
    name = request.dataset.path.resolve().name
    return Evaluation(name, request.split, request.seed, len(questions), summaries, gallery, peak_memory_mb(device))


def on_device(snapshot: MapSnapshot, device: torch.device) -> MapSnapshot:
    """Move what localizers read of a map to a device."""
    if device.type == "cpu":
        return snapshot
    fine = replace(snapshot.fine, xyz=snapshot.fine.xyz.to(device), rgb=snapshot.fine.rgb.to(device))
    moved = {name: getattr(snapshot, name).to(device) for name in ("cells", "xyz", "rgb", "has_features", "weight")}
    features = {slot: values.to(device) for slot, values in snapshot.features.items()}
    return replace(snapshot, fine=fine, features=features, last_seen=snapshot.last_seen.to(device), **moved)


def _answer(
    contestant: Contestant, asked: Sequence[Question], scene: CachedScene, gallery: Gallery | None
) -> list[Outcome]:
    outcomes, guesses = [], []
    for question in asked:
        started = time.perf_counter()
        guess = contestant.guess(question)
        outcomes.append(grade(question, guess, scene.object_ids, time.perf_counter() - started))
        guesses.append(guess.instance)
    if gallery is not None:
        gallery.show(scene, outcomes, guesses)
    return outcomes


def _contestants(request: EvaluationRequest, device: torch.device) -> list[Contestant]:
    """Return the model first; the baselines choose among the similarity localizer's proposals."""
    config = request.config
    localizer = build_localizer(config, device)
    if not request.baselines:
        return [LocalizerContestant(localizer)]
    similarity = localizer if isinstance(localizer, SimilarityLocalizer) else build_similarity(config, device)
    proposals = Proposals(similarity)
    by_similarity = LocalizerContestant(similarity, proposals.of)
    measured = [by_similarity] if localizer is similarity else [_model_contestant(localizer, proposals), by_similarity]
    return [*measured, RandomCluster(proposals, request.seed), OracleCluster(proposals)]


def _model_contestant(localizer: Localizer, proposals: Proposals) -> LocalizerContestant:
    """Let a model that chooses among the proposals, too, share them with the baselines."""
    if isinstance(localizer, ProposalLocalizer):
        encode = localizer.encode
        return LocalizerContestant(localizer, lambda snapshot: encode(proposals.of(snapshot)))
    return LocalizerContestant(localizer)


class _Scenes:
    """Lifted scenes, from the cache or made now."""

    def __init__(self, request: EvaluationRequest, extractor: FeatureExtractor, device: torch.device) -> None:
        self._request = request
        self._extractor = extractor
        self._device = device
        root = request.cache or request.dataset.path / "cache"
        self._folder = cache_folder(root, request.config, extractor)

    def read(self, scene_id: str) -> CachedScene:
        """Return a scene; one that is missing or torn is lifted and kept."""
        path, scene = cached_path(self._folder, scene_id), self._request.dataset.scene(scene_id)
        if not is_cached(path):
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(
                    f"{self._folder}: cannot be made ({error.strerror}); give another place by --cache"
                ) from None
            write_cached_scene(path, lift_scene(scene, self._extractor, self._request.config, self._device))
        # Always from the file: stored offsets are rounded, and a second run must see the very same numbers.
        return read_scene(path, scene)

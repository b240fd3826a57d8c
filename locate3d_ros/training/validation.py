"""How well the averaged weights do on sentences that are not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from locate3d_ros.config import LocalizationConfig
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.contestants import LocalizerContestant
from locate3d_ros.evaluation.evaluate import on_device
from locate3d_ros.evaluation.outcomes import Outcome, grade
from locate3d_ros.evaluation.questions import Question, read_questions
from locate3d_ros.localization.model_localizer import ModelLocalizer
from locate3d_ros.model.checkpoint import Checkpoint, TrainedOn
from locate3d_ros.model.grounder import Grounder
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.cropping import cropped
from locate3d_ros.training.grounding import GroundingModule, grounding_batch
from locate3d_ros.training.processes import rank, total, world
from locate3d_ros.training.scene import Sample
from locate3d_ros.training.scene_source import CachedSource
from locate3d_ros.training.words import WordReader


class Validation:
    """Held-out scenes with their questions; every process measures its share of the scenes."""

    def __init__(self, config: TrainingConfig, trained_on: TrainedOn, device: torch.device) -> None:
        """Open the data sets. Raises InputError where they are missing, not lifted, or lifted by another extractor."""
        self._config, self._trained_on, self._device = config, trained_on, device
        self._scenes: list[tuple[CachedSource, str, list[Question]]] = []
        for path in config.validation.val:
            source = CachedSource(path, config.validation.val_split, config.data.cache)
            if source.trained_on != trained_on:
                raise InputError(f"{path}: lifted with another extractor than the training data; lift both with one")
            asked = read_questions(DatasetFolder(path), config.validation.val_split)
            self._scenes += [(source, scene_id, asked[scene_id]) for scene_id in source.expressions]

    def measure(self, model: Locate3DModel, reader: WordReader) -> dict[str, float]:
        """Return Acc@25 and Acc@50 as `locate3d evaluate` measures them, and the loss on parts as training sees it."""
        module = GroundingModule(model.to(self._device), self._config.losses).eval()
        checkpoint = Checkpoint("validation", model, self._trained_on)
        localizer = ModelLocalizer(Grounder(checkpoint, torch.float32, reader.minilm), LocalizationConfig())
        contestant = LocalizerContestant(localizer)
        present = right25 = right50 = loss = objects = 0.0
        for source, scene_id, asked in self._scenes[rank() :: world()]:
            outcomes = self._answers(contestant, source, scene_id, [each for each in asked if each.present])
            present += len(outcomes)
            right25 += sum(each.right[0] for each in outcomes)
            right50 += sum(each.right[1] for each in outcomes)
            batch = grounding_batch([self._part(source, scene_id)], reader, self._device)
            with torch.no_grad():
                loss += float(module(batch, 1.0)[0])
            objects += batch.count
        shares = ((right25, present), (right50, present), (loss, objects))
        names = ("val_acc25", "val_acc50", "val_loss")
        return {
            name: total(part, self._device) / max(1.0, total(whole, self._device))
            for name, (part, whole) in zip(names, shares, strict=True)
        }

    def _answers(
        self, contestant: LocalizerContestant, source: CachedSource, scene_id: str, asked: Sequence[Question]
    ) -> list[Outcome]:
        scene = source.cached(scene_id)
        contestant.prepare(on_device(scene.snapshot, self._device))
        return [grade(question, contestant.guess(question), scene.object_ids, 0.0) for question in asked]

    def _part(self, source: CachedSource, scene_id: str) -> Sample:
        """Return the same part of a scene every time, with as many sentences as a training step has."""
        said = source.expressions[scene_id][: self._config.data.sentences]
        whole = Sample(scene_id, source.voxels(scene_id), source.boxes(scene_id), tuple(said))
        return cropped(whole, self._config.augmentation.max_voxels, torch.Generator().manual_seed(0))

"""From a configuration to a trained model: what `locate3d train` calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from locate3d_ros.errors import InputError
from locate3d_ros.training.averaging_start import start_near
from locate3d_ros.training.checkpointing import recompute_activations
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.grounding_task import GroundingTask
from locate3d_ros.training.jepa_task import JepaTask
from locate3d_ros.training.processes import process_group, rank
from locate3d_ros.training.proposal_scenes import MeasuredSource
from locate3d_ros.training.proposal_task import ProposalStream, ProposalTask
from locate3d_ros.training.run_folder import RunFolder
from locate3d_ros.training.scene_source import CachedSource, FirstScenes, SceneSource
from locate3d_ros.training.start import starting_encoder, starting_model
from locate3d_ros.training.stream import SampleStream, whole_scenes
from locate3d_ros.training.task import Task
from locate3d_ros.training.toy_scenes import ToySource
from locate3d_ros.training.trainer import Trainer

TOY_SCENES = 24
JEPA, GROUNDING, PROPOSALS = "jepa", "grounding", "proposals"


def train(task: str, config: TrainingConfig, folder: RunFolder, steps: int | None, resumed: bool) -> Trainer:
    """Train until `steps` are done in all (None: until the schedule ends), or go on with the folder's run.

    Raises InputError for wrong data, weights, folders, and for a loss that is not finite.
    """
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    with process_group(config.run.device) as device:
        if rank() == 0 and not resumed:
            folder.begin(task, config)
        trainer = make_trainer(task, config, folder, device)
        if resumed:
            trainer.resume()
        trainer.run(trainer.schedule.steps if steps is None else steps)
    return trainer


def make_trainer(task: str, config: TrainingConfig, folder: RunFolder, device: torch.device) -> Trainer:
    """Read the data, make or load the model, and put both together."""
    torch.manual_seed(config.run.seed)
    if task == PROPOSALS:
        return _proposal_trainer(config, folder, device)
    sources = sources_of(config)
    data = config.data if task == GROUNDING else whole_scenes(config.data)
    augmentation = None if config.data.overfit else config.augmentation
    stream = SampleStream(sources, data, augmentation, config.run.seed)
    made = _make_task(task, config, sources, device)
    if config.run.checkpointing:
        recompute_activations(made.module)
    return Trainer(made, stream, config, folder, device)


def _proposal_trainer(config: TrainingConfig, folder: RunFolder, device: torch.device) -> Trainer:
    """Read measured scenes; nothing of the encoder's data, variation and model applies."""
    data = config.data
    if not data.data:
        raise InputError("data: none given; name data set folders with --data (docs/training.md)")
    measured = [MeasuredSource(Path(path), data.split, data.cache) for path in data.data]
    _require_same_features(data.data, measured)
    stream = ProposalStream(measured, data, config.run.seed)
    return Trainer(ProposalTask(measured, config, device), stream, config, folder, device)


def sources_of(config: TrainingConfig) -> list[SceneSource]:
    """Open the data sets; without any, make toy scenes for the smoke model.

    Raises InputError where another model has no data, and where the features of data sets differ.
    """
    data = config.data
    if not data.data and config.run.model != "smoke":
        raise InputError("data: none given; name data set folders with --data (docs/training.md)")
    sources: list[SceneSource] = [CachedSource(Path(path), data.split, data.cache) for path in data.data]
    sources = sources or [ToySource(TOY_SCENES, config.run.seed)]
    _require_same_features(data.data, sources)
    return [FirstScenes(sources[0], data.overfit)] if data.overfit else sources


def _require_same_features(paths: Sequence[str], sources: Sequence[SceneSource | MeasuredSource]) -> None:
    for path, source in zip(paths[1:], sources[1:], strict=False):
        if source.trained_on != sources[0].trained_on:
            raise InputError(f"{path}: lifted with another extractor than {paths[0]}; lift both with one")


def _make_task(task: str, config: TrainingConfig, sources: Sequence[SceneSource], device: torch.device) -> Task:
    trained_on = sources[0].trained_on
    if task == GROUNDING:
        return GroundingTask(starting_model(config.run, trained_on), trained_on, config, device)
    if config.validation.validate_every:
        raise InputError("validate_every: an encoder alone answers no sentences; validate the grounding run")
    encoder, model_config = starting_encoder(config.run, trained_on)
    pretraining = JepaTask(encoder, replace(model_config, encoder=encoder.config), trained_on, config)
    start_near(pretraining.predictor)
    return pretraining

"""Small training runs on toy scenes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.presets import SMOKE, for_pretraining
from locate3d_ros.training.run import TOY_SCENES, train
from locate3d_ros.training.run_folder import RunFolder
from locate3d_ros.training.toy_scenes import ToySource
from locate3d_ros.training.trainer import Trainer


def small(task: str, **run: object) -> TrainingConfig:
    """Return the smoke preset with small crops of its scenes, on one CPU thread."""
    config = for_pretraining(SMOKE) if task == "jepa" else SMOKE
    return replace(
        config,
        data=replace(config.data, sentences=2),
        augmentation=replace(config.augmentation, max_voxels=200),
        schedule=replace(config.schedule, epochs=2, frozen_epochs=0, norm_steps=3),
        run=replace(config.run, device="cpu", threads=1, log_every=1, **run),
    )


def ran(task: str, config: TrainingConfig, path: Path, steps: int, resumed: bool = False) -> Trainer:
    """Run to a step."""
    return train(task, config, RunFolder(path), steps, resumed)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Return the weights that were trained."""
    return {name: tensor.clone() for name, tensor in trainer._task.module.state_dict().items()}


def toy_sample_source() -> ToySource:
    """Return the smoke preset's scenes."""
    return ToySource(TOY_SCENES, 0)

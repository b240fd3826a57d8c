"""Small training runs on toy scenes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch
from dataset_folders import write_dataset

from locate3d_ros.config import Config
from locate3d_ros.data.scene_folder import SceneFolder
from locate3d_ros.evaluation.scene_cache import cached_path, lift_scene, write_cached_scene
from locate3d_ros.localization.proposal_measures import ProposalMeasures
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.presets import SMOKE, for_pretraining
from locate3d_ros.training.proposal_scenes import FOLDER, write_measures
from locate3d_ros.training.run import TOY_SCENES, train
from locate3d_ros.training.run_folder import RunFolder
from locate3d_ros.training.toy_scenes import ToySource
from locate3d_ros.training.trainer import Trainer
from locate3d_ros.types import FrameFeatures, Slot, TokenTable

WIDTH = 6  # channels of the toy scenes' features
RED, BLUE = 7, 9  # the toy scenes' objects


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


class FlatExtractor:
    """One token for the whole image."""

    name, digest, slots = "flat", "0" * 64, (Slot("image", 6),)

    def extract(self, frame):
        """Return the token."""
        index = torch.zeros((*frame.rgb.shape[:2], 1), dtype=torch.int32)
        return FrameFeatures((TokenTable("image", torch.ones((1, 6)), index, torch.ones(index.shape)),))


def write_lifted(folder: Path, *splits: str) -> Path:
    """Write a data set folder with the same sentences in every split, and its scenes lifted."""
    write_dataset(folder, split=splits[0])
    first = folder / "annotations" / f"{splits[0]}.jsonl"
    for split in splits[1:]:
        first.with_stem(split).write_bytes(first.read_bytes())
    lift_flat(folder, ("a", "b"))
    return folder


def lift_flat(folder: Path, scenes: tuple[str, ...], digest: str = FlatExtractor.digest) -> None:
    """Lift scenes of a data set with the one token, by an extractor of this digest."""
    extractor = FlatExtractor()
    extractor.digest = digest
    cache = folder / "cache" / "flat"
    cache.mkdir(parents=True)
    for name in scenes:
        lifted = lift_scene(SceneFolder(folder / "scenes" / name), extractor, Config(), torch.device("cpu"))
        write_cached_scene(cached_path(cache, name), lifted)


def measured(objects: dict[int, torch.Tensor], seed: int) -> ProposalMeasures:
    """Measure made-up proposals: some on each object, told apart by their colour, and others anywhere."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.tensor([RED, BLUE, 0]).repeat(8)
    low = 3 * torch.rand(len(kinds), 3, generator=generator)
    boxes = torch.cat((low, low + 0.3), dim=1)
    for number, box in objects.items():
        boxes[kinds == number] = box + 0.01 * torch.randn(8, 6, generator=generator)
    shape = 0.1 * torch.randn(len(kinds), 31, generator=generator)
    shape[:, 12] += (kinds == RED).float()
    shape[:, 14] += (kinds == BLUE).float()
    features = torch.randn(len(kinds), WIDTH, generator=generator)
    meaning = torch.randn(len(kinds), 384, generator=generator)
    points = 0.3 * torch.rand(len(kinds), 8, 9, generator=generator) - 0.15
    rooms = (boxes[:, 0] > 1.5).long()
    return ProposalMeasures(boxes, boxes.clone(), features, meaning, shape, points, rooms, None)


def write_measured(folder: Path, *splits: str) -> Path:
    """Write a data set folder with lifted scenes whose proposals are measured."""
    write_lifted(folder, *splits)
    own = folder / "cache" / "flat" / FOLDER
    own.mkdir()
    for seed, name in enumerate("ab"):
        items = json.loads((folder / "scenes" / name / "objects.json").read_text())
        objects = {item["id"]: torch.tensor([*item["box_min"], *item["box_max"]]) for item in items}
        write_measures(cached_path(own, name), measured(objects, seed))
    return folder


def ran(task: str, config: TrainingConfig, path: Path, steps: int, resumed: bool = False) -> Trainer:
    """Run to a step."""
    return train(task, config, RunFolder(path), steps, resumed)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Return the weights that were trained."""
    return {name: tensor.clone() for name, tensor in trainer._task.module.state_dict().items()}


def toy_sample_source() -> ToySource:
    """Return the smoke preset's scenes."""
    return ToySource(TOY_SCENES, 0)

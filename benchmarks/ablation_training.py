"""One arm with one seed: a micro model trained on small rooms, and what it answers in others."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from ablation_answers import answers
from ablation_furniture import SCALES
from ablation_world import RoomSource
from torch import Tensor, nn

from locate3d_ros.model.checkpoint import load_encoder
from locate3d_ros.model.config import ModelConfig, PointTransformerConfig
from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.training.config import (
    AugmentationConfig,
    DataConfig,
    JepaConfig,
    LossConfig,
    RunConfig,
    ScheduleConfig,
    TrainingConfig,
)
from locate3d_ros.training.grounding import GroundingBatch, GroundingModule, grounding_batch, start_silent
from locate3d_ros.training.jepa_task import JepaTask
from locate3d_ros.training.presets import SMOKE_MODEL
from locate3d_ros.training.run_folder import METRICS, RunFolder
from locate3d_ros.training.scene import Sample
from locate3d_ros.training.schedule import Schedule
from locate3d_ros.training.stream import SampleStream, whole_scenes
from locate3d_ros.training.synchronised_norm import keep_statistics
from locate3d_ros.training.task import Task
from locate3d_ros.training.trainer import Trainer
from locate3d_ros.training.words import WordReader

JEPA = JepaConfig(predictor_width=48, predictor_layers=2, predictor_window=256, target_ema=0.98)
VARIATION = AugmentationConfig(turn=False, scale=0.0, feature_noise=0.1)
NO_MASKS = LossConfig(mask_weight=0.0, dice_weight=0.0)
NO_BOXES = LossConfig(box_weight=0.0, giou_weight=0.0)
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Budget:
    """What every arm gets alike."""

    steps: int = 160
    pretraining: int = 80
    batch: int = 1
    sentences: int = 4


@dataclass(frozen=True)
class Arm:
    """What is different in one row of a table."""

    name: str
    losses: LossConfig = field(default_factory=LossConfig)
    masks_until: float = 1.0  # share of the steps after which `losses` loses its mask terms
    detached_masks: bool = False  # masks match queries, but teach nothing below their own head
    pretrained: JepaConfig | None = None
    frozen: float = 0.0  # share of the steps during which the encoder does not learn
    encoder_rate: float = 1.0
    scales: tuple[str, ...] = tuple(SCALES)


@dataclass(frozen=True)
class Record:
    """What is kept of a run."""

    arm: str
    seed: int
    answers: dict[str, float]
    curve: list[dict[str, float]]  # what the trainer noted on its way


@dataclass(frozen=True)
class Run:
    """What a run of an arm is given beside its rooms."""

    budget: Budget
    seed: int
    reader: WordReader  # one for all: loading it takes longer than many steps
    encoder: Path | None = None  # folder of a pretrained one


def micro(width: int) -> ModelConfig:
    """Return the sizes of the model, for features of `width` channels: the smoke preset's with one stage less."""
    backbone = PointTransformerConfig(
        in_channels=32,
        encoder_depths=(1, 1),
        encoder_channels=(32, 48),
        encoder_heads=(2, 4),
        decoder_depths=(1,),
        decoder_channels=(32,),
        decoder_heads=(2,),
        patch_sizes=(128, 128),
    )
    return ModelConfig(
        replace(SMOKE_MODEL.encoder, feature_dim=width, backbone=backbone),
        replace(SMOKE_MODEL.decoder, queries=8, layers=1, dropout=0.0),
    )


def settings(arm: Arm, budget: Budget, seed: int, pretraining: bool) -> TrainingConfig:
    """Return what the trainer needs; an epoch of the schedule is one step (`schedule_of`)."""
    steps = budget.pretraining if pretraining else budget.steps
    return TrainingConfig(
        data=DataConfig(batch=budget.batch, sentences=budget.sentences),
        augmentation=VARIATION,
        losses=arm.losses,
        jepa=arm.pretrained or JepaConfig(),
        schedule=ScheduleConfig(
            epochs=steps,
            frozen_epochs=0 if pretraining else round(arm.frozen * steps),
            learning_rate=2e-3,
            encoder_rate=arm.encoder_rate,
            warmup_steps=steps // 10,
            ema=0.97,
            norm_steps=steps // 2,
        ),
        run=RunConfig(model="smoke", device="cpu", seed=seed, save_every=steps),
    )


class WatchedTask:
    """Grounding (a `Task`) that notes the length of every part's gradient, and drops the masks where an arm says so."""

    def __init__(self, model: Locate3DModel, config: TrainingConfig, arm: Arm, reader: WordReader) -> None:
        """Take the model."""
        self.module: nn.Module = GroundingModule(model, config.losses)
        self._model, self._config, self._arm, self._reader = model, config, arm, reader
        self._parts = parts_of(model)
        if arm.detached_masks:
            for head in model.decoder.mask_prediction_heads:
                head.register_forward_pre_hook(lambda _, rows: tuple(each.detach() for each in rows))

    def batch(self, samples: Sequence[Sample], step: int) -> GroundingBatch:  # noqa: ARG002 - the same at every step
        """Read the words and make the targets."""
        return grounding_batch(samples, self._reader, CPU)

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return what can be frozen."""
        return list(self._model.encoder.parameters())

    def prepare(self, step: int) -> None:
        """Keep the statistics of normalisations, and change the loss, at their steps."""
        schedule = self._config.schedule
        if step >= schedule.norm_steps:
            keep_statistics(self._model.decoder)
        if step >= self._arm.masks_until * schedule.epochs:
            self.module.losses = replace(self._arm.losses, mask_weight=0.0, dice_weight=0.0)

    def after_step(self, step: int, schedule: Schedule) -> dict[str, float]:  # noqa: ARG002 - the same at every step
        """Return the lengths, after clipping."""
        return {f"gradient_{name}": length(part) for name, part in self._parts.items()}

    def validate(self, state: dict[str, Tensor]) -> dict[str, float]:  # noqa: ARG002 - asked at the end alone
        """Nothing is asked on the way."""
        return {}

    def export(self, folder: RunFolder, state: dict[str, Tensor]) -> None:  # noqa: ARG002 - nothing is written
        """Give the model its averaged weights: training is over."""
        self.module.load_state_dict(state)


def parts_of(model: Locate3DModel) -> dict[str, list[nn.Parameter]]:
    """Name the parts of the model whose gradients are watched."""
    decoder = model.decoder
    heads = (decoder.mask_prediction_heads, decoder.text_alignment_head, decoder.bbox_head)
    in_heads = {id(p) for head in heads for p in head.parameters()}
    return {
        "encoder": list(model.encoder.parameters()),
        "decoder": [p for p in decoder.parameters() if id(p) not in in_heads],
        **{f"{name}_head": list(head.parameters()) for name, head in zip(("mask", "word", "box"), heads, strict=True)},
    }


def length(parameters: Sequence[nn.Parameter]) -> float:
    """Return the length of the gradient of all parameters together."""
    squares = [p.grad.square().sum() for p in parameters if p.grad is not None]
    return float(torch.stack(squares).sum().sqrt()) if squares else 0.0


def trained(task: Task, rooms: RoomSource, config: TrainingConfig, folder: RunFolder, whole: bool) -> None:
    """Train to the end of the schedule; the averaged model is then in the folder."""
    data = whole_scenes(config.data) if whole else config.data
    stream = SampleStream([rooms], data, config.augmentation, config.run.seed)
    trainer = Trainer(task, stream, config, folder, CPU)
    trainer.schedule = Schedule(config.schedule, steps_per_epoch=1)
    folder.path.mkdir(parents=True, exist_ok=True)
    trainer.run(config.schedule.epochs)


def pretrain(jepa: JepaConfig, rooms: RoomSource, budget: Budget, seed: int, folder: Path) -> None:
    """Pretrain an encoder into a folder."""
    config = settings(Arm("pretraining", pretrained=jepa), budget, seed, pretraining=True)
    torch.manual_seed(seed)
    sizes = micro(rooms.width)
    task = JepaTask(Encoder3DJepa(sizes.encoder), sizes, rooms.trained_on, config)
    trained(task, rooms, config, RunFolder(folder), whole=True)


def run(arm: Arm, rooms: tuple[RoomSource, RoomSource], how: Run) -> Record:
    """Train an arm on the first rooms, ask in the second."""
    config = settings(arm, how.budget, how.seed, pretraining=False)
    torch.manual_seed(how.seed)
    model = Locate3DModel(micro(rooms[0].width))
    start_silent(model)
    if how.encoder is not None:
        model.encoder.load_state_dict(load_encoder(how.encoder).state_dict())
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch))
        trained(WatchedTask(model, config, arm, how.reader), rooms[0], config, folder, whole=False)
        lines = [json.loads(line) for line in (folder.path / METRICS).read_text().splitlines()]
    return Record(arm.name, how.seed, answers(model, rooms[1], how.reader), lines)

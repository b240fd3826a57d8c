"""Named training configurations. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from locate3d_ros.model.config import (
    LOCATE3D,
    LOCATE3D_TINY,
    DecoderConfig,
    EncoderConfig,
    ModelConfig,
    PointTransformerConfig,
    TextConfig,
)
from locate3d_ros.training.config import (
    AugmentationConfig,
    DataConfig,
    JepaConfig,
    RunConfig,
    ScheduleConfig,
    TrainingConfig,
)

PresetName = Literal["smoke", "tiny", "locate3d"]

SMOKE_MODEL = ModelConfig(
    EncoderConfig(
        feature_dim=16,
        embed_dim=32,
        rgb_dim=16,
        harmonics=8,
        backbone=PointTransformerConfig(
            in_channels=32,
            encoder_depths=(1, 1, 1),
            encoder_channels=(32, 48, 64),
            encoder_heads=(2, 4, 4),
            decoder_depths=(1, 1),
            decoder_channels=(32, 48),
            decoder_heads=(2, 4),
            patch_sizes=(128, 128, 128),
        ),
    ),
    DecoderConfig(
        width=64,
        feature_dim=32,
        queries=16,
        layers=2,
        heads=4,
        feedforward=128,
        boxes="mask",
        text=TextConfig("minilm", width=384),
    ),
)
"""The least model that shows everything at work."""

MODELS = {"smoke": SMOKE_MODEL, "locate3d-tiny": LOCATE3D_TINY, "locate3d": LOCATE3D}

SMOKE = TrainingConfig(
    data=DataConfig(batch=2, sentences=4),
    augmentation=AugmentationConfig(voxel_dropout=0.1),
    schedule=ScheduleConfig(epochs=10, frozen_epochs=2, learning_rate=1e-3, warmup_steps=5, ema=0.9, norm_steps=20),
    jepa=JepaConfig(predictor_width=48, predictor_layers=2, predictor_window=256, target_ema=0.95),
    run=RunConfig(model="smoke", save_every=25),
)
TINY = TrainingConfig(augmentation=AugmentationConfig(max_voxels=12_000), jepa=JepaConfig(predictor_width=128))
FULL = TrainingConfig(
    data=DataConfig(batch=16, workers=4),
    augmentation=AugmentationConfig(max_voxels=30_000),
    schedule=ScheduleConfig(learning_rate=1e-4, warmup_steps=2000, ema=0.9999, norm_steps=5000),
    jepa=JepaConfig(predictor_width=384, predictor_layers=6, predictor_heads=8, predictor_window=1024),
    run=RunConfig(model="locate3d", dropout=0.1, train_precision="bfloat16", strategy="fsdp", checkpointing=True),
)

PRESETS: dict[PresetName, TrainingConfig] = {"smoke": SMOKE, "tiny": TINY, "locate3d": FULL}
STEPS: dict[PresetName, int] = {"smoke": 50}
"""After how many steps a preset stops; the others end with their schedule."""


def for_pretraining(config: TrainingConfig) -> TrainingConfig:
    """Return a configuration with what pretraining needs otherwise: an encoder that learns from the start."""
    return replace(config, schedule=replace(config.schedule, frozen_epochs=0, encoder_rate=1.0))


def for_proposals(config: TrainingConfig) -> TrainingConfig:
    """Return a configuration with what the proposal decoder needs otherwise: it is small, and starts anew."""
    data = replace(config.data, sentences=24)
    schedule = replace(config.schedule, epochs=20, frozen_epochs=0, learning_rate=1e-3, warmup_steps=50, ema=0.99)
    return replace(config, data=data, schedule=schedule)

"""Where a run's weights come from: made new, from a whole model, or from a pretrained encoder alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from locate3d_ros.errors import InputError
from locate3d_ros.model.checkpoint import TrainedOn, load_checkpoint, load_encoder, read_config, read_state, weight_file
from locate3d_ros.model.config import ModelConfig
from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.model.grounder import require_features
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.training.averaging_start import start_averaging
from locate3d_ros.training.config import RunConfig
from locate3d_ros.training.grounding import start_silent
from locate3d_ros.training.presets import MODELS


def starting_model(config: RunConfig, data: TrainedOn) -> Locate3DModel:
    """Return the model that a grounding run begins with.

    Raises InputError where the initial weights are missing, damaged, or of other features than the data's.
    """
    if config.initial and _is_whole(Path(config.initial)):
        checkpoint = load_checkpoint(config.initial)
        _require_fit(checkpoint.trained_on, data, checkpoint.model.config)
        return checkpoint.model
    model_config = with_dropout(model_config_of(config, data), config.dropout)
    model = Locate3DModel(model_config)
    start_silent(model)
    if config.initial:
        model.encoder.load_state_dict(load_encoder(config.initial).state_dict())
    return model


def starting_encoder(config: RunConfig, data: TrainedOn) -> tuple[Encoder3DJepa, ModelConfig]:
    """Return the encoder that a pretraining run begins with, and the model that it is of; errors as above."""
    model_config = model_config_of(config, data)
    if config.initial:
        return load_encoder(config.initial), model_config
    encoder = Encoder3DJepa(model_config.encoder)
    start_averaging(encoder)
    return encoder, model_config


def model_config_of(config: RunConfig, data: TrainedOn) -> ModelConfig:
    """Return the sizes: the initial weights' own, or the named model's with the data's feature width."""
    if config.initial:
        model_config, trained_on = read_config(Path(config.initial))
        _require_fit(trained_on, data, model_config)
        return model_config
    named = MODELS[config.model]
    width = sum(width for _, width in data.slots)
    return replace(named, encoder=replace(named.encoder, feature_dim=width))


def with_dropout(config: ModelConfig, dropout: float) -> ModelConfig:
    """Return a model's sizes with another dropout."""
    return replace(config, decoder=replace(config.decoder, dropout=dropout))


def _require_fit(model: TrainedOn, data: TrainedOn, config: ModelConfig) -> None:
    try:
        require_features(model, data.slots, data.digest, config.encoder.feature_dim)
    except InputError as error:
        raise InputError(f"initial: {str(error).replace('the map has', 'the data has')}") from None


def _is_whole(path: Path) -> bool:
    return any(key.startswith("decoder.") for key in read_state(weight_file(path)))

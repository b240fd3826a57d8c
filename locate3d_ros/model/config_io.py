"""Model configurations from JSON: our own form, and the constructor arguments of the released model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from locate3d_ros.errors import InputError
from locate3d_ros.model.config import (
    DecoderConfig,
    EncoderConfig,
    ModelConfig,
    PointTransformerConfig,
    TextConfig,
)

T = TypeVar("T")


def config_from_json(description: object, source: Path) -> ModelConfig:
    """Read a configuration. Raises InputError naming the file and what it lacks."""
    if not isinstance(description, Mapping):
        raise InputError(f"{source}: holds no JSON object; restore the model's configuration")
    try:
        if "model" in description:
            return from_mapping(ModelConfig, description["model"])
        return _from_released(description.get("cfg", description))
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{source}: not a model configuration (at {error}); restore it") from None


def from_mapping(kind: type[T], values: Mapping[str, Any]) -> T:
    """Make a configuration from its fields' values. Raises InputError for fields that it has not."""
    hints = get_type_hints(kind)
    unknown = set(values) - {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if unknown:
        raise InputError(f"unknown fields {sorted(unknown)} of {kind.__name__}; use a newer version")
    arguments = {}
    for name, value in values.items():
        if is_dataclass(hints[name]):
            arguments[name] = from_mapping(hints[name], value)  # type: ignore[arg-type]
        else:
            arguments[name] = tuple(value) if isinstance(value, list) else value
    return kind(**arguments)


def _from_released(values: Mapping[str, Any]) -> ModelConfig:
    """Translate the released names (MODEL_SPEC §0). Options that change the computation are refused."""
    encoder, decoder = values["encoder"], values["decoder"]
    backbone = encoder["ptv3_args"]
    for option, only in (("enable_rpe", False), ("shuffle_orders", False), ("pre_norm", True), ("cls_mode", False)):
        if backbone.get(option, only) != only:
            raise InputError(f"option {option} = {backbone[option]}: not supported; only {only}")
    return ModelConfig(
        EncoderConfig(
            feature_dim=encoder["input_feat_dim"],
            embed_dim=encoder["embed_dim"],
            rgb_dim=encoder["rgb_proj_dim"],
            harmonics=encoder["num_rgb_harmonic_functions"],
            voxel_size=encoder.get("voxel_size", EncoderConfig.voxel_size),
            backbone=_backbone_from_released(backbone),
        ),
        DecoderConfig(
            width=decoder["d_model"],
            feature_dim=decoder["input_feat_dim"],
            queries=decoder["num_queries"],
            layers=decoder["num_decoder_layers"],
            heads=decoder["transformer_n_heads"],
            feedforward=decoder["transformer_dim_feedforward"],
            dropout=decoder["transformer_dropout"],
            text=_text_from_released(values.get("text_encoder")),
        ),
    )


def _backbone_from_released(values: Mapping[str, Any]) -> PointTransformerConfig:
    return PointTransformerConfig(
        in_channels=values["in_channels"],
        orders=tuple(values["order"]),
        encoder_depths=tuple(values["enc_depths"]),
        encoder_channels=tuple(values["enc_channels"]),
        encoder_heads=tuple(values["enc_num_head"]),
        decoder_depths=tuple(values["dec_depths"]),
        decoder_channels=tuple(values["dec_channels"]),
        decoder_heads=tuple(values["dec_num_head"]),
        patch_sizes=tuple(values["enc_patch_size"]),
        mlp_ratio=values["mlp_ratio"],
    )


def _text_from_released(values: Mapping[str, Any] | None) -> TextConfig:
    """Read the text tower's sizes where a description has them; the released one has CLIP ViT-L/14's."""
    if values is None:
        return TextConfig()
    return TextConfig(
        kind="clip",
        width=values["hidden_size"],
        layers=values["num_hidden_layers"],
        heads=values["num_attention_heads"],
        feedforward=values["intermediate_size"],
        projection=values["projection_dim"],
        vocabulary=values["vocab_size"],
        positions=values["max_position_embeddings"],
    )

"""Every size of the Locate 3D model, once. Source: MODEL_SPEC §0."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from locate3d_ros.errors import InputError

ORDERS = ("z", "z-trans", "hilbert", "hilbert-trans")


@dataclass(frozen=True)
class PointTransformerConfig:
    """Point Transformer V3; tuples run from the finest stage to the coarsest."""

    in_channels: int = 256
    orders: tuple[str, ...] = ORDERS
    encoder_depths: tuple[int, ...] = (2, 2, 2, 6, 2)
    encoder_channels: tuple[int, ...] = (256, 256, 512, 512, 1024)
    encoder_heads: tuple[int, ...] = (2, 4, 8, 16, 32)
    decoder_depths: tuple[int, ...] = (2, 2, 2, 2)
    decoder_channels: tuple[int, ...] = (256, 256, 512, 512)
    decoder_heads: tuple[int, ...] = (4, 4, 8, 16)
    patch_sizes: tuple[int, ...] = (1024, 1024, 1024, 1024, 1024)
    mlp_ratio: int = 4

    def __post_init__(self) -> None:
        """Refuse sizes that do not fit one another."""
        stages = len(self.encoder_depths)
        for name in ("encoder_channels", "encoder_heads", "patch_sizes"):
            _require(len(getattr(self, name)) == stages, f"{name}: give {stages} values, one per encoder stage")
        for name in ("decoder_depths", "decoder_channels", "decoder_heads"):
            _require(len(getattr(self, name)) == stages - 1, f"{name}: give {stages - 1} values, one per decoder stage")
        for channels, heads in zip(
            self.encoder_channels + self.decoder_channels, self.encoder_heads + self.decoder_heads, strict=True
        ):
            _require(channels % heads == 0, f"{channels} channels: not a multiple of {heads} heads")
        unknown = set(self.orders) - set(ORDERS)
        _require(not unknown and bool(self.orders), f"orders {self.orders}: give some of {ORDERS}")


@dataclass(frozen=True)
class EncoderConfig:
    """The 3D-JEPA encoder: feature embedding, then Point Transformer V3."""

    feature_dim: int = 1536
    embed_dim: int = 256
    rgb_dim: int = 256
    harmonics: int = 16
    voxel_size: float = 0.05
    backbone: PointTransformerConfig = field(default_factory=PointTransformerConfig)

    def __post_init__(self) -> None:
        """Refuse sizes that do not fit one another."""
        _require(self.backbone.in_channels == self.embed_dim, "backbone.in_channels must equal embed_dim")


@dataclass(frozen=True)
class TextConfig:
    """The text encoder whose token states the decoder reads."""

    kind: Literal["clip", "minilm"] = "clip"
    """clip: a tower stored with the checkpoint, of the sizes below; minilm: the frozen all-MiniLM-L6-v2."""
    width: int = 768
    layers: int = 12
    heads: int = 12
    feedforward: int = 3072
    projection: int = 768
    vocabulary: int = 49408
    positions: int = 77


@dataclass(frozen=True)
class DecoderConfig:
    """The text-conditioned decoder and its heads."""

    width: int = 768
    feature_dim: int = 256
    queries: int = 256
    layers: int = 8
    heads: int = 12
    feedforward: int = 3072
    dropout: float = 0.1
    boxes: Literal["head", "mask"] = "head"
    """What an instance's box is: the box head's, as of the released model, or the box around its mask."""
    text: TextConfig = field(default_factory=TextConfig)

    def __post_init__(self) -> None:
        """Refuse sizes that do not fit one another."""
        _require(self.width % self.heads == 0, f"width {self.width}: not a multiple of {self.heads} heads")
        _require(self.width % 8 == 0, f"width {self.width}: the box head's 16 heads need a multiple of 8")


@dataclass(frozen=True)
class ModelConfig:
    """Encoder and decoder."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise InputError(f"model configuration: {message}")


LOCATE3D = ModelConfig()
"""The released size: 576 million parameters, features of the foundation backend, CLIP's text tower."""

LOCATE3D_TINY = ModelConfig(
    EncoderConfig(
        feature_dim=256,
        embed_dim=128,
        rgb_dim=64,
        backbone=PointTransformerConfig(
            in_channels=128,
            encoder_depths=(1, 1, 1, 0),
            encoder_channels=(128, 128, 128, 128),
            encoder_heads=(8, 8, 8, 8),
            decoder_depths=(1, 1, 1),
            decoder_channels=(128, 128, 128),
            decoder_heads=(8, 8, 8),
            patch_sizes=(256, 256, 256, 256),
            mlp_ratio=2,
        ),
    ),
    DecoderConfig(
        width=128,
        feature_dim=128,
        queries=64,
        layers=3,
        heads=4,
        feedforward=256,
        boxes="mask",
        text=TextConfig("minilm", width=384),
    ),
)
"""A size that a CPU trains and answers with: features of the embedded backend, MiniLM's token states."""

PRESETS = {"locate3d": LOCATE3D, "locate3d-tiny": LOCATE3D_TINY}

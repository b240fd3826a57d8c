"""The only place that constructs parts from a configuration."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch

from locate3d_ros.config import Config, FeaturesConfig
from locate3d_ros.errors import InputError
from locate3d_ros.features.clip_classes import ClipClassHead, ClipText, share_text_tower
from locate3d_ros.features.embedded import EmbeddedClassHead, EmbeddedExtractor
from locate3d_ros.features.foundation import foundation_clip, load_foundation
from locate3d_ros.localization.model_localizer import ModelLocalizer
from locate3d_ros.localization.proposal_localizer import ProposalLocalizer
from locate3d_ros.localization.similarity import SimilarityLocalizer
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.model.checkpoint import load_checkpoint
from locate3d_ros.model.grounder import Grounder
from locate3d_ros.model.precision import choose_dtype
from locate3d_ros.model.proposal_checkpoint import is_proposal_checkpoint, load_proposal_checkpoint
from locate3d_ros.model.proposal_reader import ProposalReader
from locate3d_ros.model.text import MiniLm
from locate3d_ros.pipeline import Locate3D
from locate3d_ros.types import FeatureExtractor, Localizer
from locate3d_ros.weights.catalog import entry
from locate3d_ros.weights.store import WeightStore

AUTO = "auto"
SIMILARITY = "similarity"
TINY = "locate3d-tiny"
FOUNDATION = "foundation"
SHIPPED = {TINY: Path(__file__).parent / "model" / TINY}  # trained models that are part of the package
RELEASED = {"locate3d": "locate-3d", "locate3d-plus": "locate-3d-plus"}  # model -> name in the table of weights


def build(config: Config) -> Locate3D:
    """Construct extractor, map and localizer."""
    device = resolve_device(config.device)
    if config.threads > 0:
        torch.set_num_threads(config.threads)
    extractor = build_extractor(config, device)
    voxel_map = VoxelFeatureMap(config.mapping, extractor, device)
    return Locate3D(extractor, voxel_map, build_localizer(config, device), config)


def build_extractor(config: Config, device: torch.device) -> FeatureExtractor:
    """Construct the 2D feature extractor of the configured backend. Raises InputError for missing or wrong weights."""
    if config.backend == FOUNDATION:
        return load_foundation(_features(config), config.quality, WeightStore(config.weights), device)
    return EmbeddedExtractor(config.quality, device)


def build_localizer(config: Config, device: torch.device) -> Localizer:
    """Construct what answers requests. Raises InputError for a model that is not there or damaged."""
    if config.model == SIMILARITY or (config.model == AUTO and config.backend == FOUNDATION):
        return build_similarity(config, device)
    path = SHIPPED[TINY] if config.model == AUTO else _model_path(config)
    if is_proposal_checkpoint(path):
        return _proposing(path, config, device)
    checkpoint = load_checkpoint(path, device)
    tower = checkpoint.model.decoder.text_encoder
    if config.backend == FOUNDATION and tower is not None:
        share_text_tower(foundation_clip(WeightStore(config.weights), device), tower)
    text_encoder = _minilm(device) if tower is None else None
    grounder = Grounder(checkpoint, choose_dtype(config.precision, device), text_encoder, config.convolution)
    return ModelLocalizer(grounder, config.localization)


def build_similarity(config: Config, device: torch.device) -> SimilarityLocalizer:
    """Construct the localizer that needs no trained model, whose proposals others choose among, too."""
    if config.backend == FOUNDATION:
        text = ClipText(foundation_clip(WeightStore(config.weights), device))
        return SimilarityLocalizer(text, ClipClassHead(text), config.localization)
    return SimilarityLocalizer(_minilm(device), EmbeddedClassHead(device), config.localization)


def _proposing(path: Path, config: Config, device: torch.device) -> ProposalLocalizer:
    reader = ProposalReader(load_proposal_checkpoint(path), _minilm(torch.device("cpu")))
    return ProposalLocalizer(reader, build_similarity(config, device), fallback=config.model == AUTO)


@lru_cache(maxsize=2)
def _minilm(device: torch.device) -> MiniLm:
    """Load the text encoder once for all who read with it."""
    return MiniLm(device)


def _features(config: Config) -> FeaturesConfig:
    """Return the options of the features; the released models were trained with both quirks."""
    return replace(config.features, official_quirks=config.features.official_quirks or config.model in RELEASED)


def _model_path(config: Config) -> Path:
    if config.model in RELEASED:
        return WeightStore(config.weights).require(entry(RELEASED[config.model])).path
    if config.model in SHIPPED:
        return SHIPPED[config.model]
    if not Path(config.model).exists():
        raise InputError(
            f"model = {config.model!r}: none of {', '.join((AUTO, SIMILARITY, *SHIPPED, *RELEASED))} nor a path that "
            "exists; give a model's folder or file"
        )
    return Path(config.model)


def resolve_device(name: str) -> torch.device:
    """Turn auto, cpu, cuda or cuda:N into a device that is there. Raises InputError otherwise."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device = {name!r}: unknown; give auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise InputError(f"device = {name!r}: no such CUDA device here; give auto or cpu")
    return device

"""The foundation backend: CLIP on segments and DINOv2, side by side, as the released Locate 3D weights expect them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from locate3d_ros.config import FeaturesConfig
from locate3d_ros.errors import InputError
from locate3d_ros.features.clip import Clip, load_clip
from locate3d_ros.features.clip_sam import ClipSegments
from locate3d_ros.features.dinov2 import DinoOptions, DinoPatches, load_dino
from locate3d_ros.features.embedded_segments import EmbeddedSegmenter
from locate3d_ros.features.quality import Quality, quality_of
from locate3d_ros.features.sam import SamSegmenter, load_sam
from locate3d_ros.features.segmenters import Segmenter
from locate3d_ros.types import Frame, FrameFeatures, Slot
from locate3d_ros.weights.catalog import CLIP, DINO, SAM, entry
from locate3d_ros.weights.store import Verified, WeightStore, joint_digest


@dataclass(frozen=True)
class FoundationParts:
    """What the extractor is made of."""

    segments: ClipSegments
    patches: DinoPatches


class FoundationExtractor:
    """Turns an image into the text-aligned slot and the visual one, in this order (implements `FeatureExtractor`)."""

    def __init__(self, parts: FoundationParts, name: str, digest: str, device: torch.device) -> None:
        """Take the parts as they are; `load_foundation` makes them."""
        self._parts = parts
        self._name = name
        self._digest = digest
        self._device = device

    @property
    def name(self) -> str:
        """The backend with its segmenter, quality and options: features of different ones do not mix."""
        return self._name

    @property
    def digest(self) -> str:
        """The sha256 over the sha256s of the weight files."""
        return self._digest

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The text-aligned slot, then the visual one."""
        return (self._parts.segments.slot, self._parts.patches.slot)

    @torch.no_grad()
    def extract(self, frame: Frame) -> FrameFeatures:
        """Compute the frame's token tables. Raises InputError for an image that is not [H, W, 3] uint8."""
        rgb = frame.rgb
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != torch.uint8 or 0 in rgb.shape:
            raise InputError(f"camera {frame.camera!r}: image {tuple(rgb.shape)} {rgb.dtype}; give [H, W, 3] uint8")
        image = rgb.to(self._device)
        return FrameFeatures((self._parts.segments.table(image), self._parts.patches.table(image)))


def load_foundation(
    config: FeaturesConfig, quality: str, store: WeightStore, device: torch.device
) -> FoundationExtractor:
    """Load all networks. Raises InputError naming the first file that is missing or wrong."""
    level = quality_of(quality)
    names = [CLIP, DINO, *([config.segmenter] if config.segmenter in SAM else [])]
    files = tuple(store.require(entry(name)) for name in names)
    clip, dino = load_clip(files[0].path, device), load_dino(files[1].path, device)
    segmenter = _segmenter(config, level, files[2:], device)
    options = DinoOptions(config.scales_255, config.reads_memory_layout)
    parts = FoundationParts(ClipSegments(clip, segmenter, level), DinoPatches(dino, options, level))
    return FoundationExtractor(parts, extractor_name(segmenter.name, quality, options), joint_digest(files), device)


def foundation_clip(store: WeightStore, device: torch.device) -> Clip:
    """Return the one CLIP of this process. Raises InputError where its file is missing or wrong."""
    return load_clip(store.require(entry(CLIP)).path, device)


def extractor_name(segmenter: str, quality: str, options: DinoOptions) -> str:
    """Return the name that maps record."""
    marks = [mark for mark, is_set in (("scale255", options.scale_255), ("layout", options.memory_layout)) if is_set]
    return "-".join(("foundation", segmenter, quality, *marks))


def _segmenter(
    config: FeaturesConfig, quality: Quality, files: tuple[Verified, ...], device: torch.device
) -> Segmenter:
    if config.segmenter not in SAM:
        return EmbeddedSegmenter()
    return SamSegmenter(load_sam(files[0].path, SAM[config.segmenter], device), config.segmenter, quality)

"""Every default of the core, once. The command line's flags and the ROS parameters are generated from these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from locate3d_ros.errors import InputError


@dataclass(frozen=True)
class MappingConfig:
    """How frames become the voxel feature map."""

    voxel_size: float = 0.05
    """Edge of a feature voxel, metres (Locate 3D uses 5 cm)."""
    fine_voxel_size: float = 0.02
    """Edge of the finer grid that keeps colour and geometry only, metres."""
    min_depth: float = 0.1
    """Depth at or below this is ignored, metres."""
    max_depth: float = 4.0
    """Depth at or above this is ignored, metres."""
    edge_threshold: float = 0.05
    """Flying pixels: depth differs from a neighbour's by more than this share of itself; 0 keeps them."""
    keyframe_translation: float = 0.15
    """A frame gets features once its camera moved this far since its last keyframe, metres…"""
    keyframe_rotation: float = 0.2
    """… or turned this far, radians…"""
    keyframe_interval: float = 5.0
    """… or this much time has passed, seconds…"""
    keyframe_newly_seen: float = 0.25
    """… or more than this share of the last frame's voxels were new to the map; 1: never for this reason."""
    max_observations: int = 64
    """A voxel's means follow at least one part in so many at each frame, so that it shows the present; 0: all alike."""
    carve_views: int = 2
    """Voxels that so many views in a row see through are removed; 0: none ever is."""
    carve_noise: float = 0.006
    """A voxel is seen through where depth is larger by half its diagonal plus this times depth squared, 1/metres."""
    memory_mb: float = 2048.0
    """Upper bound of the map's own tensors; beyond it the blocks farthest from the camera leave first."""
    spill_directory: str = ""
    """What leaves goes to files in this folder, and comes back when the camera does; empty: it is forgotten."""
    store_views: bool = True
    """Keep keyframe thumbnails with the map, for pictures (a privacy choice)."""
    max_views: int = 20
    """How many keyframe thumbnails are kept."""

    def __post_init__(self) -> None:
        """Refuse values that no map can have."""
        for name in ("voxel_size", "fine_voxel_size", "max_depth", "memory_mb"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "give a value above 0")
        for name in (
            "min_depth",
            "edge_threshold",
            "max_views",
            "keyframe_interval",
            "keyframe_newly_seen",
            "max_observations",
            "carve_views",
            "carve_noise",
        ):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "give 0 or more")
        _require(
            self.min_depth < self.max_depth, "min_depth", self.min_depth, f"give less than max_depth ({self.max_depth})"
        )


@dataclass(frozen=True)
class FeaturesConfig:
    """How the foundation backend makes features; the embedded one has no options."""

    segmenter: Literal["sam-vit-h", "sam-vit-l", "sam-vit-b", "embedded"] = "sam-vit-h"
    """What cuts images into segments: a size of Segment Anything, or one that needs no weights."""
    dino_scale_255: bool = False
    """Feed DINOv2 pixels in 0..255 instead of 0..1."""
    dino_memory_layout: bool = False
    """Read DINOv2's tokens without the transpose that puts each at its place."""
    official_quirks: bool = False
    """Both of these, as the released Locate 3D weights were trained with; on by itself for --model locate3d."""

    @property
    def scales_255(self) -> bool:
        """Whether pixels are fed in 0..255."""
        return self.dino_scale_255 or self.official_quirks

    @property
    def reads_memory_layout(self) -> bool:
        """Whether tokens are read without the transpose."""
        return self.dino_memory_layout or self.official_quirks


@dataclass(frozen=True)
class LocalizationConfig:
    """How a request is answered."""

    min_score: float = 0.4
    """Instances that score below this are not answers; the request is then "not found"."""
    max_instances: int = 10
    """How many instances a reply holds at most."""
    timeout: float = 10.0
    """Seconds after which a request is given up with TIMEOUT."""
    encode_min_interval: float = 2.0
    """Seconds between two preparations of the changing map for requests."""
    max_voxels: int = 60_000
    """A trained model encodes larger maps in overlapping tiles of at most this many voxels."""

    def __post_init__(self) -> None:
        """Refuse values that no request can be answered with."""
        _require(0.0 <= self.min_score <= 1.0, "min_score", self.min_score, "give a value in [0, 1]")
        _require(self.max_instances >= 1, "max_instances", self.max_instances, "give 1 or more")
        _require(self.timeout > 0, "timeout", self.timeout, "give a value above 0")
        _require(self.encode_min_interval >= 0, "encode_min_interval", self.encode_min_interval, "give 0 or more")
        _require(self.max_voxels >= 1000, "max_voxels", self.max_voxels, "give 1000 or more")


@dataclass(frozen=True)
class RecordingConfig:
    """How a recording is read."""

    protocol: Literal["recorded", "locate3d"] = "recorded"
    """Frames as recorded, or as the published Locate 3D loaders take them: every 30th, resized (docs/datasets.md)."""
    frame_step: int = 0
    """Read every n-th frame; 0 = every frame, and every 30th by the protocol locate3d."""
    poses: Literal["auto", "arkit", "colmap", "nerfstudio"] = "auto"
    """Whose poses a ScanNet++ recording takes; auto = COLMAP's where there are, and the phone's by locate3d."""

    def __post_init__(self) -> None:
        """Refuse a step that leaves nothing or runs backwards."""
        _require(self.frame_step >= 0, "frame_step", self.frame_step, "give 1 or more, or 0 for the protocol's own")

    @property
    def step(self) -> int:
        """The step that holds."""
        return self.frame_step or (30 if self.protocol == "locate3d" else 1)


@dataclass(frozen=True)
class Config:
    """The whole system, without ROS."""

    backend: Literal["embedded", "foundation"] = "embedded"
    """Where the 2D features come from: embedded needs no weights, foundation is CLIP on SAM segments and DINOv2."""
    model: str = "auto"
    """What answers requests: auto, similarity, locate3d-tiny, locate3d, locate3d-plus, or a model's path."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What a trained model computes in; auto takes bfloat16 where the device is clearly faster with it."""
    convolution: Literal["portable", "spconv"] = "portable"
    """What computes a trained model's sparse convolutions; spconv is for CUDA alone and installed by yourself."""
    quality: Literal["paper", "fast"] = "fast"
    """Finer features at about eight times the cost (paper), or the quick ones (fast)."""
    weights: str = ""
    """Folder with weight files; empty: that of LOCATE3D_WEIGHTS, else the cache of `locate3d weights fetch`."""
    device: str = "auto"
    """Where tensors live: auto, cpu, cuda or cuda:N."""
    threads: int = 0
    """CPU threads; 0 = all cores."""
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    mapping: MappingConfig = field(default_factory=MappingConfig)
    localization: LocalizationConfig = field(default_factory=LocalizationConfig)

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        _require(self.threads >= 0, "threads", self.threads, "give 0 (all cores) or more")


def _require(holds: bool, name: str, value: object, mend: str) -> None:
    if not holds:
        raise InputError(f"{name} = {value!r}: out of range; {mend}")

"""What synthetic scenes can be asked for, every default once. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from locate3d_ros.errors import InputError


def _require(holds: bool, name: str, value: object, mend: str) -> None:
    if not holds:
        raise InputError(f"{name} = {value!r}: out of range; {mend}")


@dataclass(frozen=True)
class SensorEffects:
    """What a real sensor does to colour, depth and poses; each can be switched off."""

    depth_noise: bool = True
    """Noise and steps of depth that grow with the square of depth."""
    edge_dropouts: bool = True
    """No depth at many pixels beside an edge, and where a surface is seen at a flat angle."""
    dark_dropouts: bool = True
    """No depth at many pixels of black surfaces."""
    shiny_dropouts: bool = True
    """No depth on patches of mirror-like surfaces."""
    near_limit: bool = True
    """No depth nearer than 0.4 m."""
    pose_drift: bool = True
    """Poses stray by some millimetres and tenths of a degree."""
    exposure: bool = True
    """Exposure and white balance vary from frame to frame."""
    blur: bool = True
    """Some frames are blurred by motion."""
    colour_noise: bool = True
    """Noise of the colour chip."""
    unregistered_colour: bool = False
    """Depth comes from a camera of its own beside the colour camera; object ids are then those of depth pixels."""


@dataclass(frozen=True)
class SceneOptions:
    """What every scene of a data set is like."""

    split: Literal["train", "val"] = "train"
    """Which furniture models, room styles and phrasings are used: no model and no style of val is in train."""
    min_rooms: int = 2
    """Rooms of a home, at least."""
    max_rooms: int = 4
    """Rooms of a home, at most (8)."""
    frames: int = 60
    """Frames of a recording."""
    width: int = 320
    """Pixels of a picture's row."""
    height: int = 240
    """Rows of a picture."""
    walk: Literal["mixed", "handheld", "robot"] = "mixed"
    """How the camera is carried: by hand at eye height, by a robot lower down and level, or one after the other."""
    sentences: int = 36
    """Sentences about a scene, about."""
    misses: int = 0
    """More sentences, to learn refusing from, that are true of nothing by one word alone: a colour, a place, a name."""
    clutter: float = 0.0
    """Loose things on every table, chest or counter, on average; others lie on the floor and hang on the walls."""
    made: int = 0
    """Models of every kind that are made from numbers, drawn anew for every home, beside those of the libraries."""
    dynamic: bool = False
    """Two passes; between them things are moved, taken away and added."""
    sensor: SensorEffects = field(default_factory=SensorEffects)

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
        _require(1 <= self.min_rooms <= self.max_rooms <= 8, "min_rooms", self.min_rooms, "give 1 to max_rooms <= 8")
        _require(self.frames >= 2, "frames", self.frames, "give 2 or more")
        _require(self.width >= 32 and self.height >= 32, "width", self.width, "give 32 pixels or more each way")
        _require(self.sentences >= 0, "sentences", self.sentences, "give 0 or more")
        _require(self.misses >= 0, "misses", self.misses, "give 0 or more")
        _require(self.clutter >= 0, "clutter", self.clutter, "give 0 or more")
        _require(self.made >= 0, "made", self.made, "give 0 or more")


@dataclass(frozen=True)
class DatasetOptions:
    """A data set folder to make."""

    folder: Path
    count: int
    seed: int
    workers: int = 1
    scenes: SceneOptions = field(default_factory=SceneOptions)

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
        _require(self.count >= 1, "count", self.count, "give 1 scene or more")
        _require(self.seed >= 0, "seed", self.seed, "give 0 or more")
        _require(self.workers >= 1, "workers", self.workers, "give 1 or more")

    def scene_name(self, index: int) -> str:
        """Name a scene after its split, seed and number."""
        return f"{self.scenes.split}-{self.seed}-{index:05d}"


@dataclass(frozen=True)
class Preset:
    """A data set that is named once and used in several places."""

    count: int
    seed: int
    scenes: SceneOptions


PRESETS: Mapping[str, Preset] = {
    "train-tiny": Preset(200, 1, SceneOptions()),
    "train-cluttered": Preset(32, 2, SceneOptions(clutter=3.0)),
    "train-made": Preset(64, 3, SceneOptions(clutter=1.0, made=8)),
    "val-small": Preset(24, 9001, SceneOptions(split="val", sentences=24)),
    "val": Preset(150, 9002, SceneOptions(split="val")),
}
PresetName = Literal["train-tiny", "train-cluttered", "train-made", "val-small", "val"]


def with_preset(scenes: SceneOptions, preset: SceneOptions) -> SceneOptions:
    """Return a preset's options, but those of `scenes` that are not the defaults."""
    usual = SceneOptions()
    given = {f.name: getattr(scenes, f.name) for f in fields(scenes)}
    return replace(preset, **{name: value for name, value in given.items() if value != getattr(usual, name)})

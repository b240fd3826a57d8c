"""The main path: RGB-D frames in, sentences answered with boxes and masks. No ROS here.

robot = Locate3D.create(backend="embedded")
for frame in load_recording("kitchen"):
robot.add(frame)
answer = robot.localize("the white mug")
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from locate3d_ros.config import Config
from locate3d_ros.mapping.keyframes import KeyframeRule, map_frame
from locate3d_ros.mapping.map_file import load_map, save_map
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import (
    FeatureExtractor,
    Frame,
    Localization,
    LocalizeOptions,
    Localizer,
    MapSnapshot,
)


class Locate3D:
    """Extractor, map and localizer, joined."""

    def __init__(
        self, extractor: FeatureExtractor, voxel_map: VoxelFeatureMap, localizer: Localizer, config: Config
    ) -> None:
        """Take the parts as they are; `create` and `build.py` make them."""
        self.extractor = extractor
        self.voxel_map = voxel_map
        self.localizer = localizer
        self.config = config
        self._keyframes = KeyframeRule(config.mapping)

    @classmethod
    def create(cls, config: Config | None = None, **overrides: Any) -> Locate3D:  # noqa: ANN401 - any field of Config
        """Build the whole from a configuration and overrides of its fields, such as backend="embedded"."""
        from locate3d_ros.build import build

        return build(replace(config or Config(), **overrides))

    def add(self, frame: Frame) -> None:
        """Integrate one frame; keyframes bring features, the others geometry and colour."""
        map_frame(frame, self._keyframes, self.extractor, self.voxel_map)

    def localize(self, text: str, options: LocalizeOptions | None = None) -> Localization:
        """Answer one request from the map as it is now; a failure is a status and one sentence."""
        return self.localizer.localize(self.snapshot(), text, options or self.default_options())

    def default_options(self) -> LocalizeOptions:
        """Return the configured options of a request."""
        return LocalizeOptions(self.config.localization.min_score, self.config.localization.max_instances)

    def snapshot(self) -> MapSnapshot:
        """Return the map as it is now; later frames do not change it."""
        return self.voxel_map.snapshot()

    def save(self, path: Path | str) -> None:
        """Write the map to one safetensors file, crash-safe (DESIGN 4.3)."""
        save_map(self.snapshot(), Path(path))

    def load(self, path: Path | str) -> None:
        """Replace the map by a file's. Raises InputError, and keeps the map, where the file does not fit."""
        self.voxel_map.restore(load_map(Path(path), self.extractor))
        self._keyframes.reset()

"""The map as mapping and requests share it, without a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from locate3d_ros.mapping.anchored_map import AnchoredMap
from locate3d_ros.mapping.map_file import load_projections
from locate3d_ros.mapping.submaps import Submap
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.nodes.parameters import NodeConfig
from locate3d_ros.types import FeatureExtractor, Frame, FrameFeatures, MapSnapshot


class MapSource(Protocol):
    """Where requests get the map from."""

    @property
    def generation(self) -> int:
        """It changes when the map was cleared or replaced: answers from before would be about another map."""

    @property
    def revision(self) -> int:
        """It changes with every integrated frame."""

    @property
    def hint(self) -> str:
        """How an empty map gets filled, for the one who asks."""

    def snapshot(self) -> MapSnapshot:
        """Return the map as it is now."""


class LiveMap:
    """A map that counts its replacements."""

    def __init__(self, anchored: AnchoredMap, hint: str) -> None:
        """Wrap the map that frames go into; `hint` says how an empty one gets filled."""
        self._anchored = anchored
        self.generation = 0
        self.hint = hint

    def __len__(self) -> int:
        """Count the voxels."""
        return len(self._anchored)

    @property
    def revision(self) -> int:
        """Integrated frames."""
        return self._anchored.revision

    @property
    def newly_seen(self) -> float:
        """The share of the last frame's voxels that the map did not know."""
        return self._anchored.newly_seen

    @property
    def nbytes(self) -> int:
        """Bytes of the map's grids and of the pieces that loop closures can move."""
        return self._anchored.nbytes

    @property
    def on_disk(self) -> int:
        """Voxels that have left the memory for the disk."""
        return self._anchored.spill.voxels if self._anchored.spill else 0

    @property
    def lost(self) -> int:
        """Voxels that the disk did not take, or did not give back."""
        return self._anchored.spill.lost if self._anchored.spill else 0

    def add(self, frame: Frame, features: FrameFeatures | None) -> None:
        """Integrate one frame."""
        self._anchored.add(frame, features)

    def snapshot(self) -> MapSnapshot:
        """Return the map as it is now."""
        return self._anchored.snapshot()

    def clear(self) -> None:
        """Forget everything."""
        self._anchored.clear()
        self.generation += 1

    def remove_box(self, T_map_box: Tensor, size: Tensor) -> int:
        """Forget what is in a box of size (3,) metres at T_map_box (4, 4); return how many voxels that were."""
        removed = self._anchored.remove_box(T_map_box, size)
        self.generation += 1
        return removed

    def restore(self, snapshot: MapSnapshot) -> None:
        """Replace everything by a snapshot. Raises InputError, and keeps the map, where it does not fit."""
        self._anchored.restore(snapshot)
        self.generation += 1

    def merge(self, snapshot: MapSnapshot, T_map_file: Tensor) -> None:
        """Add another map where T_map_file (4, 4) puts it, on this map's grid.

        Raises InputError, and keeps the map, where it does not fit.
        """
        self._anchored.merge(snapshot, T_map_file)
        self.generation += 1

    @property
    def submaps(self) -> Sequence[Submap]:
        """The pieces that can be moved, oldest first."""
        return self._anchored.submaps

    def correct_jump(self, T_new_old: Tensor) -> int:
        """Mend the past after the newest pose was wrong by T_new_old (4, 4); return how many pieces moved."""
        return self._anchored.correct_jump(T_new_old)

    def correct(self, places: Mapping[int, Tensor]) -> int:
        """Put pieces where T_map_part (4, 4) says, by id; return how many moved."""
        return self._anchored.correct(places)


def new_live_map(config: NodeConfig, extractor: FeatureExtractor, device: torch.device) -> LiveMap:
    """Return the empty map of a mapping node. Raises InputError where features cannot be compressed as configured."""
    mapping = config.mapping
    path = Path(mapping.compression).expanduser()
    projections = load_projections(path, extractor) if mapping.compression else None
    voxel_map = VoxelFeatureMap(mapping, extractor, device, config.map_frame, projections)
    anchored = AnchoredMap(voxel_map, mapping, extractor, mapping.submap_length)
    return LiveMap(anchored, "drive the robot around, or load a map (~/load_map of the mapping node)")

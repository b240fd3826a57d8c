"""The map as mapping and requests share it, without a copy."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from locate3d_ros.mapping.map_changes import to_device
from locate3d_ros.mapping.merging import PlacedMap, merge_maps
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import Frame, FrameFeatures, MapSnapshot


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
    """A voxel map that counts its replacements."""

    def __init__(self, voxel_map: VoxelFeatureMap, hint: str) -> None:
        """Wrap the map that frames go into; `hint` says how an empty one gets filled."""
        self._voxel_map = voxel_map
        self.generation = 0
        self.hint = hint

    def __len__(self) -> int:
        """Count the voxels."""
        return len(self._voxel_map)

    @property
    def revision(self) -> int:
        """Integrated frames."""
        return self._voxel_map.revision

    @property
    def nbytes(self) -> int:
        """Bytes of the map's grids."""
        return self._voxel_map.nbytes

    def add(self, frame: Frame, features: FrameFeatures | None) -> None:
        """Integrate one frame."""
        self._voxel_map.add(frame, features)

    def snapshot(self) -> MapSnapshot:
        """Return the map as it is now."""
        return self._voxel_map.snapshot()

    def clear(self) -> None:
        """Forget everything."""
        self._voxel_map.clear()
        self.generation += 1

    def restore(self, snapshot: MapSnapshot) -> None:
        """Replace everything by a snapshot. Raises InputError, and keeps the map, where it does not fit."""
        self._voxel_map.restore(snapshot)
        self.generation += 1

    def merge(self, snapshot: MapSnapshot, T_map_file: Tensor, max_views: int) -> None:
        """Add another map where T_map_file (4, 4) puts it, on this map's grid.

        Raises InputError, and keeps the map, where it does not fit.
        """
        running = self._voxel_map.snapshot()
        other = to_device(snapshot, running.cells.device)
        parts = [PlacedMap(running, torch.eye(4, dtype=torch.float64)), PlacedMap(other, T_map_file)]
        self.restore(merge_maps(parts, running, max_views))

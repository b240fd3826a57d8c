"""Immutable states of the map for readers. A snapshot gathers what changed; the rest is copied from the one before."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.mapping.voxel_grid import GridChange, slot_column
from locate3d_ros.types import FeatureExtractor, FineCloud, MapSnapshot, View


@dataclass(frozen=True)
class MapState:
    """What belongs to a map beside its voxels."""

    frame_id: str
    voxel_size: float  # metres
    fine_voxel_size: float  # metres
    revision: int = 0
    stamp: float = 0.0  # seconds
    camera_pose: Tensor | None = None  # [4, 4] float64
    views: tuple[View, ...] = ()


class SnapshotBuilder:
    """Builds each snapshot from the previous one's tensors and the grids' changes."""

    def __init__(self, extractor: FeatureExtractor) -> None:
        """Start without a previous snapshot."""
        self._extractor = extractor
        self._coarse, self._fine = _GridCopy(), _GridCopy()

    def build(self, state: MapState, coarse: GridChange, fine: GridChange) -> MapSnapshot:
        """Return the snapshot of a state; changes have to be given in the order in which they were taken."""
        voxels, points = self._coarse.apply(coarse), self._fine.apply(fine)
        features = {slot.name: voxels[slot_column(slot.name)] for slot in self._extractor.slots}
        return MapSnapshot(
            cells=voxels["cells"],
            xyz=voxels["xyz"],
            rgb=voxels["rgb"],
            features=features,
            has_features=voxels["has_features"],
            weight=voxels["weight"],
            last_seen=voxels["last_seen"],
            fine=FineCloud(points["xyz"], points["rgb"], state.fine_voxel_size),
            revision=state.revision,
            stamp=state.stamp,
            frame_id=state.frame_id,
            voxel_size=state.voxel_size,
            extractor=self._extractor.name,
            digest=self._extractor.digest,
            camera_pose=state.camera_pose,
            views=state.views,
        )


class _GridCopy:
    """The readers' copy of a grid, as of the last snapshot."""

    def __init__(self) -> None:
        self._layout = -1
        self._columns: dict[str, Tensor] = {}

    def apply(self, change: GridChange) -> dict[str, Tensor]:
        """Return new columns with the change written in; earlier ones stay as they are."""
        if change.layout != self._layout:
            self._columns = {name: column[:0] for name, column in change.columns.items()}
            self._layout = change.layout
        if len(change.rows) > 0:
            self._columns = {name: self._patched(name, change) for name in change.columns}
        return self._columns

    def _patched(self, name: str, change: GridChange) -> Tensor:
        old, patch = self._columns[name], change.columns[name]
        column = torch.empty((change.count, *patch.shape[1:]), dtype=patch.dtype, device=patch.device)
        column[: len(old)] = old
        column[change.rows] = patch
        return column

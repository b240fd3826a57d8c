"""The live map: frames go in one after another, immutable snapshots come out (FEATURES_SPEC §4, fixed grid)."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock

import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.errors import InputError
from locate3d_ros.mapping.cells import CELL_LIMIT
from locate3d_ros.mapping.checks import require_extractor, require_features, require_frame
from locate3d_ros.mapping.frame_voxels import frame_voxels
from locate3d_ros.mapping.lifting import LiftedFrame, lift
from locate3d_ros.mapping.restoring import feature_voxels, fine_voxels
from locate3d_ros.mapping.snapshots import MapState, SnapshotBuilder
from locate3d_ros.mapping.views import add_view, thumbnail
from locate3d_ros.mapping.voxel_grid import VoxelGrid
from locate3d_ros.types import FeatureExtractor, Frame, FrameFeatures, MapSnapshot

_KEPT_SHARE = 0.9  # of the memory bound, once it is exceeded: so that voxels leave seldom, and many at once


class VoxelFeatureMap:
    """A feature grid and a finer grid of colour and geometry, bounded in memory; one writer, many readers.

    Lifting runs under `_writing`, building snapshots under `_reading`; only the short updates and reads of the
    grids themselves exclude each other, under `_changing`.
    """

    def __init__(
        self, config: MappingConfig, extractor: FeatureExtractor, device: torch.device, frame_id: str = "map"
    ) -> None:
        """Start empty. Of the extractor only name, digest and slots are used."""
        self._config = config
        self._extractor = extractor
        self._device = device
        self._writing, self._reading, self._changing = Lock(), Lock(), Lock()
        self._builder = SnapshotBuilder(extractor)
        self._snapshot: tuple[MapState, MapSnapshot] | None = None
        self._dropped_points = 0
        self._state = MapState(frame_id, config.voxel_size, config.fine_voxel_size)
        self._coarse, self._fine = self._empty_grids(self._state)

    def __len__(self) -> int:
        """Count the voxels."""
        return len(self._coarse)

    @property
    def revision(self) -> int:
        """Integrated frames; it never goes back, so that two states of one map never share a number."""
        return self._state.revision

    @property
    def dropped_points(self) -> int:
        """How many points fell so far from the origin that no cell could name them."""
        return self._dropped_points

    @property
    def nbytes(self) -> int:
        """Bytes of the grids' tensors; snapshots and thumbnails not counted."""
        return self._coarse.nbytes + self._fine.nbytes

    @property
    def frame_id(self) -> str:
        """The frame that the map's coordinates are in; it can be set while the map is empty."""
        return self._state.frame_id

    @frame_id.setter
    def frame_id(self, frame_id: str) -> None:
        with self._writing, self._changing:
            if frame_id != self._state.frame_id and len(self) > 0:
                raise InputError(
                    f"frame_id {frame_id!r}: the map already holds {self._state.frame_id!r}; clear it first"
                )
            self._state = replace(self._state, frame_id=frame_id)

    def add(self, frame: Frame, features: FrameFeatures | None = None) -> None:
        """Integrate one frame; without features only geometry and colour. Raises InputError for one that cannot be."""
        T_map_camera = require_frame(frame)
        tables = () if features is None else require_features(features, frame, self._extractor.slots)
        with self._writing:
            lifted = self._nameable(lift(frame, self._config, self._device))
            state = replace(self._state, revision=self._state.revision + 1, stamp=frame.stamp)
            if len(lifted.xyz) == 0:
                self._state = state
                return
            rgb = frame.rgb.to(self._device)
            coarse = frame_voxels(lifted, rgb, tables, state.voxel_size)
            fine = frame_voxels(lifted, rgb, (), state.fine_voxel_size)
            if tables and self._config.store_views:
                view = thumbnail(frame, T_map_camera, lifted)
                state = replace(state, views=add_view(state.views, view, self._config.max_views))
            with self._changing:
                self._coarse.add(coarse, frame.stamp)
                self._fine.add(fine, frame.stamp)
                self._leave_far_voxels(T_map_camera[:3, 3].to(self._device))
                self._state = replace(state, camera_pose=T_map_camera)

    def snapshot(self) -> MapSnapshot:
        """Return the map as it is now, the same object until something changes; later frames do not change it."""
        with self._reading:
            with self._changing:
                state = self._state
                if self._snapshot is not None and self._snapshot[0] is state:
                    return self._snapshot[1]
                coarse, fine = self._coarse.take_change(), self._fine.take_change()
            snapshot = self._builder.build(state, coarse, fine)
            self._snapshot = (state, snapshot)
            return snapshot

    def clear(self) -> None:
        """Forget everything but the frame_id."""
        sizes = (self._config.voxel_size, self._config.fine_voxel_size)
        with self._writing:
            state = MapState(self.frame_id, *sizes, revision=self.revision + 1)
            with self._changing:
                self._state, (self._coarse, self._fine) = state, self._empty_grids(state)

    def restore(self, snapshot: MapSnapshot) -> None:
        """Replace everything by a snapshot's content, its voxel sizes and frame_id included.

        Raises InputError, and keeps the map, where its features come from another extractor.
        """
        widths = {name: features.shape[1] for name, features in snapshot.features.items()}
        require_extractor(snapshot.extractor, snapshot.digest, widths, self._extractor, "snapshot")
        with self._writing:
            state = MapState(
                frame_id=snapshot.frame_id,
                voxel_size=snapshot.voxel_size,
                fine_voxel_size=snapshot.fine.voxel_size,
                revision=max(snapshot.revision, self.revision + 1),
                stamp=snapshot.stamp,
                camera_pose=snapshot.camera_pose,
                views=snapshot.views,
            )
            coarse, fine = self._empty_grids(state)
            coarse.add(feature_voxels(snapshot, self._device), snapshot.last_seen.to(self._device))
            fine.add(fine_voxels(snapshot.fine, self._device), snapshot.stamp)
            with self._changing:
                self._state, self._coarse, self._fine = state, coarse, fine

    def _empty_grids(self, state: MapState) -> tuple[VoxelGrid, VoxelGrid]:
        coarse = VoxelGrid(state.voxel_size, tuple(self._extractor.slots), self._device)
        return coarse, VoxelGrid(state.fine_voxel_size, (), self._device)

    def _nameable(self, lifted: LiftedFrame) -> LiftedFrame:
        """Drop and count the points beyond the cells that a key can name."""
        reach = (CELL_LIMIT - 1) * min(self._state.voxel_size, self._state.fine_voxel_size)
        if len(lifted.xyz) == 0 or float(lifted.xyz.abs().max()) < reach:
            return lifted
        kept = (lifted.xyz.abs() < reach).all(dim=1)
        self._dropped_points += int((~kept).sum())
        return LiftedFrame(lifted.xyz[kept], lifted.depth[kept], lifted.pixel[kept])

    def _leave_far_voxels(self, camera: Tensor) -> None:
        """Where the memory bound is exceeded, keep the nearest voxels to the camera (3,) of both grids."""
        bound = self._config.memory_mb * 1e6
        grids = (self._coarse, self._fine)
        if sum(len(grid) * grid.bytes_per_voxel for grid in grids) <= bound:
            return
        distances = [torch.linalg.vector_norm(grid.centroids() - camera, dim=1) for grid in grids]
        order = torch.argsort(torch.cat(distances))
        cost = torch.cat([torch.full_like(d, grid.bytes_per_voxel) for d, grid in zip(distances, grids, strict=True)])
        kept = torch.zeros_like(order, dtype=torch.bool)
        kept[order] = torch.cumsum(cost[order], dim=0) <= _KEPT_SHARE * bound
        for grid, part in zip(grids, torch.split(kept, [len(grid) for grid in grids]), strict=True):
            grid.keep(part)

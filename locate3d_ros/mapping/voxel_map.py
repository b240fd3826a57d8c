"""The live map: frames go in one after another, immutable snapshots come out (FEATURES_SPEC §4, fixed grid)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock

import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.errors import InputError
from locate3d_ros.mapping.carving import ViewCounter
from locate3d_ros.mapping.checks import require_contents, require_extractor, require_features, require_frame
from locate3d_ros.mapping.compression import Projections, projected, stored_slots, whole_widths
from locate3d_ros.mapping.frame_update import FrameCounts, FrameUpdate, Viewpoint, prepare_frame, read_counts
from locate3d_ros.mapping.frame_voxels import FrameVoxels
from locate3d_ros.mapping.grid_probe import Stamp
from locate3d_ros.mapping.restoring import feature_voxels, fine_voxels
from locate3d_ros.mapping.scene_grids import GridUpdate, SceneGrids
from locate3d_ros.mapping.snapshots import MapState, build_snapshot
from locate3d_ros.mapping.spill import Spill
from locate3d_ros.mapping.views import add_view, thumbnail
from locate3d_ros.types import FeatureExtractor, Frame, FrameFeatures, MapSnapshot


class VoxelFeatureMap:
    """A feature grid and a finer grid of colour and geometry, bounded in memory; one writer, many readers.

    Lifting runs under `_writing`; only the short updates of the grids and the taking of a snapshot exclude each
    other, under `_changing`. What a snapshot's readers gather needs no lock.
    """

    def __init__(
        self,
        config: MappingConfig,
        extractor: FeatureExtractor,
        device: torch.device,
        frame_id: str = "map",
        projections: Projections | None = None,
    ) -> None:
        """Start empty, compressed where projections say how. Of the extractor only name, digest and slots are used."""
        self._config = config
        self._extractor = extractor
        self._device = device
        self._writing, self._changing = Lock(), Lock()
        self._snapshot: MapSnapshot | None = None
        self._dropped_points = 0
        self._newly_seen = 0.0
        self._viewpoints = ViewCounter()
        self._spill = Spill(config.spill_directory, config.max_depth) if config.spill_directory else None
        self._projections = projections or {}
        self._state = MapState(frame_id, config.voxel_size, config.fine_voxel_size, projections=self._projections)
        self._grids = self._empty_grids(self._state)

    def __len__(self) -> int:
        """Count the voxels."""
        return len(self._grids.coarse)

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        return self._device

    @property
    def revision(self) -> int:
        """Integrated frames; it never goes back, so that two states of one map never share a number."""
        return self._state.revision

    @property
    def dropped_points(self) -> int:
        """How many points fell so far from the origin that no cell could name them."""
        return self._dropped_points

    @property
    def newly_seen(self) -> float:
        """The share of the last frame's voxels that the map did not know."""
        return self._newly_seen

    @property
    def projections(self) -> Projections:
        """How features are compressed; empty: they are whole."""
        return self._state.projections

    @property
    def nbytes(self) -> int:
        """Bytes of the grids' tensors; snapshots and thumbnails not counted."""
        return self._grids.nbytes

    @property
    def spill(self) -> Spill | None:
        """What has left the memory for the disk, where it may."""
        return self._spill

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
            self._take_back(T_map_camera[:3, 3])
            tables = projected(tables, self._state.projections)
            sizes = (self._state.voxel_size, self._state.fine_voxel_size)
            viewpoint = Viewpoint(T_map_camera, self._viewpoints.number(frame, T_map_camera))
            update = prepare_frame(frame, viewpoint, tables, sizes, self._config, self._device)
            probed, counts, read_by = self._probed(update)
            require_contents(tables, counts.contents)
            with self._changing:
                if self._grids.make_room(counts.grids, T_map_camera[:3, 3], self._spill):
                    probed, counts, read_by = self._probed(update)
            self._dropped_points += counts.dropped
            self._newly_seen = probed[0].newly_seen(counts.grids[0])
            voxels = [part.settle(count) for part, count in zip(probed, counts.grids, strict=True)]
            state = replace(self._state, revision=self._state.revision + 1, stamp=frame.stamp)
            if len(voxels[0]) > 0:
                state = self._seen(state, frame, update, T_map_camera)
            stamp = Stamp(frame.stamp, state.revision, self._config.max_observations, update.view)
            with self._changing:
                if self._snapshot is not read_by:  # its reader shares rows that the frame would write to
                    probed, counts, _ = self._probed(update)
                self._grids.apply(probed, counts.grids, voxels, stamp)
                self._state, self._snapshot = state, None

    def snapshot(self) -> MapSnapshot:
        """Return the map as it is now, the same object until something changes; later frames do not change it.

        It costs a byte a voxel; tensors are gathered when they are first asked for, beside the writer.
        """
        with self._changing:
            if self._snapshot is None:
                self._snapshot = build_snapshot(self._state, self._grids.versions(), self._extractor)
            return self._snapshot

    def clear(self) -> None:
        """Forget everything but the frame_id."""
        sizes = (self._config.voxel_size, self._config.fine_voxel_size)
        with self._writing:
            state = MapState(self.frame_id, *sizes, revision=self.revision + 1, projections=self._projections)
            self._replace(state, self._empty_grids(state))
            if self._spill is not None:
                self._spill.clear()

    def remove_where(self, gone: Callable[[Tensor], Tensor]) -> int:
        """Remove the voxels whose mean points are gone, which maps (n, 3) float64 metres to (n,) bool; their number."""
        with self._writing, self._changing:
            self._state, self._snapshot = replace(self._state, revision=self._state.revision + 1), None
            spilled = 0 if self._spill is None else self._spill.remove_where(gone, self._device)
            return spilled + self._grids.remove_where(gone, self._state.revision)

    def merge(self, coarse: FrameVoxels, fine: FrameVoxels, last_seen: Tensor) -> None:
        """Average in voxels of another map on this map's grids, each weighted by its weight.

        last_seen [V] float64 seconds, of the voxels with features.
        """
        with self._writing:
            revision = self._state.revision + 1
            with self._changing:
                self._grids.merge(coarse, fine, last_seen, revision)
                self._state, self._snapshot = replace(self._state, revision=revision), None

    def restore(self, snapshot: MapSnapshot) -> None:
        """Replace everything by a snapshot's content; its voxel sizes, frame_id and projections included.

        Raises InputError, and keeps the map, where its features come from another extractor.
        """
        self.mend(snapshot)
        if self._spill is not None:
            self._spill.clear()

    def mend(self, snapshot: MapSnapshot) -> None:
        """Replace what is in memory by a snapshot that corrects it; what is on disk stays. Raises as `restore`."""
        stored = {name: features.shape[1] for name, features in snapshot.features.items()}
        widths = whole_widths(stored, snapshot.projections)
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
                projections=snapshot.projections,
            )
            grids = self._empty_grids(state)
            coarse, fine = feature_voxels(snapshot, self._device), fine_voxels(snapshot.fine, self._device)
            grids.merge(coarse, fine, snapshot.last_seen.to(self._device), state.revision)
            self._replace(state, grids)

    def _probed(self, update: FrameUpdate) -> tuple[list[GridUpdate], FrameCounts, MapSnapshot | None]:
        """Look a frame up; return also the snapshot that has to be the newest still when it is written."""
        read_by = self._snapshot
        probed = self._grids.probe(update.grouped, update.sight)
        return probed, read_counts(update, [part.counts() for part in probed]), read_by

    def _take_back(self, camera: Tensor) -> None:
        """Bring back what had left and is near the camera (3,) float64 again."""
        if self._spill is None:
            return
        for part in self._spill.take_near(camera, self._device):
            state = replace(self._state, revision=self._state.revision + 1)
            with self._changing:
                self._grids.take_back(part, camera, self._spill, state.revision)
                self._state, self._snapshot = state, None

    def _seen(self, state: MapState, frame: Frame, update: FrameUpdate, T_map_camera: Tensor) -> MapState:
        """Return the state after a frame that shows something."""
        state = replace(state, camera_pose=T_map_camera)
        if not update.tables or not self._config.store_views:
            return state
        view = thumbnail(frame, T_map_camera, update.lifted)
        return replace(state, views=add_view(state.views, view, self._config.max_views))

    def _replace(self, state: MapState, grids: SceneGrids) -> None:
        with self._changing:
            self._state, self._grids, self._snapshot = state, grids, None

    def _empty_grids(self, state: MapState) -> SceneGrids:
        sizes = (state.voxel_size, state.fine_voxel_size)
        slots = stored_slots(self._extractor.slots, state.projections)
        return SceneGrids(self._config, sizes, slots, self._device)

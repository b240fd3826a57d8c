"""The live map of a robot whose idea of its past changes: one map for readers, submaps to move what is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.geometry.boxes import inside_box
from locate3d_ros.geometry.transforms import invert_transform, require_rigid
from locate3d_ros.mapping.compression import alike
from locate3d_ros.mapping.correcting import MovedMap, remerge
from locate3d_ros.mapping.merging import PlacedMap, merge_maps
from locate3d_ros.mapping.selecting import to_device
from locate3d_ros.mapping.spill import Spill
from locate3d_ros.mapping.submaps import BASE, Submap, Submaps
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import FeatureExtractor, Frame, FrameFeatures, MapSnapshot, View


class AnchoredMap:
    """Frames go into the map and into the present submap; a correction moves submaps and mends the map.

    One writer; snapshots may be taken by anyone at any time.
    """

    def __init__(
        self, voxel_map: VoxelFeatureMap, config: MappingConfig, extractor: FeatureExtractor, submap_length: float
    ) -> None:
        """Take the map that readers see; submap_length: metres of way in a submap, 0: the past cannot be corrected."""
        self._map = voxel_map
        self._max_views = config.max_views
        self._submaps = None
        if submap_length > 0:
            self._submaps = Submaps(config, extractor, voxel_map.device, submap_length)

    def __len__(self) -> int:
        """Count the voxels."""
        return len(self._map)

    @property
    def revision(self) -> int:
        """Integrated frames and corrections; it never goes back."""
        return self._map.revision

    @property
    def newly_seen(self) -> float:
        """The share of the last frame's voxels that the map did not know."""
        return self._map.newly_seen

    @property
    def nbytes(self) -> int:
        """Bytes of the map's grids and of its submaps."""
        return self._map.nbytes + (self._submaps.nbytes if self._submaps else 0)

    @property
    def spill(self) -> Spill | None:
        """What has left the memory for the disk, where it may."""
        return self._map.spill

    @property
    def submaps(self) -> tuple[Submap, ...]:
        """The submaps, oldest first."""
        return self._submaps.all() if self._submaps else ()

    @property
    def open_submap(self) -> int | None:
        """The id of the submap that frames go into."""
        return self._submaps.open_id if self._submaps else None

    def snapshot(self) -> MapSnapshot:
        """Return the map as it is now."""
        return self._map.snapshot()

    def add(self, frame: Frame, features: FrameFeatures | None = None) -> None:
        """Integrate one frame. Raises InputError for one that cannot be."""
        self._map.add(frame, features)
        if self._submaps:
            self._submaps.record(frame, features, self._map.projections)

    def clear(self) -> None:
        """Forget everything but the frame_id."""
        self._map.clear()
        if self._submaps:
            self._submaps.reset(None)

    def remove_box(self, T_map_box: Tensor, size: Tensor) -> int:
        """Remove the voxels in a box of size (3,) metres that lies where T_map_box (4, 4) says; return how many."""
        return self._map.remove_where(lambda xyz: inside_box(xyz, T_map_box, size))

    def restore(self, snapshot: MapSnapshot) -> None:
        """Replace everything by a snapshot. Raises InputError, and keeps the map, where it does not fit."""
        self._map.restore(snapshot)
        if self._submaps:
            self._submaps.reset(snapshot)

    def merge(self, snapshot: MapSnapshot, T_map_file: Tensor) -> None:
        """Add another map where T_map_file (4, 4) puts it, on this map's grid; what is there so far is settled by it.

        Raises InputError, and keeps the map, where it does not fit.
        """
        running = self._map.snapshot()
        other = to_device(alike(snapshot, running.projections), running.cells.device)
        parts = [PlacedMap(running, torch.eye(4, dtype=torch.float64)), PlacedMap(other, T_map_file)]
        merged = merge_maps(parts, running, self._max_views)
        self._map.mend(merged)
        if self._submaps:
            self._submaps.reset(merged)

    def correct_jump(self, T_new_old: Tensor) -> int:
        """Mend the past after the newest pose was found to be wrong by T_new_old (4, 4); return how many submaps moved.

        The error is spread evenly over the way since the last correction.
        """
        jump = require_rigid(T_new_old, "correction")
        return self.correct(self._submaps.places_after_jump(jump)) if self._submaps else 0

    def correct(self, places: Mapping[int, Tensor]) -> int:
        """Put submaps where T_map_part (4, 4) says, by id, and mend the map; return how many moved.

        Raises InputError where a place is no rigid transform.
        """
        places = {number: require_rigid(T, f"place of submap {number}") for number, T in places.items()}
        if not self._submaps:
            return 0
        before = self._submaps.all()
        is_moved = [each.id in places and not torch.equal(places[each.id], each.T_map_part) for each in before]
        moved = [each for each, moves in zip(before, is_moved, strict=True) if moves]
        if not moved:
            return 0
        live = to_device(self._map.snapshot(), torch.device("cpu"))
        still = [each.placed for each, moves in zip(before, is_moved, strict=True) if not moves]
        mended = remerge(live, still, [MovedMap(each.placed, places[each.id]) for each in moved])
        steps = {each.id: places[each.id] @ invert_transform(each.T_map_part) for each in moved}
        self._map.mend(_with_moved_poses(mended, moved, steps))
        self._submaps.move(places)
        return len(moved)


def _with_moved_poses(snapshot: MapSnapshot, moved: list[Submap], steps: Mapping[int, Tensor]) -> MapSnapshot:
    """Return the snapshot with its views moved along with the submaps that were recorded at their time."""

    def step_at(stamp: float) -> Tensor | None:
        return next((steps[each.id] for each in moved if each.id != BASE and each.first <= stamp <= each.last), None)

    def placed(view: View) -> View:
        step = step_at(view.stamp)
        return view if step is None else replace(view, T_map_camera=step @ view.T_map_camera)

    pose, step = snapshot.camera_pose, step_at(snapshot.stamp)
    if pose is not None and step is not None:
        pose = step @ pose
    return replace(snapshot, views=tuple(placed(view) for view in snapshot.views), camera_pose=pose)

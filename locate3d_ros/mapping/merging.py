"""Several maps, each where a rigid transform puts it, as one map on the fixed grid of the frame they are put in.

Every voxel goes as a whole into the cell that its mean point falls into; voxels that meet there are averaged by
weight. Without a transform nothing moves: maps on the same grid join exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from locate3d_ros.geometry.transforms import transform_points
from locate3d_ros.mapping.cells import cell_centers, cells_of_points, pack_cells, unpack_cells
from locate3d_ros.mapping.views import add_view
from locate3d_ros.types import FineCloud, MapSnapshot, View

_CHUNK = 65_536  # voxels whose features are widened to float32 at a time


@dataclass(frozen=True)
class PlacedMap:
    """A map and where it lies."""

    snapshot: MapSnapshot
    T_map_part: Tensor  # [4, 4] float64

    @property
    def is_in_place(self) -> bool:
        """Whether it lies where its own coordinates say."""
        return torch.equal(self.T_map_part, torch.eye(4, dtype=self.T_map_part.dtype))


@dataclass(frozen=True)
class _Groups:
    """Rows that share a cell; V cells of N rows."""

    cells: Tensor  # [V, 3] int32
    group: Tensor  # [N] int64: which of the cells a row is in
    lone: Tensor  # [N] bool: no other row is in its cell
    weight: Tensor  # [N] float64: share of the row in the mean of its cell


def merge_maps(parts: Sequence[PlacedMap], state: MapSnapshot, max_views: int) -> MapSnapshot:
    """Return one map of the parts, on the grid, in the frame, with revision, stamp and camera pose of `state`.

    The parts have the feature slots of `state`; their voxel sizes may differ.
    """
    if len(parts) == 1 and parts[0].is_in_place and _has_sizes_of(parts[0].snapshot, state):
        voxels = parts[0].snapshot
    else:
        voxels = _merge_voxels(parts, state)
    views: tuple[View, ...] = ()
    for view in sorted((view for part in parts for view in placed_views(part)), key=lambda view: view.stamp):
        views = add_view(views, view, max_views)
    return replace(
        voxels,
        revision=state.revision,
        stamp=state.stamp,
        frame_id=state.frame_id,
        camera_pose=state.camera_pose,
        views=views,
    )


def place_map(snapshot: MapSnapshot, T_map_part: Tensor, state: MapSnapshot) -> MapSnapshot:
    """Return a map's voxels and views where T_map_part (4, 4) puts them, on the grid of `state`."""
    return merge_maps([PlacedMap(snapshot, T_map_part)], state, len(snapshot.views))


def placed_views(part: PlacedMap) -> tuple[View, ...]:
    """Return the views of a part where it lies; those of one that lies where it was are the very same objects."""
    if part.is_in_place:
        return part.snapshot.views
    T = part.T_map_part.cpu()
    return tuple(replace(view, T_map_camera=T @ view.T_map_camera) for view in part.snapshot.views)


def _has_sizes_of(snapshot: MapSnapshot, state: MapSnapshot) -> bool:
    return (snapshot.voxel_size, snapshot.fine.voxel_size) == (state.voxel_size, state.fine.voxel_size)


def _merge_voxels(parts: Sequence[PlacedMap], state: MapSnapshot) -> MapSnapshot:
    snapshots = [part.snapshot for part in parts]
    xyz = torch.cat([_placed(part, part.snapshot.xyz) for part in parts])
    weight = torch.cat([each.weight for each in snapshots]).to(torch.float64)
    groups = _group(xyz, weight, state.voxel_size)
    has_features = torch.cat([each.has_features for each in snapshots])
    of_features = _shares(groups, weight * has_features)
    count = len(groups.cells)
    seen = torch.full((count,), -torch.inf, dtype=torch.float64, device=xyz.device)
    return replace(
        state,
        cells=groups.cells,
        xyz=_inside(_means(xyz, groups), groups.cells, state.voxel_size),
        rgb=_means(torch.cat([each.rgb for each in snapshots]), groups).to(torch.float32),
        features={
            name: _feature_means([each.features[name] for each in snapshots], groups, of_features)
            for name in state.features
        },
        has_features=torch.bincount(groups.group, has_features.to(torch.float64), count) > 0,
        weight=torch.bincount(groups.group, weight, count).to(torch.float32),
        last_seen=seen.scatter_reduce_(0, groups.group, torch.cat([each.last_seen for each in snapshots]), "amax"),
        fine=_merge_fine(parts, state.fine.voxel_size),
    )


def _merge_fine(parts: Sequence[PlacedMap], voxel_size: float) -> FineCloud:
    xyz = torch.cat([_placed(part, part.snapshot.fine.xyz) for part in parts])
    rgb = torch.cat([part.snapshot.fine.rgb for part in parts])
    groups = _group(xyz, torch.ones(len(xyz), dtype=torch.float64, device=xyz.device), voxel_size)
    points = _inside(_means(xyz, groups), groups.cells, voxel_size)
    return FineCloud(points, _means(rgb, groups).to(torch.float32), voxel_size)


def _placed(part: PlacedMap, xyz: Tensor) -> Tensor:
    """Return points (n, 3) float64 where the part lies."""
    points = xyz.to(torch.float64)
    return points if part.is_in_place else transform_points(part.T_map_part, points)


def _group(xyz: Tensor, weight: Tensor, voxel_size: float) -> _Groups:
    keys, group, count = torch.unique(
        pack_cells(cells_of_points(xyz, voxel_size)), return_inverse=True, return_counts=True
    )
    groups = _Groups(unpack_cells(keys), group, count[group] == 1, weight)
    return replace(groups, weight=_shares(groups, weight))


def _shares(groups: _Groups, weight: Tensor) -> Tensor:
    """Return each row's share [N] of the weight in its cell; 0 where the cell has none."""
    total = torch.bincount(groups.group, weight, len(groups.cells))
    return weight / total.clamp(min=1e-12)[groups.group]


def _means(values: Tensor, groups: _Groups) -> Tensor:
    """Average values (N, c) per cell -> (V, c) float64."""
    columns = [
        torch.bincount(groups.group, column.to(torch.float64) * groups.weight, len(groups.cells))
        for column in values.unbind(dim=1)
    ]
    return torch.stack(columns, dim=1)


def _feature_means(tables: Sequence[Tensor], groups: _Groups, share: Tensor) -> Tensor:
    """Average features per cell -> (V, D) float16. Most voxels are alone in their cell and are copied as they are."""
    means = tables[0].new_zeros((len(groups.cells), tables[0].shape[1]))
    shared_cells, place = torch.unique(groups.group[~groups.lone], return_inverse=True)
    sums = torch.zeros((len(shared_cells), means.shape[1]), dtype=torch.float32, device=means.device)
    place_of_row = torch.zeros_like(groups.group)
    place_of_row[~groups.lone] = place
    start = 0
    for table in tables:
        for rows in torch.split(torch.arange(start, start + len(table), device=means.device), _CHUNK):
            lone = groups.lone[rows]
            means[groups.group[rows[lone]]] = table[rows[lone] - start]
            met = rows[~lone]
            weighted = table[met - start].to(torch.float32) * share[met, None].to(torch.float32)
            sums.index_add_(0, place_of_row[met], weighted)
        start += len(table)
    means[shared_cells] = sums.to(means.dtype)
    return means


def _inside(xyz: Tensor, cells: Tensor, voxel_size: float) -> Tensor:
    """Return float32 points (n, 3) that stay in their cells: rounding must not move one over the border."""
    centers = cell_centers(cells, voxel_size)
    most = voxel_size / 2 * (1 - 1e-4)
    return (centers + (xyz - centers).clamp(-most, most)).to(torch.float32)

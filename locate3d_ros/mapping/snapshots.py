"""Immutable states of the map for readers: what belongs to it beside voxels, and versions of its grids."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from locate3d_ros.lazy_tensors import lazily
from locate3d_ros.mapping.compression import Projections
from locate3d_ros.mapping.grid_version import GridVersion
from locate3d_ros.types import BlockRevisions, FeatureExtractor, FineCloud, MapSnapshot, View


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
    projections: Projections = field(default_factory=dict)


@dataclass(frozen=True)
class GridVersions:
    """The grids of one state."""

    coarse: GridVersion
    fine: GridVersion
    changes: BlockRevisions


def build_snapshot(state: MapState, grids: GridVersions, extractor: FeatureExtractor) -> MapSnapshot:
    """Return the snapshot of a state; nothing is gathered yet."""
    coarse, fine = grids.coarse, grids.fine
    return MapSnapshot(
        cells=lazily(coarse.cells),
        xyz=lazily(coarse.xyz),
        rgb=lazily(coarse.rgb),
        features=coarse,
        has_features=lazily(coarse.has_features),
        weight=lazily(coarse.weight),
        last_seen=lazily(coarse.last_seen),
        fine=FineCloud(lazily(fine.xyz), lazily(fine.rgb), state.fine_voxel_size),
        revision=state.revision,
        stamp=state.stamp,
        frame_id=state.frame_id,
        voxel_size=state.voxel_size,
        extractor=extractor.name,
        digest=extractor.digest,
        camera_pose=state.camera_pose,
        views=state.views,
        changes=grids.changes,
        projections=state.projections,
    )

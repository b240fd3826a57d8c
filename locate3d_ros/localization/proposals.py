"""3D proposals: every region of the fine cloud that may be an object.

Segments at several scales, hierarchies of their unions, clusters left when supports are taken away, what stands on
each support, the supports and walls themselves, what is painted otherwise within floor and walls (rugs, pictures), and
unions with what is below down to the floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.localization.clusters import down_to_floor, free_clusters, structure_mask, supported_clusters
from locate3d_ros.localization.merging import Affinity, RegionStatistics, merge_hierarchy
from locate3d_ros.localization.planes import Planes
from locate3d_ros.localization.regions import Points, VoxelLinks, distinct, region_boxes
from locate3d_ros.localization.segmentation import Cues, Forest, segment, spanning_forest
from locate3d_ros.localization.surface import Surface

CUES = Cues(colour=1.0, normal=1.0, distance=0.02)
FLAT_CUES = Cues(colour=1.0, normal=0.2, distance=0.02)  # within floor and walls, where bends are mostly noise
BASE_SCALE = 0.05  # of the segments that hierarchies are made of
AFFINITIES = (
    Affinity(colour=1.0, feature=1.0, size=1.0, fill=0.5),
    Affinity(colour=0.3, feature=0.5, size=1.0, fill=1.0),
)
MIN_POINTS = 10
MIN_EXTENT = 0.03  # metres, of the longest side
MAX_EXTENT = 4.0  # metres, except planes
MAX_IOU = 0.6  # boxes more alike are one proposal: more of a kind cost time and find nothing new
MAX_PROPOSALS = 5000  # the smallest leave first; fewer lose the small things of a cluttered room
LEAF_POINTS = 10  # of the segments that hierarchies are made of: a mouse has little more


@dataclass(frozen=True)
class RawProposals:
    """Regions with their boxes in the upright frame."""

    groups: list[Points]
    boxes: NDArray[np.float32]  # [P, 6] metres


@dataclass(frozen=True)
class VoxelFeatures:
    """Centred features of the voxels that the fine points are in."""

    links: VoxelLinks
    values: NDArray[np.float32]  # [N, D], zero where unknown


def propose(surface: Surface, planes: Planes, features: VoxelFeatures) -> RawProposals:
    """Propose regions of an upright surface."""
    if len(surface) < MIN_POINTS:
        return RawProposals([], np.zeros((0, 6), dtype=np.float32))
    structure = structure_mask(surface, planes)
    certain = _of_sane_size(surface, _planes_and_clusters(surface, structure, planes), _planar(planes))
    segments = _of_sane_size(surface, _segments(surface, ~structure, features), 0)
    lowered = _lowered(surface, [certain, segments], ~structure, planes.floor_height)
    flat = _of_sane_size(surface, _flat_segments(surface, structure, features), 0)
    return _joined([certain, lowered, flat, segments])


def _planes_and_clusters(surface: Surface, structure: NDArray[np.bool_], planes: Planes) -> list[Points]:
    groups = [patch.points for patch in planes.patches] + list(planes.walls)
    for patch in planes.patches:
        groups += supported_clusters(surface, patch)
    return groups + free_clusters(surface, structure, planes)


def _planar(planes: Planes) -> int:
    return len(planes.patches) + len(planes.walls)


def _segments(surface: Surface, free: NDArray[np.bool_], features: VoxelFeatures) -> list[Points]:
    """Join fine segments again and again; largest regions first."""
    groups = _hierarchies(surface, spanning_forest(surface, CUES), free, features, AFFINITIES)
    return sorted(groups, key=len, reverse=True)


def _flat_segments(surface: Surface, structure: NDArray[np.bool_], features: VoxelFeatures) -> list[Points]:
    """Join segments of floor and walls alike."""
    return _hierarchies(surface, spanning_forest(surface, FLAT_CUES), structure, features, AFFINITIES[:1])


def _lowered(
    surface: Surface, raised: list[RawProposals], free: NDArray[np.bool_], floor_height: float
) -> RawProposals:
    """Extend furniture-sized regions down to the floor."""
    boxes = np.concatenate([proposals.boxes for proposals in raised])
    points = np.flatnonzero(free)
    xyz = np.asfortranarray(surface.xyz[points])
    groups = [points[down_to_floor(xyz, box)] for box in boxes[_raised(boxes, floor_height)]]
    return _of_sane_size(surface, groups, 0)


def _joined(parts: list[RawProposals]) -> RawProposals:
    """Concatenate proposals without duplicates: the earlier parts first, the smallest segments left out."""
    groups = [group for part in parts for group in part.groups]
    boxes = np.concatenate([part.boxes for part in parts])
    counts = np.array([len(group) for group in groups], dtype=np.int64)
    rows = distinct(boxes, counts, MAX_IOU)[:MAX_PROPOSALS]
    return RawProposals([groups[row] for row in rows], boxes[rows])


def _of_sane_size(surface: Surface, groups: list[Points], planar: int) -> RawProposals:
    """Drop specks, monsters (the first `planar` groups may be large) and duplicates."""
    large = [group for group in groups if len(group) >= MIN_POINTS]
    boxes = region_boxes(large, surface.xyz, surface.voxel_size)
    extent = (boxes[:, 3:] - boxes[:, :3]).max(axis=1, initial=0.0)
    sane = (extent >= MIN_EXTENT) & ((extent <= MAX_EXTENT) | (np.arange(len(large)) < planar))
    rows = np.flatnonzero(sane)
    counts = np.array([len(large[row]) for row in rows], dtype=np.int64)
    rows = rows[distinct(boxes[rows], counts, MAX_IOU)]
    return RawProposals([large[row] for row in rows], boxes[rows])


def _raised(boxes: NDArray[np.float32], floor_height: float) -> NDArray[np.int64]:
    """Return the regions that may have something under them which is theirs: furniture-sized and off the floor."""
    side = (boxes[:, 3:5] - boxes[:, :2]).max(axis=1, initial=0.0)
    bottom = boxes[:, 2] - floor_height
    return np.flatnonzero((side > 0.25) & (side < 2.6) & (bottom > 0.1) & (bottom < 1.2))


def _groups_of(labels: NDArray[np.int64]) -> list[Points]:
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def _hierarchies(
    surface: Surface,
    forest: Forest,
    free: NDArray[np.bool_],
    features: VoxelFeatures,
    affinities: tuple[Affinity, ...],
) -> list[Points]:
    """Join segments of the points marked free; return the regions of all joins."""
    labels = segment(forest, BASE_SCALE, LEAF_POINTS)
    labels = np.where(
        free, np.unique(np.where(free, labels, -1), return_inverse=True)[1].reshape(-1) - int(not free.all()), -1
    )
    leaves = _groups_of(labels)[int(not free.all()) :]
    if len(leaves) < 2:
        return []
    neighbours = _adjacent(surface, labels)
    statistics = _statistics(surface, leaves, features)
    return [
        group for affinity in affinities for group in _unions(leaves, merge_hierarchy(statistics, neighbours, affinity))
    ]


def _adjacent(surface: Surface, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the pairs (n, 2) of segments that an edge joins; points labelled -1 do not count."""
    pairs = labels[surface.edges]
    pairs = np.sort(pairs[(pairs >= 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])], axis=1)
    return np.unique(pairs, axis=0).astype(np.int64)


def _statistics(surface: Surface, leaves: list[Points], features: VoxelFeatures) -> RegionStatistics:
    order = np.concatenate(leaves)
    count = np.array([len(leaf) for leaf in leaves])
    starts = np.cumsum(count) - count
    xyz = surface.xyz[order]
    return RegionStatistics(
        count=count.astype(np.float64),
        lab=np.add.reduceat(surface.lab[order], starts).astype(np.float64),
        features=(features.links.weights(leaves) @ features.values).astype(np.float64),
        low=np.minimum.reduceat(xyz, starts).astype(np.float64),
        high=np.maximum.reduceat(xyz, starts).astype(np.float64),
    )


def _unions(leaves: list[Points], joins: list[tuple[int, int]]) -> list[Points]:
    regions = list(leaves)
    for a, b in joins:
        regions.append(np.concatenate((regions[a], regions[b])))
    return regions[len(leaves) :]

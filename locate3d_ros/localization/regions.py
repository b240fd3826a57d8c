"""Regions of the fine cloud as sparse memberships, with what every region is measured by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

TRIM = 0.015  # share of points cut off each side of a box: sensor noise has long tails
FEW_POINTS = 60  # regions with fewer points are not trimmed
THIN_SHARE = 0.2  # of the full margin, that a plane is widened by
SHEET_HEIGHT = 0.08  # metres that a level sheet is less high than, for all the depth's noise
SHEET_SHARE = 0.05  # of its shorter side, likewise
SHEET_TRIM = 0.2  # share of points cut off a sheet's top and bottom: a rug is thinner than the noise
MANY_POINTS = 6000  # boxes of larger regions are measured on every n-th point

Points = NDArray[np.int64]


def membership(groups: list[Points], columns: int) -> csr_matrix:
    """Build the sparse membership [P, columns] float32 of index groups."""
    lengths = np.array([len(group) for group in groups], dtype=np.int64)
    pointers = np.concatenate(([0], np.cumsum(lengths)))
    indices = np.concatenate(groups) if groups else np.zeros(0, dtype=np.int64)
    ones = np.ones(len(indices), dtype=np.float32)
    return csr_matrix((ones, indices, pointers), shape=(len(groups), columns))


def members_of(matrix: csr_matrix, row: int) -> Points:
    """Return the column indices of one row."""
    return np.asarray(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]], dtype=np.int64)


def region_boxes(groups: list[Points], xyz: NDArray[np.float32], voxel_size: float) -> NDArray[np.float32]:
    """Return the boxes (P, 6) of regions, trimmed of outliers and widened to the cells' outer faces; z is up.

    Large level sheets, such as rugs, are trimmed to the middle of the noise about their height. A cell's
    mean lies on the surface itself where the surface faces the axis, so that thin sides are widened less.
    """
    boxes = np.zeros((len(groups), 6), dtype=np.float32)
    for row, group in enumerate(groups):
        boxes[row] = _trimmed_box(xyz[group[:: 1 + len(group) // MANY_POINTS]])
    extent = boxes[:, 3:] - boxes[:, :3]
    margin = voxel_size / 2 * np.clip(extent / (2.0 * voxel_size), THIN_SHARE, 1.0)
    boxes[:, :3] -= margin
    boxes[:, 3:] += margin
    return boxes


def _trimmed_box(xyz: NDArray[np.float32]) -> NDArray[np.float32]:
    cut = int(TRIM * len(xyz)) if len(xyz) >= FEW_POINTS else 0
    if cut == 0:
        return np.concatenate((xyz.min(axis=0), xyz.max(axis=0)))
    ordered = np.partition(xyz, (cut, len(xyz) - 1 - cut), axis=0)
    box = np.concatenate((ordered[cut], ordered[len(xyz) - 1 - cut]))
    if box[5] - box[2] < min(SHEET_HEIGHT, SHEET_SHARE * min(box[3] - box[0], box[4] - box[1])):
        box[[2, 5]] = np.quantile(xyz[:, 2], (SHEET_TRIM, 1 - SHEET_TRIM))
    return box


def distinct(boxes: NDArray[np.float32], counts: NDArray[np.int64], max_iou: float) -> NDArray[np.int64]:
    """Return the rows whose boxes differ, in order: of two with a higher IoU the earlier stays.

    Two regions also count as different where one has more than twice the other's points (counts, (P,)).
    """
    volumes = np.prod((boxes[:, 3:] - boxes[:, :3]).astype(np.float64), axis=1)
    order = np.argsort(volumes, kind="stable")
    ranked, ranked_counts, volumes = boxes[order], counts[order], volumes[order]
    priority = order
    alive = np.ones(len(boxes), dtype=bool)
    # An IoU above max_iou needs volumes within that ratio, so that only a window of the ranking is compared.
    first = np.searchsorted(volumes, volumes * max_iou)
    last = np.searchsorted(volumes, volumes / max_iou)
    for place in np.argsort(order, kind="stable"):
        if alive[place]:
            window = slice(first[place], last[place])
            ratio = ranked_counts[window] / ranked_counts[place]
            same = (_iou(ranked[place], ranked[window]) > max_iou) & (ratio < 2.0) & (ratio > 0.5)
            alive[window] &= ~(same & (priority[window] > priority[place]))
    return np.sort(order[alive])


def _iou(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the IoU of one box (6,) with others (n, 6)."""
    size = np.minimum(box[3:], boxes[:, 3:]) - np.maximum(box[:3], boxes[:, :3])
    np.maximum(size, 0.0, out=size)
    shared = size[:, 0] * size[:, 1] * size[:, 2]
    own = boxes[:, 3:] - boxes[:, :3]
    mine = box[3:] - box[:3]
    union = own[:, 0] * own[:, 1] * own[:, 2] + mine[0] * mine[1] * mine[2] - shared
    return np.asarray(shared / np.maximum(union, 1e-12))


@dataclass(frozen=True)
class VoxelLinks:
    """Which voxel each fine point is in (M,), -1 = none: the joint between geometry and features."""

    voxel_of_point: NDArray[np.int64]
    voxels: int

    def points_per_voxel(self) -> NDArray[np.int64]:
        """Count the fine points of each voxel (N,)."""
        return np.bincount(self.voxel_of_point[self.voxel_of_point >= 0], minlength=self.voxels)

    def weights(self, groups: list[Points]) -> csr_matrix:
        """Count the points of each region per voxel -> [P, N] float32."""
        assigned = [self.voxel_of_point[group] for group in groups]
        matrix = membership([voxels[voxels >= 0] for voxels in assigned], self.voxels)
        matrix.sum_duplicates()
        return matrix


def link_voxels(xyz: NDArray[np.float32], cells: NDArray[np.int32], voxel_size: float) -> VoxelLinks:
    """Find the voxel of each fine point (M, 3), both in the map frame."""
    if len(cells) == 0 or len(xyz) == 0:
        return VoxelLinks(np.full(len(xyz), -1, dtype=np.int64), len(cells))
    keys = _keys(cells.astype(np.int64))
    order = np.argsort(keys, kind="stable")
    wanted = _keys(np.floor(xyz / np.float32(voxel_size)).astype(np.int64))
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    found = keys[order][place] == wanted
    return VoxelLinks(np.where(found, order[place], -1), len(cells))


def _keys(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    shifted = cells + (1 << 20)  # 21 bits an axis: 50 km at 5 cm
    return np.asarray((shifted[:, 0] << 42) | (shifted[:, 1] << 21) | shifted[:, 2])

"""The fine cloud as a surface: neighbours, normals and colours, the ground that all proposals stand on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from locate3d_ros.localization.thinning import ThinCloud

NEIGHBOURS = 10  # of the graph, the point itself excluded
NORMAL_NEIGHBOURS = 24
REACH = 3.0  # neighbours farther than this many fine voxels are no neighbours


@dataclass(frozen=True)
class Surface:
    """Points of the fine cloud with their neighbourhood; M points, E edges."""

    xyz: NDArray[np.float32]  # [M, 3] metres
    lab: NDArray[np.float32]  # [M, 3] CIE L*a*b* / 100
    normals: NDArray[np.float32]  # [M, 3] unit, sign arbitrary
    curvature: NDArray[np.float32]  # [M] in [0, 1/3]: 0 = plane
    edges: NDArray[np.int32]  # [E, 2] point indices, first below second
    lengths: NDArray[np.float32]  # [E] metres
    voxel_size: float  # metres

    def __len__(self) -> int:
        """Count the points."""
        return len(self.xyz)

    def rotated(self, R: NDArray[np.float64]) -> Surface:
        """Return the surface with points and normals rotated by R (3, 3)."""
        if np.array_equal(R, np.eye(3)):
            return self
        turn = R.T.astype(np.float32)
        return replace(self, xyz=self.xyz @ turn, normals=self.normals @ turn)


def surface_of(cloud: ThinCloud) -> Surface:
    """Find neighbours and normals of a cloud. Clouds of any size, also empty, give a surface."""
    if len(cloud.xyz) == 0:
        return _empty(cloud.voxel_size)
    distance, index = _neighbours(cloud.xyz, cloud.voxel_size)
    normals, curvature = _normals(cloud.xyz, index)
    edges, lengths = _edges(distance[:, : NEIGHBOURS + 1], index[:, : NEIGHBOURS + 1])
    return Surface(cloud.xyz, to_lab(cloud.rgb), normals, curvature, edges, lengths, cloud.voxel_size)


def to_lab(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert rgb (n, 3) in [0, 1] to CIE L*a*b* (n, 3), divided by 100 so that L is in [0, 1]."""
    if len(rgb) == 0:
        return np.zeros((0, 3), dtype=np.float32)
    image = np.ascontiguousarray(rgb, dtype=np.float32)[None]
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB)[0] / 100.0, dtype=np.float32)


def _neighbours(xyz: NDArray[np.float32], voxel_size: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return distances and indices (M, k); an absent neighbour has index M and infinite distance."""
    k = min(NORMAL_NEIGHBOURS + 1, len(xyz))
    distance, index = cKDTree(xyz).query(xyz, k=k, distance_upper_bound=REACH * voxel_size, workers=-1)
    return distance.reshape(len(xyz), k), index.reshape(len(xyz), k)


def _normals(xyz: NDArray[np.float32], index: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit a plane to each neighbourhood -> unit normals (M, 3), share of variance off the plane (M,)."""
    own = np.arange(len(xyz))[:, None]
    offset = xyz[np.where(index < len(xyz), index, own)] - xyz[:, None]
    offset -= offset.mean(axis=1, keepdims=True)
    covariance = np.einsum("mki,mkj->mij", offset, offset)
    values, vectors = np.linalg.eigh(covariance)
    curvature = values[:, 0] / np.maximum(values.sum(axis=1), 1e-12)
    return np.ascontiguousarray(vectors[:, :, 0]), np.clip(curvature, 0.0, 1 / 3).astype(np.float32)


def _edges(distance: NDArray[np.float64], index: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Turn neighbour lists into undirected edges, each once."""
    count = len(index)
    source = np.repeat(np.arange(count), index.shape[1])
    target, length = index.ravel(), distance.ravel()
    there = (target < count) & (target != source)
    low, high = np.minimum(source, target)[there], np.maximum(source, target)[there]
    _, first = np.unique(low.astype(np.int64) * count + high, return_index=True)
    edges = np.stack((low[first], high[first]), axis=1).astype(np.int32)
    return edges, length[there][first].astype(np.float32)


def _empty(voxel_size: float) -> Surface:
    none = np.zeros((0, 3), dtype=np.float32)
    flat = np.zeros(0, dtype=np.float32)
    return Surface(none, none, none, flat, np.zeros((0, 2), dtype=np.int32), flat, voxel_size)

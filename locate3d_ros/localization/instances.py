"""A region of the fine cloud as an instance: box in the map frame, voxel mask, points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from locate3d_ros.localization.regions import Points, region_boxes
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.types import Box, Instance, Role

MASK_SHARE = 0.3  # share of a voxel's fine points above which the voxel is the object's


@dataclass(frozen=True)
class Candidate:
    """A region with what it answers."""

    points: Points  # indices into the scene's thinned cloud
    score: float
    phrase: str
    role: Role


def instance_of(scene: SimilarityScene, candidate: Candidate) -> Instance:
    """Measure a region in the map frame."""
    fine = scene.snapshot.fine
    held = np.zeros(len(scene.cloud.xyz), dtype=bool)
    held[candidate.points] = True
    index = torch.from_numpy(np.flatnonzero(held[scene.cloud.owner])).to(fine.xyz.device)
    xyz, rgb = fine.xyz[index], fine.rgb[index]
    own = np.ascontiguousarray(xyz.cpu().numpy())
    low_high = region_boxes([np.arange(len(own))], own, fine.voxel_size)[0].tolist()
    x0, y0, z0, x1, y1, z1 = (float(value) for value in low_high)
    mask = torch.from_numpy(_voxel_mask(scene, candidate.points)).to(scene.snapshot.cells.device)
    box = Box((x0, y0, z0), (x1, y1, z1))
    return Instance(0, candidate.phrase, candidate.role, candidate.score, box, mask, xyz, rgb)


def _voxel_mask(scene: SimilarityScene, points: Points) -> NDArray[np.bool_]:
    """Return the voxels (N,) that the region holds a good share of; all it touches where it holds none so."""
    voxels = scene.links.voxel_of_point[points]
    held = np.bincount(voxels[voxels >= 0], minlength=len(scene.snapshot))
    mask = held > MASK_SHARE * np.maximum(scene.points_per_voxel, 1)
    return mask if mask.any() else held > 0

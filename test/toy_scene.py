"""A toy room as a map snapshot: boxes on the floor and on a table, in plain colours, with made-up features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from locate3d_ros.types import FineCloud, MapSnapshot

FINE, VOXEL = 0.02, 0.05
GREY = (0.6, 0.6, 0.6)
CLASSES = ("desk", "chair", "coffee mug", "laptop", "wardrobe", "bicycle", "floor", "teddy bear")


@dataclass(frozen=True)
class ToyBox:
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    rgb: tuple[float, float, float]
    name: str = "floor"  # one of CLASSES

    @property
    def tensor(self) -> torch.Tensor:
        return torch.tensor([*self.low, *self.high], dtype=torch.float32)


class ToyClassHead:
    """Reads features that are one channel per class."""

    def __init__(self, encoder) -> None:
        self.names = CLASSES
        self.name_vectors = encoder.sentence_vectors(list(CLASSES))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        return 8.0 * features.float()


def box_surface(box: ToyBox) -> np.ndarray:
    """Points (n, 3) on the faces of a box, half a fine voxel apart so that every cell is hit."""
    low, high = np.array(box.low), np.array(box.high)
    axes = [np.linspace(a, b, max(2, round((b - a) / (FINE / 2)) + 1)) for a, b in zip(low, high, strict=True)]
    faces = []
    for axis in range(3):
        u, v = (other for other in range(3) if other != axis)
        grid_u, grid_v = np.meshgrid(axes[u], axes[v], indexing="ij")
        for value in (low[axis], high[axis]):
            face = np.empty((grid_u.size, 3))
            face[:, axis], face[:, u], face[:, v] = value, grid_u.ravel(), grid_v.ravel()
            faces.append(face)
    return np.concatenate(faces)


def toy_snapshot(boxes: Sequence[ToyBox], floor: float = 4.0, frame_id: str = "map") -> MapSnapshot:
    """Fuse a floor of that edge (0: none) and the boxes' faces on the fine grid and on the voxel grid."""
    ground = [ToyBox((0.0, 0.0, -0.01), (floor, floor, 0.0), GREY)] if floor > 0 else []
    parts = [(box_surface(box), box) for box in [*ground, *boxes]]
    xyz = np.concatenate([points for points, _ in parts]) if parts else np.zeros((0, 3))
    rgb = np.concatenate([np.tile(box.rgb, (len(points), 1)) for points, box in parts]) if parts else xyz
    label = np.concatenate([np.full(len(points), CLASSES.index(box.name)) for points, box in parts]) if parts else []
    rng = np.random.default_rng(0)
    xyz = xyz + rng.normal(0.0, 0.001, xyz.shape)
    rgb = np.clip(rgb + rng.normal(0.0, 0.01, rgb.shape), 0.0, 1.0)
    fine_xyz, fine_rgb, _, _ = _fused(xyz, rgb, label, FINE)
    voxel_xyz, voxel_rgb, features, cells = _fused(xyz, rgb, label, VOXEL)
    count = len(cells)
    return MapSnapshot(
        cells=torch.from_numpy(cells.astype(np.int32)),
        xyz=voxel_xyz,
        rgb=voxel_rgb,
        features={"image": features.half()},
        has_features=torch.ones(count, dtype=torch.bool),
        weight=torch.ones(count),
        last_seen=torch.zeros(count, dtype=torch.float64),
        fine=FineCloud(fine_xyz, fine_rgb, FINE),
        revision=1,
        stamp=0.0,
        frame_id=frame_id,
        voxel_size=VOXEL,
        extractor="toy",
        digest="",
        camera_pose=None,
    )


def _fused(xyz: np.ndarray, rgb: np.ndarray, label: np.ndarray, edge: float):
    cells, owner = np.unique(np.floor(xyz / edge).astype(np.int64), axis=0, return_inverse=True)
    owner = owner.reshape(-1)
    values = np.concatenate((xyz, rgb, np.eye(len(CLASSES))[np.asarray(label, dtype=int)]), axis=1)
    sums = np.zeros((len(cells), values.shape[1]))
    np.add.at(sums, owner, values)
    means = torch.from_numpy(sums / np.maximum(np.bincount(owner, minlength=len(cells)), 1)[:, None]).float()
    return means[:, :3], means[:, 3:6], means[:, 6:], cells

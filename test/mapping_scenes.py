"""Small frames, features and a dense reference for the tests of the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from locate3d_ros.config import MappingConfig
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import Frame, FrameFeatures, Intrinsics, Slot, TokenTable

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")),
]
CAMERA = Intrinsics(fx=20.0, fy=21.0, cx=11.5, cy=8.0, width=24, height=18)
PLAIN = MappingConfig(edge_threshold=0.0)


@dataclass(frozen=True)
class FixedExtractor:
    """The name, digest and slots of an extractor; the map needs no more."""

    name: str = "fixed"
    digest: str = "d" * 64
    slots: tuple[Slot, ...] = (Slot("image", 5), Slot("text", 3))

    def extract(self, frame):
        raise NotImplementedError


def empty_map(config=PLAIN, extractor=None, device="cpu", frame_id="map"):
    return VoxelFeatureMap(config, extractor or FixedExtractor(), torch.device(device), frame_id)


def pose(seed=0, translation=None):
    """A rigid transform (4, 4) float64, the same for the same seed."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    T = np.eye(4)
    T[:3, :3] = rotation * np.linalg.det(rotation)
    T[:3, 3] = rng.normal(size=3) if translation is None else translation
    return torch.from_numpy(T)


def make_frame(seed=0, lens=CAMERA, **changes):
    """A frame of random colours and depths between 0.5 and 3 m."""
    rng = np.random.default_rng(seed)
    size = (lens.height, lens.width)
    parts = {
        "rgb": torch.from_numpy(rng.integers(0, 256, (*size, 3), dtype=np.uint8)),
        "depth": torch.from_numpy(rng.uniform(0.5, 3.0, size).astype(np.float32)),
        "intrinsics": lens,
        "T_map_camera": pose(seed),
        "stamp": float(seed),
    }
    return Frame(**(parts | changes))


def make_features(seed=0, camera=CAMERA, slots=FixedExtractor().slots, tokens=7, taps=4):
    """Random token tables in which a third of the taps is missing."""
    rng = np.random.default_rng(seed)
    size = (camera.height, camera.width, taps)
    return FrameFeatures(
        tuple(
            TokenTable(
                slot.name,
                torch.from_numpy(rng.normal(size=(tokens, slot.width)).astype(np.float32)),
                torch.from_numpy(rng.integers(-tokens // 2, tokens, size).clip(min=-1).astype(np.int32)),
                torch.from_numpy(rng.uniform(size=size).astype(np.float32)),
            )
            for slot in slots
        )
    )


def dense_points(frame):
    """World points (n, 3) float64 and flat pixels (n,) of a registered frame's positive depths, the long way."""
    camera, depth = frame.intrinsics, frame.depth.numpy().astype(np.float64)
    K = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    v, u = np.mgrid[0 : camera.height, 0 : camera.width]
    rays = np.stack((u, v, np.ones_like(u)), axis=-1) @ np.linalg.inv(K).T
    T = frame.T_map_camera.numpy()
    xyz = (rays * depth[..., None]) @ T[:3, :3].T + T[:3, 3]
    valid = (depth > PLAIN.min_depth) & (depth < PLAIN.max_depth)
    return xyz[valid], np.flatnonzero(valid)


def dense_features(table):
    """The literal [H * W, D] features of a table: what the product never builds."""
    index, weight = table.index.numpy(), table.weight.numpy()
    vectors = np.where(index[..., None] >= 0, table.tokens.numpy()[index.clip(min=0)], 0.0)
    return (vectors * weight[..., None]).sum(axis=2).reshape(index.shape[0] * index.shape[1], -1)


def dense_means(cells, values):
    """Return {cell: (count, mean)} of values (n, c) at cells (n, 3)."""
    groups = {}
    for cell, value in zip(map(tuple, cells.tolist()), values, strict=True):
        groups.setdefault(cell, []).append(value)
    return {cell: (len(members), np.mean(members, axis=0)) for cell, members in groups.items()}


def by_cell(snapshot, values):
    """Return {cell: row of values} of a snapshot's column."""
    return dict(zip(map(tuple, snapshot.cells.cpu().tolist()), values.cpu().numpy(), strict=True))


def columns(snapshot):
    """Every tensor of a snapshot by name, on the CPU."""
    named = {name: getattr(snapshot, name) for name in ("cells", "xyz", "rgb", "has_features", "weight", "last_seen")}
    named |= {f"features.{name}": values for name, values in snapshot.features.items()}
    named |= {"fine.xyz": snapshot.fine.xyz, "fine.rgb": snapshot.fine.rgb}
    return {name: values.cpu() for name, values in named.items()}

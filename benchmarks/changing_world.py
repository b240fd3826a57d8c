"""How a map comes to agree with a room that has changed: python benchmarks/changing_world.py.

A rendered room with a noisy depth camera: one walk through it as it was, two after a chair was taken away, a stool
moved, and a crate hidden behind a new cupboard. Precision: the share of voxels within 5 cm of something that is
there now. Recall: the share of what a walk sees now that has a voxel within 5 cm.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from common import Case, arguments, emit, log
from scipy.spatial import cKDTree

from locate3d_ros.config import MappingConfig
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import Frame, FrameFeatures, Slot

sys.path.append(str(Path(__file__).resolve().parent.parent / "test"))
import changing_room as room

WALKS = 3
STEP = 6  # frames between two looks


class NoFeatures:
    """The geometry alone is looked at."""

    name, digest = "none", "0" * 64
    slots = (Slot("none", 1),)

    def extract(self, frame: Frame) -> FrameFeatures:
        """Never asked for."""
        raise NotImplementedError


def main() -> int:
    """Walk with and without carving, print the JSON object."""
    options = arguments(__doc__)
    cases = []
    for name, config in (("carved", MappingConfig()), ("kept", replace(MappingConfig(), carve_views=0))):
        for step, (precision, recall) in walked(config, torch.device(options.device)).items():
            log(f"{name}: {step} frames after the change: precision {precision:.3f}, recall {recall:.3f}")
            cases.append(Case(f"{name}_{step}", precision, "precision", extra={"recall": round(recall, 4)}))
    emit("changing_world", options, cases)
    return 0


def walked(config: MappingConfig, device: torch.device) -> dict[int, tuple[float, float]]:
    """Return precision and recall by how many frames the room has been as it is now."""
    voxel_map = VoxelFeatureMap(config, NoFeatures(), device)
    present, found = room.seen_surface(room.AFTER), {}
    for number in range(WALKS * room.VIEWS):
        voxel_map.add(room.frame_of(room.BEFORE if number < room.VIEWS else room.AFTER, number))
        since = number + 1 - room.VIEWS
        if since >= 0 and since % STEP == 0:
            found[since] = agreement(voxel_map.snapshot().xyz.double().cpu().numpy(), present)
    return found


def agreement(points: np.ndarray, present: np.ndarray) -> tuple[float, float]:
    """Return precision and recall of a map's points (n, 3)."""
    precision = float((room.surface_distance(points, room.AFTER) <= 0.05).mean())
    return precision, float((cKDTree(points).query(present)[0] <= 0.05).mean())


if __name__ == "__main__":
    sys.exit(main())

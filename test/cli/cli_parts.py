"""Stand-ins for features and localizer, so that the command is tested without weights; the map is the real one."""

from __future__ import annotations

import torch

from locate3d_ros.config import Config
from locate3d_ros.geometry.boxes import box_of_points
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.pipeline import Locate3D
from locate3d_ros.types import (
    FrameFeatures,
    Instance,
    Localization,
    Role,
    Slot,
    Status,
    TokenTable,
)


class FlatExtractor:
    """One token for the whole image."""

    name, digest, slots = "flat", "0" * 64, (Slot("image", 2),)

    def extract(self, frame):
        height, width = frame.rgb.shape[:2]
        index = torch.zeros((height, width, 1), dtype=torch.int32)
        return FrameFeatures((TokenTable("image", torch.ones((1, 2)), index, torch.ones((height, width, 1))),))


class WallLocalizer:
    """Finds the wall, which is everything, and nothing else."""

    name = "walls"

    def localize(self, snapshot, text, options):
        if not text:
            return Localization(Status.BAD_REQUEST, "the text is empty")
        if "wall" not in text or options.min_score > 0.9:
            return Localization(Status.NOT_FOUND, f"nothing here is a {text}", revision=snapshot.revision)
        mask = torch.ones(len(snapshot), dtype=torch.bool)
        box = box_of_points(snapshot.xyz)
        wall = Instance(0, "wall", Role.TARGET, 0.9, box, mask, snapshot.xyz, snapshot.rgb)
        return Localization(Status.FOUND, "", (wall,), snapshot.revision, 0.01)


def build(config: Config) -> Locate3D:
    extractor = FlatExtractor()
    voxel_map = VoxelFeatureMap(config.mapping, extractor, torch.device("cpu"))
    return Locate3D(extractor, voxel_map, WallLocalizer(), config)

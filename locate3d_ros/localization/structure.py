"""Floor, walls and ceiling: named by words of their own, and found as planes instead of proposals."""

from __future__ import annotations

import numpy as np

from locate3d_ros.localization.regions import Points
from locate3d_ros.localization.scene import SimilarityScene

FLOOR_WORDS = frozenset({"floor", "ground", "flooring"})
WALL_WORDS = frozenset({"wall"})
CEILING_WORDS = frozenset({"ceiling"})
CEILING_HEIGHT = 1.9  # metres above the floor
STRUCTURE_WORDS = FLOOR_WORDS | WALL_WORDS | CEILING_WORDS


def structure_regions(scene: SimilarityScene, word: str) -> list[Points]:
    """Return the regions that one of the structure words names; largest first."""
    planes = scene.planes
    if word in FLOOR_WORDS:
        return [] if planes.floor is None else [planes.floor.points]
    if word in WALL_WORDS:
        return sorted(planes.walls, key=len, reverse=True)
    high = [patch.points for patch in planes.patches if patch.height - planes.floor_height > CEILING_HEIGHT]
    return [np.asarray(points) for points in high[:1]]

"""The likely places of an anchor: what relations are measured against, each place weighed by how likely it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from locate3d_ros.localization.query_types import NounPhrase
from locate3d_ros.localization.regions import region_boxes
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.structure import structure_regions
from locate3d_ros.localization.suppression import distinct_best

MAX_PLACES = 8


@dataclass(frozen=True)
class Anchor:
    """Up to MAX_PLACES places where an anchor may be."""

    phrase: NounPhrase
    boxes: Tensor  # [k, 6] upright, metres
    weights: Tensor  # [k] sum to 1
    rows: tuple[int, ...]  # proposals; empty for floor, walls and ceiling


def likely_places(scene: SimilarityScene, phrase: NounPhrase, total: NDArray[np.float32]) -> Anchor:
    """Take the best distinct proposals by their log-scores (P,)."""
    rows = distinct_best(total, scene.proposals.boxes, MAX_PLACES)
    weights = torch.from_numpy(total[rows]).softmax(dim=0)
    return Anchor(phrase, torch.from_numpy(scene.proposals.boxes[rows]), weights, tuple(rows))


def structure_places(scene: SimilarityScene, phrase: NounPhrase) -> Anchor:
    """Take floor, walls or ceiling, all parts equally likely."""
    regions = structure_regions(scene, phrase.head)[:MAX_PLACES]
    boxes = region_boxes(regions, scene.surface.xyz, scene.surface.voxel_size)
    weights = torch.full((len(regions),), 1.0 / max(len(regions), 1))
    return Anchor(phrase, torch.from_numpy(boxes), weights, ())

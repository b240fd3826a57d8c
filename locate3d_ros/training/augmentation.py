"""Variations of a lifted scene. Boxes follow; the grid is laid anew after every motion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from locate3d_ros.training.config import AugmentationConfig
from locate3d_ros.training.scene import Sample, Voxels

SIDED = ("left", "right")  # words that a mirror makes false


def augment(sample: Sample, config: AugmentationConfig, generator: torch.Generator) -> Sample:
    """Return a varied sample: motion, fewer voxels, noise on features and colours."""
    mirrored = config.flip and _uniform(generator) < 0.5
    expressions = sample.expressions
    unsided = tuple(each for each in expressions if not set(each.text.lower().split()) & set(SIDED))
    if mirrored and unsided:
        expressions = unsided
    mirrored = mirrored and len(unsided) == len(expressions)
    matrix = motion(config, mirrored, generator)
    voxels = _thinned(sample.voxels, config.voxel_dropout * _uniform(generator), generator)
    moved = moved_voxels(voxels, matrix)
    boxes = moved_boxes(sample.boxes, voxels, matrix)
    noisy = _jittered(_noisy(moved, config.feature_noise, generator), config.colour_jitter, generator)
    return Sample(sample.scene_id, noisy, boxes, expressions)


def motion(config: AugmentationConfig, mirrored: bool, generator: torch.Generator) -> Tensor:
    """Return the matrix (3, 3) of a turn about z, a mirror and a stretch."""
    angle = 2 * math.pi * _uniform(generator) if config.turn else 0.0
    scale = 1 + config.scale * (2 * _uniform(generator) - 1)
    cosine, sine = math.cos(angle), math.sin(angle)
    side = -1.0 if mirrored else 1.0
    turn = torch.tensor([[cosine * side, -sine, 0.0], [sine * side, cosine, 0.0], [0.0, 0.0, 1.0]])
    return scale * turn


def moved_voxels(voxels: Voxels, matrix: Tensor) -> Voxels:
    """Move the voxels and lay the grid anew; where several fall into one cell the first stays."""
    xyz = voxels.xyz @ matrix.T
    cells = torch.floor(xyz / voxels.voxel_size).long()
    cells, first = _first_of_each(cells)
    return replace(voxels.rows(first), xyz=xyz[first], cells=cells)


def moved_boxes(boxes: Mapping[int, Tensor], voxels: Voxels, matrix: Tensor) -> dict[int, Tensor]:
    """Move boxes (6,): exactly where axes stay axes, else the tightest around the object's moved voxels.

    Corners of a turned box would enclose far more than the object.
    """
    if bool(((matrix.abs() > 1e-6).sum(dim=1) == 1).all()):
        corners = {number: torch.stack((box[:3], box[3:])) @ matrix.T for number, box in boxes.items()}
        return {number: torch.cat((two.amin(dim=0), two.amax(dim=0))) for number, two in corners.items()}
    return tight_boxes(boxes, voxels, voxels.xyz @ matrix.T)


def tight_boxes(numbers: Iterable[int], voxels: Voxels, xyz: Tensor) -> dict[int, Tensor]:
    """Return the box (6,) around the voxels of every object of these numbers, where these lie at xyz (n, 3)."""
    half = voxels.voxel_size / 2
    tight = {}
    for number in numbers:
        own = xyz[voxels.object_ids == number]
        if len(own):
            tight[number] = torch.cat((own.amin(dim=0) - half, own.amax(dim=0) + half))
    return tight


def _thinned(voxels: Voxels, share: float, generator: torch.Generator) -> Voxels:
    kept = torch.rand(len(voxels), generator=generator) >= share
    return voxels.rows(kept) if bool(kept.any()) else voxels


def _noisy(voxels: Voxels, share: float, generator: torch.Generator) -> Voxels:
    features = voxels.features.float()
    noise = torch.randn(features.shape, generator=generator) * (share * features.std())
    # A voxel without features stays one: the model has a token of its own for it.
    known = (features != 0).any(dim=1, keepdim=True)
    return replace(voxels, features=features + noise * known)


def _jittered(voxels: Voxels, most: float, generator: torch.Generator) -> Voxels:
    shift, contrast = ((2 * _uniform(generator) - 1) * most for _ in range(2))
    rgb = ((voxels.rgb - 0.5) * (1 + contrast) + 0.5 + shift).clamp(0, 1)
    return replace(voxels, rgb=rgb)


def _first_of_each(cells: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct cells (m, 3) and the first row of each."""
    distinct, owner = torch.unique(cells, dim=0, return_inverse=True)
    rows = torch.arange(len(cells))
    first = torch.full((len(distinct),), len(cells)).scatter_reduce_(0, owner, rows, "amin")
    return distinct, first


def _uniform(generator: torch.Generator) -> float:
    return float(torch.rand(1, generator=generator))

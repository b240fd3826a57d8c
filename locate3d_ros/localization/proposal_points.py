"""Points of every proposal, for a model that reads their shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from locate3d_ros.localization.surface import Surface

POINTS = 64  # of each proposal
GLANCED = 8  # of them, by which the proposals that are looked at are chosen, to save time


def sample_points(surface: Surface, groups: Sequence[NDArray[np.int64]], boxes: NDArray[np.float32]) -> Tensor:
    """Draw points of p proposals with upright boxes (p, 6) -> (p, POINTS, 9) float32; small ones repeat theirs.

    Of each point: metres from the middle of the box, normal (sign arbitrary), L*a*b* / 100. The same every time.
    """
    if not groups:
        return torch.zeros(0, POINTS, 9)
    sizes = np.array([len(group) for group in groups])
    drawn = (np.random.default_rng(0).random((len(groups), POINTS)) * sizes[:, None]).astype(np.int64)
    rows = np.concatenate(groups)[drawn + (np.cumsum(sizes) - sizes)[:, None]]
    middle = (boxes[:, None, :3] + boxes[:, None, 3:]) / 2
    columns = (surface.xyz[rows] - middle, surface.normals[rows], surface.lab[rows])
    return torch.from_numpy(np.concatenate(columns, axis=2).astype(np.float32))

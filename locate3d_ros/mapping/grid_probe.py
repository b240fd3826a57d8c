"""What a grid is asked before a frame is averaged in, and when that was."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

PROBE_COUNTS = 5
"""How many counts of a probe come before those of the chunks."""


@dataclass(frozen=True)
class Probe:
    """Where keys are in a grid, before the host has counted anything; G keys, padding last."""

    blocks: Tensor  # [G] int64, NO_BLOCK: a new one
    opens: Tensor  # [G] bool: the first key of a new block
    rows: Tensor  # [G] int64, NO_ROW: a new voxel
    fresh: Tensor  # [G] bool: needs a row of its own, because it is new or because a snapshot sees its row
    feature_rows: Tensor  # [G] int64
    fresh_features: Tensor  # [G] bool
    counts: Tensor
    """[5 + 2 * chunks] int64: new blocks, fresh rows, new voxels, fresh feature rows, rows removed since the last add,
    then the rows to read per chunk and those to write in place."""


@dataclass(frozen=True)
class Stamp:
    """When voxels were seen, and how much their means remember of before."""

    seconds: float | Tensor  # one, or [V] float64
    revision: int  # of the map
    max_observations: int = 0  # means follow at least one part in so many; 0: all points count alike
    view: int = 0  # of the frame: what it sees now cannot be missed in the same view

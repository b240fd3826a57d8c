"""The arguments of `locate3d cache`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from locate3d_ros.config import Config


@dataclass(frozen=True)
class CacheArguments:
    """Lift the scenes of a data set once, for evaluation and training; what is there already is kept."""

    dataset: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DATASET")]
    """A data set folder (docs/datasets.md); files go to DATASET/cache/."""
    cache: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where the files go instead of DATASET/cache."""
    workers: int = 0
    """Processes on this machine; 0 = one per core."""
    variants: int = 0
    """Lift so many more variants of every scene for training: frames left out at random, colours in another light."""
    shard: Annotated[str, tyro.conf.arg(metavar="I/N")] = "1/1"
    """Lift only the I-th of N equal parts, for a job array."""
    ray: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Work on this Ray cluster instead of this machine; auto is the one that runs here."""
    config: Config = field(default_factory=Config)

"""The arguments of `locate3d evaluate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from locate3d_ros.config import Config


@dataclass(frozen=True)
class EvaluateArguments:
    """Measure how often the answers about a data set's scenes are right, beside chance and the best choice."""

    dataset: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DATASET")]
    """A data set folder, or the folder of one annotated scene (docs/datasets.md)."""
    split: str = "val"
    """Which annotations/<split>.jsonl is asked."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="OUT.json")] = None
    """Write all figures to this file, as locate3d/evaluation@1."""
    markdown: Annotated[Path | None, tyro.conf.arg(metavar="OUT.md")] = None
    """Write the tables to this file."""
    html: Annotated[Path | None, tyro.conf.arg(metavar="OUT.html")] = None
    """Write a page with pictures of the best and the worst answers to this file."""
    seed: int = 0
    """Of the random cluster and of the intervals."""
    only_model: bool = False
    """Leave out the baselines: similarity, random cluster, oracle cluster."""
    cache: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where lifted scenes are kept, instead of DATASET/cache."""
    config: Config = field(default_factory=Config)

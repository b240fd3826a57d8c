"""The arguments of `locate3d convert`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class ConvertArguments:
    """Turn annotated scans of a data set into a data set folder, for evaluation and training."""

    annotations: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="ANNOTATIONS")]
    """Files of L3DD, ScanRefer, ScanEnts3D (JSON), NR3D or SR3D (CSV)."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DATASET")]
    """The data set folder to write; scenes that it has already are kept."""
    scannet: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where ScanNet lies: the folder of scans/, posed_images/ or of the scans themselves."""
    scannetpp: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where ScanNet++ lies: the folder of data/."""
    arkitscenes: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where ARKitScenes lies: the folder of raw/ or of Training/ and Validation/."""
    split: str = "val"
    """The name of the annotation file that is written."""
    as_written: bool = False
    """Keep case and spans as annotated, instead of the published protocol's form and selection."""
    frame_step: int = 30
    """Every n-th frame of a recording is taken; of parts shown to annotators, all."""

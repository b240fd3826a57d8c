"""What is to be lifted and what became of it; imports nothing heavy, so that worker processes start fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from locate3d_ros.config import Config

ATTEMPTS = 2  # per scene


@dataclass(frozen=True)
class CacheJob:
    """One scene to be lifted; travels to worker processes and other machines."""

    dataset: str  # the same path on every machine
    cache: str  # where lifted scenes go; as well
    scene_id: str
    config: Config
    threads: int  # CPU threads that the worker may use


@dataclass(frozen=True)
class CacheOutcome:
    """What became of a scene."""

    scene_id: str
    fault: str = ""  # one line; empty: its file is there
    voxels: int = 0
    seconds: float = 0.0


Work = Callable[[CacheJob], CacheOutcome]
"""Does a job; raises what goes wrong."""

"""What is to be lifted and what became of it; imports nothing heavy, so that worker processes start fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from locate3d_ros.config import Config

ATTEMPTS = 2  # per scene
VARIANTS = "variants"  # the folder of all but the recordings as they are


def variant_name(scene_id: str, variant: int) -> str:
    """Name a variant of a scene among the lifted ones; variant 0 is the scene itself."""
    return f"{VARIANTS}/{scene_id}.{variant}" if variant else scene_id


def scene_of(name: str) -> str:
    """Return the scene that is lifted under this name; a scene's own name is a folder's and has no slash."""
    return name.removeprefix(f"{VARIANTS}/").rpartition(".")[0] if "/" in name else name


@dataclass(frozen=True)
class CacheJob:
    """One scene to be lifted; travels to worker processes and other machines."""

    dataset: str  # the same path on every machine
    cache: str  # where lifted scenes go; as well
    scene_id: str
    config: Config
    threads: int  # CPU threads that the worker may use
    variant: int = 0  # of the recording; 0: as it is

    @property
    def name(self) -> str:
        """Name the scene, or its variant, among the lifted ones."""
        return variant_name(self.scene_id, self.variant)


@dataclass(frozen=True)
class CacheOutcome:
    """What became of a scene or a variant of one."""

    name: str
    fault: str = ""  # one line; empty: its file is there
    voxels: int = 0
    seconds: float = 0.0


Work = Callable[[CacheJob], CacheOutcome]
"""Does a job; raises what goes wrong."""

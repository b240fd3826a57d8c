"""Lifts one scene, as worker processes do it."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import torch

from locate3d_ros.build import build_extractor, resolve_device
from locate3d_ros.config import Config
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.cache_jobs import CacheJob, CacheOutcome
from locate3d_ros.evaluation.scene_cache import (
    cache_folder,
    cached_path,
    lift_scene,
    read_cached_scene,
    write_cached_scene,
)
from locate3d_ros.types import FeatureExtractor


def run_job(job: CacheJob) -> CacheOutcome:
    """Lift a scene and write its file. Raises what goes wrong; nothing is left behind then."""
    started = time.monotonic()
    torch.set_num_threads(job.threads)
    device = resolve_device(job.config.device)
    extractor = _extractor(job.config)
    folder = cache_folder(Path(job.cache), job.config, extractor)
    path = cached_path(folder, job.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    scene = DatasetFolder(job.dataset).scene(job.scene_id)
    lifted = lift_scene(scene, extractor, job.config, device, job.variant)
    write_cached_scene(path, lifted)
    return CacheOutcome(job.name, voxels=len(lifted.snapshot), seconds=time.monotonic() - started)


def is_cached(path: Path) -> bool:
    """Return whether a scene's file is there and whole; files are renamed into place, so that a torn one is rare."""
    if not path.is_file():
        return False
    try:
        read_cached_scene(path)
    except InputError:
        return False
    return True


@lru_cache(maxsize=1)
def _extractor(config: Config) -> FeatureExtractor:
    """Load the network once per process."""
    return build_extractor(config, resolve_device(config.device))

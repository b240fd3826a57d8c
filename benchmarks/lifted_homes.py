"""Synthetic homes for the training benchmarks: made and lifted, but for what is there already."""

from __future__ import annotations

from pathlib import Path

import torch
from common import log

from locate3d_ros.build import build_extractor
from locate3d_ros.config import Config, MappingConfig
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.data.synthetic.dataset import generate
from locate3d_ros.data.synthetic.options import DatasetOptions, SceneOptions
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.cache_jobs import CacheJob
from locate3d_ros.evaluation.cache_work import is_cached, run_job
from locate3d_ros.evaluation.scene_cache import CachedScene, cache_folder, cached_path, read_cached_scene

COARSE = Config(mapping=MappingConfig(voxel_size=0.1), threads=1, device="cpu")
"""Voxels of 10 cm: a room has some 3,000 of them, so that a CPU trains in minutes."""


class LiftedHomes:
    """A data set folder of synthetic homes with its lifted scenes."""

    def __init__(self, folder: Path, count: int, seed: int, scenes: SceneOptions) -> None:
        """Make and lift what is missing. Raises InputError where a scene cannot be made."""
        for done in generate(DatasetOptions(folder, count, seed, 1, scenes)):
            if done.error:
                raise InputError(f"{done.scene_id}: {done.error}")
        self.path = folder
        self.dataset = DatasetFolder(folder)
        self._cache = cache_folder(folder / "cache", COARSE, build_extractor(COARSE, torch.device("cpu")))
        for scene_id in self.dataset.scene_ids():
            if not is_cached(cached_path(self._cache, scene_id)):
                lifted = run_job(CacheJob(str(folder), str(folder / "cache"), scene_id, COARSE, 1))
                log(f"{scene_id}: {lifted.voxels} voxels in {lifted.seconds:.1f} s")

    def lifted(self, scene_id: str) -> CachedScene:
        """Read a lifted scene."""
        return read_cached_scene(cached_path(self._cache, scene_id))

"""Synthetic homes for the training benchmarks: made and lifted, but for what is there already."""

from __future__ import annotations

import torch
from common import log

from locate3d_ros.build import build_extractor
from locate3d_ros.config import Config, MappingConfig
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.data.synthetic.dataset import generate
from locate3d_ros.data.synthetic.options import DatasetOptions
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.cache_jobs import CacheJob
from locate3d_ros.evaluation.cache_work import is_cached, run_job
from locate3d_ros.evaluation.scene_cache import CachedScene, cache_folder, cached_path, read_cached_scene


def coarse(voxel_size: float) -> Config:
    """Return a configuration with large voxels (metres), so that a room has few and a CPU trains in minutes."""
    return Config(mapping=MappingConfig(voxel_size=voxel_size), threads=1, device="cpu")


class LiftedHomes:
    """A data set folder of synthetic homes with its lifted scenes."""

    def __init__(self, asked: DatasetOptions, config: Config) -> None:
        """Make and lift what is missing. Raises InputError where a scene cannot be made."""
        for done in generate(asked):
            if done.error:
                raise InputError(f"{done.scene_id}: {done.error}")
        self.path = asked.folder
        self.dataset = DatasetFolder(self.path)
        cache = self.path / "cache"
        self.cache = cache_folder(cache, config, build_extractor(config, torch.device("cpu")))
        for scene_id in self.dataset.scene_ids():
            if not is_cached(cached_path(self.cache, scene_id)):
                lifted = run_job(CacheJob(str(self.path), str(cache), scene_id, config, 1))
                log(f"{scene_id}: {lifted.voxels} voxels in {lifted.seconds:.1f} s")

    def lifted(self, scene_id: str) -> CachedScene:
        """Read a lifted scene."""
        return read_cached_scene(cached_path(self.cache, scene_id))

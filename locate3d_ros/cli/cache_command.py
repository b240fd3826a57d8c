"""`locate3d cache`: the scenes of a data set, lifted once."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from locate3d_ros.build import build_extractor, resolve_device
from locate3d_ros.cli.cache_arguments import CacheArguments
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.cache_jobs import CacheJob, CacheOutcome, variant_name
from locate3d_ros.evaluation.cache_pool import lift_in_pool
from locate3d_ros.evaluation.cache_ray import lift_on_ray
from locate3d_ros.evaluation.cache_work import is_cached, run_job
from locate3d_ros.evaluation.scene_cache import cache_folder, cached_path

_SHOWN = 5  # faults that are named


def run_cache(arguments: CacheArguments) -> None:
    """Lift what is missing. Raises InputError for wrong arguments, and at the end where scenes failed."""
    dataset = DatasetFolder(arguments.dataset)
    for name, value, least in (("workers", arguments.workers, "0 (one per core)"), ("variants", arguments.variants, 0)):
        if value < 0:
            raise InputError(f"--{name} {value}: give {least} or more")
    scene_ids = _shard(dataset.scene_ids(), arguments.shard)
    root, device = dataset.path.resolve(), resolve_device(arguments.config.device)
    cache = (arguments.cache or root / "cache").resolve()
    folder = cache_folder(cache, arguments.config, build_extractor(arguments.config, device))
    _make(folder)
    wanted = [(scene_id, variant) for variant in range(arguments.variants + 1) for scene_id in scene_ids]
    missing = [each for each in wanted if not is_cached(cached_path(folder, variant_name(*each)))]
    faults = []
    for count, outcome in enumerate(_lifted(arguments, (root, cache), missing), start=1):
        _tell(f"{count} of {len(missing)}: {outcome.name}, {_how(outcome)}")
        if outcome.fault:
            faults.append(f"{outcome.name}: {outcome.fault}")
    kept = len(wanted) - len(missing)
    what = "scenes and variants" if arguments.variants else "scenes"
    sys.stdout.write(f"{folder}: {len(wanted) - len(faults)} of {len(wanted)} {what} ({kept} there already)\n")
    if faults:
        for fault in faults[_SHOWN:]:
            _tell(f"failed: {fault}")
        raise InputError(f"{len(faults)} scenes failed: {'; '.join(faults[:_SHOWN])}; mend them and run this again")


def _lifted(
    arguments: CacheArguments, folders: tuple[Path, Path], missing: Sequence[tuple[str, int]]
) -> Iterator[CacheOutcome]:
    if not missing:
        return iter(())
    cores = os.cpu_count() or 1
    workers = min(arguments.workers or cores, len(missing))
    threads = arguments.config.threads or (1 if arguments.ray is not None else max(1, cores // workers))
    dataset, cache = map(str, folders)
    jobs = [CacheJob(dataset, cache, scene_id, arguments.config, threads, variant) for scene_id, variant in missing]
    if arguments.ray is not None:
        return lift_on_ray(jobs, arguments.ray, run_job)
    return lift_in_pool(jobs, workers, run_job)


def _shard(scene_ids: Sequence[str], shard: str) -> list[str]:
    """Return every N-th scene, from the I-th on."""
    match = re.fullmatch(r"(\d+)/(\d+)", shard)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"--shard {shard}: give I/N with I from 1 to N, such as 1/4")
    return list(scene_ids[int(match[1]) - 1 :: int(match[2])])


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); give another place by --cache") from None


def _how(outcome: CacheOutcome) -> str:
    return outcome.fault or f"{outcome.voxels} voxels in {outcome.seconds:.1f} s"


def _tell(line: str) -> None:
    sys.stderr.write(f"caching: {line}\n")

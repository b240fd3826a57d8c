"""Makes a data set folder of synthetic homes: resumable, on several processes, the same bytes for the same seed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from locate3d_ros.data.annotations.grounded_expression import read_expressions, write_expressions
from locate3d_ros.data.synthetic.episode import changed, episode_json
from locate3d_ros.data.synthetic.home import make_home
from locate3d_ros.data.synthetic.home_recording import Pass, record_home
from locate3d_ros.data.synthetic.models import installed_models, models_of
from locate3d_ros.data.synthetic.options import DatasetOptions
from locate3d_ros.data.synthetic.scene_folder import write_json
from locate3d_ros.data.synthetic.tour import home_tour, make_walk
from locate3d_ros.errors import InputError

MARK = "annotations.jsonl"  # the last file of a scene that is written
KINDS_OF_WALK = ("handheld", "robot")


@dataclass(frozen=True)
class Done:
    """What became of one scene."""

    scene_id: str
    made: bool  # False: it was there already
    error: str = ""


def generate(options: DatasetOptions) -> Iterator[Done]:
    """Make all scenes that are not whole yet, then the split's annotations; give each scene as it is done.

    A scene that fails is reported and does not keep others from being made. Raises InputError where nothing can be
    made at all: a furniture library is missing, or the folder cannot be written.
    """
    installed_models()
    try:
        (options.folder / "scenes").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{options.folder}: cannot be written ({error.strerror}); give another place") from None
    left = []
    for index in range(options.count):
        if (options.folder / "scenes" / options.scene_name(index)).is_dir():
            yield Done(options.scene_name(index), made=False)
        else:
            left.append(index)
    yield from _on_this_process(options, left) if options.workers == 1 else _on_workers(options, left)
    gather_annotations(options)


def _on_this_process(options: DatasetOptions, left: list[int]) -> Iterator[Done]:
    for index in left:
        yield make_scene(options, index)


def _on_workers(options: DatasetOptions, left: list[int]) -> Iterator[Done]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        jobs: dict[Future[Done], int] = {pool.submit(make_scene, options, index): index for index in left}
        for job in as_completed(jobs):
            yield job.result()


def make_scene(options: DatasetOptions, index: int) -> Done:
    """Make one scene in a folder of its own and rename that when it is whole."""
    name = options.scene_name(index)
    unfinished = options.folder / "scenes" / f".{name}.{os.getpid()}.partial"
    try:
        cv2.setNumThreads(1)
        _record(options, index, unfinished)
        _sync(unfinished)
        unfinished.rename(options.folder / "scenes" / name)
    except (InputError, OSError, ArithmeticError, LookupError, ValueError) as error:
        return Done(name, made=False, error=f"{type(error).__name__}: {error}")
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Done(name, made=True)


def _record(options: DatasetOptions, index: int, folder: Path) -> None:
    seed = [options.seed, index]
    home = make_home(seed, options.scene_name(index), options.scenes)
    rng = np.random.default_rng([*seed, 1])
    kind = options.scenes.walk
    walk = make_walk(rng, KINDS_OF_WALK[index % len(KINDS_OF_WALK)] if kind == "mixed" else kind)
    if not options.scenes.dynamic:
        poses = home_tour(home, options.scenes.frames, walk, rng)
        record_home([Pass(home, tuple(poses))], folder, options.scenes, seed)
        return
    later, changes = changed(home, models_of(options.scenes.split), rng)
    lengths = [options.scenes.frames // 2, options.scenes.frames - options.scenes.frames // 2]
    passes = [Pass(s, tuple(home_tour(s, n, walk, rng))) for s, n in zip((home, later), lengths, strict=True)]
    record_home(passes, folder, options.scenes, seed)
    write_json(folder / "episode.json", episode_json((home, later), lengths, changes))


def _sync(folder: Path) -> None:
    """Flush all files of a folder to the disk, then the folders themselves."""
    # At the same time: the disk then writes many files at once.
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(_sync_one, folder.rglob("*")))
    _sync_one(folder)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def gather_annotations(options: DatasetOptions) -> None:
    """Write annotations/<split>.jsonl from the sentences of all whole scenes of the split."""
    scenes = sorted((options.folder / "scenes").glob(f"{options.scenes.split}-*/{MARK}"))
    (options.folder / "annotations").mkdir(exist_ok=True)
    sentences = [sentence for path in scenes for sentence in read_expressions(path)]
    write_expressions(options.folder / "annotations" / f"{options.scenes.split}.jsonl", sentences)

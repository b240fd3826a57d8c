"""`locate3d train jepa|grounding`: new runs and their continuation."""

from __future__ import annotations

import sys

from locate3d_ros.cli.train_arguments import JepaArguments, TrainArguments
from locate3d_ros.errors import InputError
from locate3d_ros.training.presets import STEPS
from locate3d_ros.training.processes import is_first
from locate3d_ros.training.run import GROUNDING, JEPA, train
from locate3d_ros.training.run_folder import RunFolder


def run_train(arguments: TrainArguments) -> None:
    """Train, and say where the model is. Raises InputError for wrong folders, data, weights and options."""
    run = arguments.task
    task = JEPA if isinstance(run, JepaArguments) else GROUNDING
    if (run.out is None) == (run.resume is None):
        raise InputError("train: give --out DIR for a new run, or --resume DIR to go on with one")
    if run.steps is not None and run.steps < 1:
        raise InputError(f"--steps {run.steps}: give 1 or more")
    chosen = run.resume if run.out is None else run.out
    assert chosen is not None  # one of them is given  # noqa: S101
    folder = RunFolder(chosen)
    steps = run.steps if run.steps is not None or run.resume else STEPS.get(run.preset)
    trainer = train(task, run.config, folder, steps, resumed=run.resume is not None)
    if is_first():
        sys.stdout.write(
            f"{folder.path}: {trainer.step} of {trainer.schedule.steps} steps done; {_next(task, folder)}\n"
        )


def _next(task: str, folder: RunFolder) -> str:
    if task == JEPA:
        return f"go on with `locate3d train grounding --initial {folder.path} …`"
    return f"ask it with `locate3d localize … --model {folder.path}`"

"""`locate3d train`: a run begun or continued."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from locate3d_ros.cli.train_arguments import (
    GroundingArguments,
    JepaArguments,
    ProposalArguments,
    RunArguments,
    TrainArguments,
)
from locate3d_ros.errors import InputError
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.presets import STEPS
from locate3d_ros.training.processes import first_process
from locate3d_ros.training.run import GROUNDING, JEPA, PROPOSALS, train
from locate3d_ros.training.run_folder import RunFolder

_TASKS = {JepaArguments: JEPA, GroundingArguments: GROUNDING, ProposalArguments: PROPOSALS}


def run_train(arguments: TrainArguments) -> None:
    """Train until the steps are done. Raises InputError for wrong arguments, data and weights."""
    task = _TASKS[type(arguments.task)]
    run = arguments.task
    if run.steps is not None and run.steps < 1:
        raise InputError(f"--steps {run.steps}: give 1 or more")
    if run.resume is not None:
        folder = RunFolder(run.resume)
        _require_same(task, run, folder)
        trainer = train(task, run.config, folder, run.steps, resumed=True)
    elif run.out is not None:
        folder = RunFolder(run.out)
        steps = STEPS.get(run.preset) if run.steps is None else run.steps
        trainer = train(task, _anywhere(run.config), folder, steps, resumed=False)
    else:
        raise InputError("no folder for the run; give --out DIR, or --resume DIR to go on with one")
    if first_process():
        sys.stdout.write(f"{folder.path}: {trainer.step} steps; {_next(task, folder.path)}\n")


def _require_same(task: str, run: RunArguments, folder: RunFolder) -> None:
    """Refuse to go on with a run as what it is not."""
    began_as, config = folder.config()
    if began_as != task:
        raise InputError(f"{folder.path}: a {began_as} run; continue it with `locate3d train {began_as}`")
    if run.out is not None:
        raise InputError("--out and --resume: give one of them")
    changed = _changed(config, run.config)
    if changed:
        raise InputError(f"--{changed.replace('_', '-')}: the run in {folder.path} goes on as it began; leave it out")


def _anywhere(config: TrainingConfig) -> TrainingConfig:
    """Return the configuration with whole paths, so that the run goes on from any directory."""
    initial = str(Path(config.run.initial).resolve()) if config.run.initial else ""
    return replace(
        config,
        data=replace(config.data, data=_whole(config.data.data)),
        validation=replace(config.validation, val=_whole(config.validation.val)),
        run=replace(config.run, initial=initial),
    )


def _whole(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(Path(path).resolve()) for path in paths)


def _changed(before: TrainingConfig, after: TrainingConfig) -> str:
    """Return the name of a field that differs, empty if none does."""
    sections = [(getattr(before, section.name), getattr(after, section.name)) for section in fields(TrainingConfig)]
    names = (
        each.name for old, new in sections for each in fields(old) if getattr(old, each.name) != getattr(new, each.name)
    )
    return next(names, "")


def _next(task: str, folder: Path) -> str:
    if task == JEPA:
        return f"train on sentences with `locate3d train grounding --initial {folder}`"
    return f"use it with `--model {folder}`"

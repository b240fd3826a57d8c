"""What `locate3d train` accepts: the fields of the training configuration, with the defaults of a preset or a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Union

import tyro

from locate3d_ros.errors import InputError
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.config_file import SETTINGS, config_of_json
from locate3d_ros.training.presets import PRESETS, PresetName, for_pretraining


@dataclass(frozen=True)
class RunArguments:
    """Where a run's files are, how far it goes, and everything that decides it."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """The folder of a new run: model, state to resume from, metrics, configuration."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Go on with the run in this folder, with its configuration; options given here change it."""
    steps: int | None = None
    """Stop after so many steps in all; without it when the schedule ends (smoke: after 50)."""
    preset: PresetName = "tiny"
    """What the options below begin with (docs/training.md)."""
    config: TrainingConfig = field(default_factory=TrainingConfig)


@dataclass(frozen=True)
class JepaArguments(RunArguments):
    """Pretrain the encoder by 3D-JEPA: on lifted scenes alone, without sentences."""


@dataclass(frozen=True)
class GroundingArguments(RunArguments):
    """Train a model to find what sentences name."""


@dataclass(frozen=True)
class TrainArguments:
    """Train the Locate 3D model: its encoder alone, or the whole on sentences."""

    # Evaluated while the program runs, where Python 3.10 needs the spelled-out form for annotated members.
    task: Union[  # noqa: UP007
        Annotated[JepaArguments, tyro.conf.subcommand("jepa")],
        Annotated[GroundingArguments, tyro.conf.subcommand("grounding")],
    ]


def train_tasks(arguments: Sequence[str]) -> Any:  # noqa: ANN401 - a type for tyro
    """Return the two tasks with the defaults that --preset or --resume among the arguments ask for.

    Raises InputError where --resume names no run, or the run of another task.
    """
    folder, preset = _value_of("--resume", arguments), _value_of("--preset", arguments)
    known: PresetName = next((name for name in PRESETS if name == preset), RunArguments.preset)
    config = PRESETS[known]
    pretraining = for_pretraining(config)
    if folder is not None:
        config = pretraining = _config_of(Path(folder), arguments)
    return Union[  # noqa: UP007
        Annotated[JepaArguments, tyro.conf.subcommand("jepa", default=JepaArguments(preset=known, config=pretraining))],
        Annotated[
            GroundingArguments,
            tyro.conf.subcommand("grounding", default=GroundingArguments(preset=known, config=config)),
        ],
    ]


def _config_of(folder: Path, arguments: Sequence[str]) -> TrainingConfig:
    task, config = config_of_json(folder / SETTINGS)
    if task not in arguments:
        raise InputError(f"--resume {folder}: a run of `locate3d train {task}`; give that command")
    return config


def _value_of(option: str, arguments: Sequence[str]) -> str | None:
    for place, word in enumerate(arguments):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and place + 1 < len(arguments):
            return arguments[place + 1]
    return None

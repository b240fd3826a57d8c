"""What `locate3d train` accepts; its options are the fields of the training configuration, by preset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Union

import tyro

from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.config_file import SETTINGS, config_of_json
from locate3d_ros.training.presets import PRESETS, PresetName, for_pretraining, for_proposals

DEFAULT_PRESET: PresetName = "tiny"
_FITTING = {"jepa": for_pretraining, "proposals": for_proposals}  # what a preset is made by its task
_beginning: ContextVar[TrainingConfig] = ContextVar("beginning", default=PRESETS[DEFAULT_PRESET])


@dataclass(frozen=True)
class RunArguments:
    """Where a run's files are, and how far it goes."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """The folder of a new run: model, state to resume from, metrics, configuration."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Go on with the run in this folder, by its own configuration; only --steps may be given beside it."""
    steps: int | None = None
    """Stop after this many steps in all; without it the schedule's end, or the smoke preset's 50."""
    preset: PresetName = DEFAULT_PRESET
    """What the options below begin with (docs/training.md)."""
    config: TrainingConfig = field(default_factory=_beginning.get)


@dataclass(frozen=True)
class JepaArguments(RunArguments):
    """Pretrain an encoder by 3D-JEPA: no sentences are needed."""


@dataclass(frozen=True)
class GroundingArguments(RunArguments):
    """Train a model to find what sentences name."""


@dataclass(frozen=True)
class ProposalArguments(RunArguments):
    """Train the small model that chooses among 3D proposals: minutes to an hour on a CPU."""


@dataclass(frozen=True)
class TrainArguments:
    """Train the Locate 3D model: the encoder by itself, or the whole on sentences."""

    # Evaluated while the program runs, where Python 3.10 needs the spelled-out form for annotated members.
    task: Union[  # noqa: UP007
        Annotated[JepaArguments, tyro.conf.subcommand("jepa")],
        Annotated[GroundingArguments, tyro.conf.subcommand("grounding")],
        Annotated[ProposalArguments, tyro.conf.subcommand("proposals")],
    ]
    """What is trained."""


@contextmanager
def options_begin_with(words: Sequence[str]) -> Iterator[None]:
    """Let the options begin with the preset or the run that the command's words name, while they are parsed.

    Raises InputError where the run to resume has no readable configuration.
    """
    token = _beginning.set(named_config(words))
    try:
        yield
    finally:
        _beginning.reset(token)


def named_config(words: Sequence[str]) -> TrainingConfig:
    """Return the configuration that --resume or --preset names among the words; the parser refuses wrong names."""
    run, preset = _value("--resume", words), _value("--preset", words)
    if run is not None:
        return config_of_json(Path(run) / SETTINGS)[1]
    config = next((each for name, each in PRESETS.items() if name == preset), PRESETS[DEFAULT_PRESET])
    return _FITTING.get(words[1] if len(words) > 1 else "", lambda same: same)(config)


def _value(option: str, words: Sequence[str]) -> str | None:
    if not words or words[0] != "train":
        return None
    for word, following in zip(words, (*words[1:], None), strict=True):
        if word == option:
            return following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None

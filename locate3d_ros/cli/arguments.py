"""What the command line accepts; its options are the fields of the configuration. Imports nothing heavy."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Union

import tyro

from locate3d_ros.cli.cache_arguments import CacheArguments
from locate3d_ros.cli.convert_arguments import ConvertArguments
from locate3d_ros.cli.evaluate_arguments import EvaluateArguments
from locate3d_ros.cli.scenes_arguments import ScenesArguments
from locate3d_ros.cli.train_arguments import TrainArguments, options_begin_with
from locate3d_ros.cli.weights_arguments import WeightsArguments
from locate3d_ros.config import Config, RecordingConfig
from locate3d_ros.errors import InputError


@dataclass(frozen=True)
class MapArguments:
    """Build a map from a recording and write it to a file."""

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")]
    """A recording: rosbag2, a plain folder, or a scene of a data set (docs/recordings.md)."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="MAP.safetensors")]
    """The map file to write."""
    recording: RecordingConfig = field(default_factory=RecordingConfig)
    config: Config = field(default_factory=Config)


@dataclass(frozen=True)
class LocalizeArguments:
    """Find things by name, in a recording or in a map file, and print where they are."""

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")]
    """A recording, or a map file of `locate3d map` (which keeps its own voxel sizes)."""
    text: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="TEXT")] = ()
    """Sentences such as "the white mug next to the sink"."""
    texts: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A text file with one sentence a line; empty lines are ignored."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="OUT.json")] = None
    """Write the answers to this file, as locate3d/localizations@1."""
    points: bool = False
    """Write every object's points into the JSON too."""
    picture: Annotated[Path | None, tyro.conf.arg(metavar="OUT.png")] = None
    """Draw the answers into camera views and the map from above, and write this PNG."""
    recording: RecordingConfig = field(default_factory=RecordingConfig)
    config: Config = field(default_factory=Config)


@dataclass(frozen=True)
class ExportArguments:
    """Write a map file as a PLY point cloud, in its colours or coloured by its features."""

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MAP.safetensors")]
    """A map file of `locate3d map` or of a node, of any backend."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="OUT.ply")]
    """The PLY file to write."""
    color: Literal["rgb", "features"] = "rgb"
    """True colours on the finer grid, or the features' first three principal components as red, green, blue."""


@dataclass(frozen=True)
class CompressArguments:
    """Write a map with its features in fewer channels, for the similarity localizer; they are fitted on the map."""

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MAP.safetensors")]
    """A map file of `locate3d map` or of a node, of any backend."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="SMALL.safetensors")]
    """The map file to write; every command and node reads it as it reads the other."""
    factor: int = 5
    """How many times fewer channels each slot keeps."""
    like: Annotated[Path | None, tyro.conf.arg(metavar="SMALL.safetensors")] = None
    """Take the projection of this compressed map instead of fitting one, so that both can be merged."""

    def __post_init__(self) -> None:
        """Refuse what compresses nothing."""
        if self.factor < 2:
            raise InputError(f"--factor = {self.factor}: out of range; give 2 or more")


# Evaluated while the program runs, where Python 3.10 needs the spelled-out form for annotated members.
_Command = Union[  # noqa: UP007
    Annotated[MapArguments, tyro.conf.subcommand("map")],
    Annotated[LocalizeArguments, tyro.conf.subcommand("localize")],
    Annotated[ExportArguments, tyro.conf.subcommand("export")],
    Annotated[CompressArguments, tyro.conf.subcommand("compress")],
    Annotated[ConvertArguments, tyro.conf.subcommand("convert")],
    Annotated[CacheArguments, tyro.conf.subcommand("cache")],
    Annotated[ScenesArguments, tyro.conf.subcommand("scenes")],
    Annotated[EvaluateArguments, tyro.conf.subcommand("evaluate")],
    Annotated[TrainArguments, tyro.conf.subcommand("train")],
    Annotated[WeightsArguments, tyro.conf.subcommand("weights")],
]
_MARKERS = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff)

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_BOX = re.compile(r"[│╭╮╰╯]")
_PLACE = re.compile(r"Error parsing \S*tyro\S*: ")  # tyro's own name for a part of the configuration: no option
_HELP = re.compile(r"For full helptext, (?:run:?|see) (.+)")


def parse(arguments: Sequence[str]) -> object:
    """Parse the words after the program's name into one of the commands' arguments.

    Raises InputError for wrong ones; --help prints and exits with 0.
    """
    printed = io.StringIO()
    try:
        with redirect_stderr(printed), options_begin_with(arguments):
            return tyro.cli(_Command, prog="locate3d", args=arguments, config=_MARKERS)  # type: ignore[call-overload]
    except SystemExit as stop:
        if not stop.code:
            raise
    raise InputError(one_line(printed.getvalue()))


def one_line(box: str) -> str:
    """Turn the box that tyro prints into one line: what is wrong, and which help to read."""
    sections: list[list[str]] = [[]]
    for line in _COLOR.sub("", box).splitlines():
        content = _BOX.sub("", line).strip()
        if not line.startswith("│"):
            continue  # the frame, and the title in it
        if content.startswith("─"):
            sections.append([])
        else:
            sections[-1].append(content)
    texts = [" ".join(section) for section in sections]
    reasons = [text for text in texts if text and not text.startswith(("For full helptext", "Argument helptext"))]
    reason = _PLACE.sub("", "; ".join(reason.rstrip(" .") for reason in reasons)) or "wrong arguments"
    found = _HELP.search(texts[-1])
    return f"{reason}; see `{found[1] if found else 'locate3d --help'}`"

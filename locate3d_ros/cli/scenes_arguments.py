"""What `locate3d scenes` accepts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Union

import tyro

from locate3d_ros.data.synthetic.options import PresetName, SceneOptions


@dataclass(frozen=True)
class GenerateArguments:
    """Make a data set folder of synthetic homes with sentences; a scene that is there already is kept."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    """The data set folder to make or to go on with."""
    count: Annotated[int | None, tyro.conf.arg(aliases=["-n"], metavar="N")] = None
    """How many scenes; without it the preset's number."""
    seed: int | None = None
    """The same seed gives the same bytes; without it the preset's seed, else 0."""
    preset: PresetName | None = None
    """A data set that is named once: number, seed and options below, where you give none of your own."""
    workers: int = 1
    """Processes that make scenes at the same time."""
    scenes: SceneOptions = field(default_factory=SceneOptions)


@dataclass(frozen=True)
class SheetArguments:
    """Show a few frames of every scene of a data set folder in one picture."""

    dataset: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """A data set folder, or the folder of one scene."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="OUT.png")]
    """The PNG to write."""
    scenes: int = 8
    """How many scenes are shown, a row each."""
    columns: int = 6
    """Frames of each scene."""
    objects: bool = False
    """Outline every object and write its name."""


@dataclass(frozen=True)
class ScenesArguments:
    """Make synthetic grounded scenes, or look at them."""

    # Evaluated while the program runs, where Python 3.10 needs the spelled-out form for annotated members.
    action: Union[  # noqa: UP007
        Annotated[GenerateArguments, tyro.conf.subcommand("generate")],
        Annotated[SheetArguments, tyro.conf.subcommand("sheet")],
    ]

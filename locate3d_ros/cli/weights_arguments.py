"""The arguments of `locate3d weights`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Union

import tyro


@dataclass(frozen=True)
class PlaceArguments:
    """Where weight files lie."""

    weights: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """The folder of the files; without it that of $LOCATE3D_WEIGHTS, else the Hugging Face cache."""


@dataclass(frozen=True)
class ListArguments(PlaceArguments):
    """Print every weight file: purpose, size, licence, source, checksum, and whether it is here."""


@dataclass(frozen=True)
class FetchArguments(PlaceArguments):
    """Download weight files that are not here yet; a download that was cut goes on where it stopped."""

    names: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="NAMES")] = ()
    """Names as `locate3d weights list` prints them; without any, what `--backend foundation` needs."""


@dataclass(frozen=True)
class VerifyArguments(PlaceArguments):
    """Read weight files whole, and compare their checksums; nothing is downloaded."""

    names: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="NAMES")] = ()
    """Names as `locate3d weights list` prints them; without any, all that are here."""


@dataclass(frozen=True)
class WeightsArguments:
    """List, fetch and verify the weight files of the foundation backend and of the released models."""

    # Evaluated while the program runs, where Python 3.10 needs the spelled-out form for annotated members.
    action: Union[  # noqa: UP007
        Annotated[ListArguments, tyro.conf.subcommand("list")],
        Annotated[FetchArguments, tyro.conf.subcommand("fetch")],
        Annotated[VerifyArguments, tyro.conf.subcommand("verify")],
    ]
    """What is done."""

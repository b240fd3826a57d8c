"""The table of typical object sizes: what `sizes.csv` holds, and its loader."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from importlib.resources import files


class Support(Enum):
    """What carries an object of a class."""

    FLOOR = "floor"
    SURFACE = "surface"  # tables, shelves, worktops; small things may also lie on the floor
    WALL = "wall"
    CEILING = "ceiling"
    ANY = "any"


@dataclass(frozen=True)
class SizeEntry:
    """The usual size of one class of objects."""

    name: str
    height: float  # metres, along z where `upright`
    length: float  # metres, the longer horizontal edge where `upright`
    width: float  # metres, the shorter one
    spread: float  # sigma of the natural logarithm of each edge
    upright: bool  # the object keeps this height: a cup does, a pen does not
    support: Support
    synonyms: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The name and its synonyms."""
        return (self.name, *self.synonyms)


@lru_cache(maxsize=1)
def load_sizes() -> tuple[SizeEntry, ...]:
    """Read the table that ships with the package. Raises ValueError naming the line of a wrong row."""
    table = files("locate3d_ros.localization.lexicon").joinpath("sizes.csv")
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return tuple(_entry(number, row) for number, row in enumerate(rows, start=2))


def _entry(number: int, row: dict[str, str]) -> SizeEntry:
    try:
        length, width = sorted((float(row["length"]), float(row["width"])), reverse=True)
        synonyms = tuple(name.strip() for name in row["synonyms"].split(";") if name.strip())
        return SizeEntry(
            name=row["name"],
            height=float(row["height"]),
            length=length,
            width=width,
            spread=float(row["spread"]),
            upright=row["upright"] == "yes",
            support=Support(row["support"]),
            synonyms=synonyms,
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"sizes.csv, line {number}: {error}") from error

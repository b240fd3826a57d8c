"""Answers as JSON (schema locate3d/localizations@1, DESIGN 4.1) and as a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from locate3d_ros.types import Instance, Localization, MapSnapshot, Status

SCHEMA = "locate3d/localizations@1"
_DIGITS = 4  # of metres and scores: a tenth of a millimetre
_PLAIN_WIDTH = 140  # columns of the table where there is no terminal to ask
_ROWS_PER_TEXT = 5


@dataclass(frozen=True)
class Report:
    """Everything that one run of `locate3d localize` found out."""

    source: str
    backend: str
    model: str
    snapshot: MapSnapshot
    seconds: float  # that building or loading the map took
    results: tuple[tuple[str, Localization], ...]  # sentence, answer


def report_json(report: Report, with_points: bool) -> str:
    """Return the report as JSON; `with_points` adds the coordinates of every object's points."""
    snapshot = report.snapshot
    entries = {
        "schema": SCHEMA,
        "source": report.source,
        "frame_id": snapshot.frame_id,
        "backend": report.backend,
        "model": report.model,
        "map": {
            "voxels": len(snapshot),
            "voxel_size": snapshot.voxel_size,
            "revision": snapshot.revision,
            "seconds": round(report.seconds, 3),
        },
        "results": [_result(text, answer, with_points) for text, answer in report.results],
    }
    return json.dumps(entries, ensure_ascii=False, allow_nan=False) + "\n"


def print_table(report: Report) -> None:
    """Print one row per object, best first, to stdout."""
    snapshot = report.snapshot
    table = Table(
        title=f"{report.source}: {len(snapshot)} voxels, boxes in metres in frame {snapshot.frame_id}",
        title_justify="left",
    )
    for heading in ("text", "status", "score", "role", "phrase", "centre x y z", "size x y z", "points"):
        table.add_column(heading, justify="right" if heading in ("score", "points") else "left")
    for text, answer in report.results:
        for row in _rows(text, answer):
            table.add_row(*(Text(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    # Not printed by rich itself, which exits with status 1 where the reader of a pipe has gone.
    with console.capture() as printed:
        console.print(table)
    sys.stdout.write(printed.get())


def _result(text: str, answer: Localization, with_points: bool) -> dict[str, object]:
    return {
        "text": text,
        "status": answer.status.name.lower(),
        "message": answer.message,
        "seconds": round(answer.seconds, 4),
        "instances": [_instance(instance, with_points) for instance in answer.instances],
    }


def _instance(instance: Instance, with_points: bool) -> dict[str, object]:
    entry: dict[str, object] = {
        "score": round(instance.score, _DIGITS),
        "role": instance.role.name.lower(),
        "phrase": instance.phrase,
        "points": len(instance.xyz),
        "box_min": _rounded(instance.box.min),
        "box_max": _rounded(instance.box.max),
    }
    if with_points:
        entry["xyz"] = [_rounded(point) for point in instance.xyz.tolist()]
    return entry


def _rows(text: str, answer: Localization) -> list[tuple[str, ...]]:
    """Return the sentence's best objects, or how it ended."""
    status = answer.status.name.lower().replace("_", " ")
    if answer.status is not Status.FOUND:
        return [(text, status, "", "", answer.message, "", "", "")]
    rows: list[tuple[str, ...]] = []
    for i, instance in enumerate(answer.instances[:_ROWS_PER_TEXT]):
        rows.append(
            (
                text if i == 0 else "",
                status if i == 0 else "",
                f"{instance.score:.2f}",
                instance.role.name.lower(),
                instance.phrase,
                _metres(instance.box.center),
                _metres(instance.box.size),
                str(len(instance.xyz)),
            )
        )
    return rows


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(number, _DIGITS) for number in numbers]


def _metres(numbers: Iterable[float]) -> str:
    return " ".join(f"{number:.2f}" for number in numbers)

"""Records of the ablations: a line of a file each, so that a run goes on where another stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from common import log

R = TypeVar("R")


def read_records(file: Path, kind: type[R]) -> list[R]:
    """Read the records of a kind; a line that was cut off by an interruption does not count."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [kind(**json.loads(line)) for line in lines if line.endswith("}")]


def keep(file: Path, records: Iterator[Any]) -> None:
    """Write every record (`arm`, `seed`, `answers` and more) as soon as it is computed."""
    for record in records:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps(asdict(record)) + "\n")
        log(f"{record.arm}, seed {record.seed}: {record.answers}")

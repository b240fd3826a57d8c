"""What every benchmark shares: its options, its progress on stderr, its one JSON object on stdout."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch


@dataclass(frozen=True)
class Case:
    """One measured figure; `value` is a median where it is a time."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    extra: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return the case with its ratio = baseline / value where there is a baseline."""
        described: dict[str, object] = {"name": self.name, "value": round(self.value, 4), "unit": self.unit}
        if self.baseline is not None:
            described |= {"baseline": round(self.baseline, 4), "ratio": round(self.baseline / self.value, 3)}
        return described | self.extra


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark, for one that has more."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    options.add_argument("--repeats", type=int, default=5, help="timed runs per case")
    options.add_argument("--threads", type=int, default=2, help="CPU threads")
    return options


def arguments(description: str | None, options: argparse.ArgumentParser | None = None) -> argparse.Namespace:
    """Parse the command line and set the number of threads."""
    parsed = (options or parser(description)).parse_args()
    torch.set_num_threads(parsed.threads)
    return parsed


def log(line: str) -> None:
    """Print a line of progress to stderr."""
    print(line, file=sys.stderr, flush=True)


def emit(benchmark: str, options: argparse.Namespace, cases: Sequence[Case]) -> None:
    """Print the benchmark's JSON object to stdout."""
    described = {
        "benchmark": benchmark,
        "device": options.device,
        "threads": options.threads,
        "commit": commit(),
        "cases": [case.to_json() for case in cases],
    }
    print(json.dumps(described))


def commit() -> str:
    """Return the repository's short commit, "unknown" outside one."""
    folder = Path(__file__).resolve().parent
    command = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"

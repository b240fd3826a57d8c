"""What a run tells while it works: a bar on a terminal, lines otherwise, metrics in a file and in TensorBoard."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from locate3d_ros.training.run_folder import RunFolder

_INTERVAL = 10.0  # seconds between two plain lines


class Journal:
    """Collects a run's metrics; the first process writes, the others are silent."""

    def __init__(self, folder: RunFolder, first: int, last: int, writes: bool) -> None:
        """Show steps from `first` to `last`."""
        self._folder = folder
        self._last = last
        self._writes = writes
        self._told = time.monotonic()
        self._board = _tensorboard(folder) if writes else None
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        shown = writes and sys.stderr.isatty()
        self._bar = Progress(*columns, console=Console(stderr=True), disable=not shown)
        self._task = self._bar.add_task("training", total=last, completed=first)

    def __enter__(self) -> Journal:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the bar away and close the files."""
        self._bar.stop()
        if self._board is not None:
            self._board.close()

    def step(self, step: int, values: Mapping[str, float], log: bool, tell: bool) -> None:
        """Note that a step is done; `log` writes its metrics, `tell` a line where there is no bar."""
        if not self._writes:
            return
        text = ", ".join(f"{name} {value:.3g}" for name, value in list(values.items())[:3])
        self._bar.update(self._task, completed=step, description=text)
        if log:
            self._folder.add_metrics(step, values)
            if self._board is not None:
                for name, value in values.items():
                    self._board.add_scalar(name, value, step)
        due = tell or time.monotonic() - self._told >= _INTERVAL or step == self._last
        if not sys.stderr.isatty() and due:
            self._told = time.monotonic()
            sys.stderr.write(f"step {step} of {self._last}: {text}\n")


def _tensorboard(folder: RunFolder) -> Any:  # noqa: ANN401 - a writer of an optional package
    """Return TensorBoard's writer, None where the package is not installed: metrics.jsonl has the same figures."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder.path / "tensorboard"))

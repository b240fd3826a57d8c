"""A run's folder: training.json, state.pt to resume from, metrics; the model beside them (docs/training.md)."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch

from locate3d_ros.errors import InputError
from locate3d_ros.files import whole_file, write_file
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.config_file import SETTINGS, config_of_json

STATE = "state.pt"
METRICS = "metrics.jsonl"
BEST = "best"
VALIDATION = "validation.json"


class RunFolder:
    """Reads and writes a run's files, each whole or not at all."""

    def __init__(self, path: Path) -> None:
        """Take the folder."""
        self.path = path

    @property
    def has_state(self) -> bool:
        """Whether there is something to resume from."""
        return (self.path / STATE).is_file()

    @property
    def best(self) -> RunFolder:
        """The folder of the model that did best in validation so far."""
        return RunFolder(self.path / BEST)

    def is_best(self, figures: Mapping[str, float]) -> bool:
        """Whether a validation is better than the one that the best model is of, or the first."""
        try:
            before = json.loads((self.best.path / VALIDATION).read_text(encoding="utf-8"))
            return _goodness(figures) > _goodness(before)
        except (OSError, ValueError, KeyError, TypeError):
            return True

    def note_best(self, step: int, figures: Mapping[str, float]) -> None:
        """Write what the best model reached."""
        write_file(self.best.path / VALIDATION, json.dumps({"step": step, **figures}).encode())

    def begin(self, task: str, config: TrainingConfig) -> None:
        """Make the folder and note the configuration. Raises InputError where a run is in it already."""
        if self.has_state:
            raise InputError(f"{self.path}: holds a run; continue it with --resume, or give another --out")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.best.path / VALIDATION).unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be made ({error.strerror}); give another --out") from None
        self.note(task, config)

    def note(self, task: str, config: TrainingConfig) -> None:
        """Write the configuration."""
        write_file(self.path / SETTINGS, json.dumps({"task": task, **asdict(config)}, indent=1).encode())

    def config(self) -> tuple[str, TrainingConfig]:
        """Read task and configuration. Raises InputError where the folder is no run."""
        return config_of_json(self.path / SETTINGS)

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Write the state to resume from: numbers, strings and tensors only."""
        with whole_file(self.path / STATE) as unfinished:
            torch.save(dict(state), unfinished)

    def load_state(self) -> dict[str, Any]:
        """Read the state. Raises InputError where there is none or it is damaged."""
        file = self.path / STATE
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            raise InputError(f"{file}: no such file; the run has not reached its first checkpoint") from None
        except (pickle.UnpicklingError, RuntimeError, BadZipFile, EOFError, OSError, ValueError) as error:
            reason = f"{error} {type(error).__name__}".splitlines()[0][:100].strip()
            raise InputError(f"{file}: damaged ({reason}); start the run again") from None
        if not isinstance(state, dict) or "step" not in state:
            raise InputError(f"{file}: not the state of a run; start the run again")
        return state

    def forget_metrics_from(self, step: int) -> None:
        """Drop the lines of steps that a resumed run will make again."""
        file = self.path / METRICS
        if file.is_file():
            lines = file.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
            write_file(file, "".join(f"{line}\n" for line in kept).encode())

    def add_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Append one line of metrics."""
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **{k: round(v, 6) for k, v in values.items()}}) + "\n")


def _goodness(figures: Mapping[str, float]) -> tuple[float, float, float]:
    return figures["val_acc25"], figures["val_acc50"], -figures["val_loss"]

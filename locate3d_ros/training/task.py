"""What the trainer asks of what it trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from locate3d_ros.training.run_folder import RunFolder
from locate3d_ros.training.schedule import Schedule


class Batch(Protocol):
    """What one pass computes."""

    @property
    def count(self) -> int:
        """How much it counts: the loss is divided by the sum over all passes of a step."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its samples, for messages."""


class Task(Protocol):
    """What is trained: JEPA, grounding or the proposal decoder."""

    module: nn.Module  # called with (batch, normaliser) -> (loss, terms)

    def batch(self, samples: Sequence[Any], step: int) -> Batch:
        """Make a pass's input from samples."""

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return what learns at the encoder's rate and is frozen at first."""

    def prepare(self, step: int) -> None:
        """Set the module's modes before a step."""

    def after_step(self, step: int, schedule: Schedule) -> dict[str, float]:
        """Do what follows the optimizer's step; return metrics to log."""

    def validate(self, state: dict[str, Tensor]) -> dict[str, float]:
        """Measure the model of the averaged state on what is not trained on (all processes must call)."""

    def export(self, folder: RunFolder, state: dict[str, Tensor]) -> None:
        """Write the model that a run's averaged state (of `module`) makes."""

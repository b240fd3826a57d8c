"""What learns when, and how fast. Source: MODEL_SPEC §20 (frozen for 17 of 40 epochs, then half the decoder's rate)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from locate3d_ros.training.config import ScheduleConfig


@dataclass(frozen=True)
class Rates:
    """Learning rates of one step."""

    encoder: float  # 0 while it is frozen
    decoder: float

    @property
    def frozen(self) -> bool:
        """Whether the encoder does not learn."""
        return self.encoder == 0


@dataclass(frozen=True)
class Schedule:
    """Rates by step."""

    config: ScheduleConfig
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Count the steps of the whole schedule."""
        return self.config.epochs * self.steps_per_epoch

    def at(self, step: int) -> Rates:
        """Return the rates of the step with this number, from 0."""
        rate = self.config.learning_rate * self.share(step)
        learns = step // self.steps_per_epoch >= self.config.frozen_epochs
        return Rates(rate * self.config.encoder_rate if learns else 0.0, rate)

    def share(self, step: int) -> float:
        """Return the share of the full rate: a linear rise, then half a cosine down to `last_rate`."""
        warmup = min(self.config.warmup_steps, self.steps)
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, self.steps - warmup))
        last = self.config.last_rate
        return last + (1 - last) * (1 + math.cos(math.pi * progress)) / 2

    def target_decay(self, start: float, step: int) -> float:
        """Return the decay of JEPA's target encoder, which rises from `start` to 1 over the schedule."""
        return 1 - (1 - start) * (1 + math.cos(math.pi * min(1.0, step / max(1, self.steps)))) / 2

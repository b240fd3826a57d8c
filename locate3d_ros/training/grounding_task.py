"""Grounding as the trainer runs it (implements `Task`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from locate3d_ros.model.checkpoint import TrainedOn, save_checkpoint
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.grounding import GroundingBatch, GroundingModule, grounding_batch
from locate3d_ros.training.run_folder import RunFolder
from locate3d_ros.training.scene import Sample
from locate3d_ros.training.schedule import Schedule
from locate3d_ros.training.synchronised_norm import keep_statistics
from locate3d_ros.training.validation import Validation
from locate3d_ros.training.words import WordReader

MODEL = "model."


class GroundingTask:
    """The model, its sentences, and what becomes of it."""

    def __init__(
        self, model: Locate3DModel, trained_on: TrainedOn, config: TrainingConfig, device: torch.device
    ) -> None:
        """Move the model to the device; sentences are read there. Raises InputError for wrong data to validate on."""
        self.module: nn.Module = GroundingModule(model.to(device), config.losses)
        self._model, self._trained_on = model, trained_on
        self._norm_steps = config.schedule.norm_steps
        self._reader = WordReader(model, device)
        self._device = device
        self._validation = Validation(config, trained_on, device)

    def batch(self, samples: Sequence[Sample], step: int) -> GroundingBatch:  # noqa: ARG002 - the same at every step
        """Read the words and make the targets."""
        return grounding_batch(samples, self._reader, self._device)

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return the 3D-JEPA encoder's."""
        return list(self._model.encoder.parameters())

    def prepare(self, step: int) -> None:
        """Keep the decoder's statistics from `norm_steps` on."""
        if step >= self._norm_steps:
            keep_statistics(self._model.decoder)

    def after_step(self, step: int, schedule: Schedule) -> dict[str, float]:  # noqa: ARG002 - nothing follows
        """Nothing follows the optimizer's step."""
        return {}

    def validate(self, state: dict[str, Tensor]) -> dict[str, float]:
        """Ask a model of its own, so that nothing of the training's changes."""
        return self._validation.measure(self._model_of(state), self._reader)

    def export(self, folder: RunFolder, state: dict[str, Tensor]) -> None:
        """Write the model as `--model FOLDER` loads it."""
        save_checkpoint(folder.path, self._model_of(state), self._trained_on)

    def _model_of(self, state: dict[str, Tensor]) -> Locate3DModel:
        own = {name.removeprefix(MODEL): tensor for name, tensor in state.items()}
        with torch.device("meta"):
            model = Locate3DModel(self._model.config)
        model.load_state_dict(own, strict=True, assign=True)
        return model

"""3D-JEPA as the trainer runs it (implements `Task`)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

import torch
from safetensors.torch import save
from torch import Tensor, nn

from locate3d_ros.files import write_file
from locate3d_ros.model.checkpoint import CONFIG_NAME, WEIGHT_NAMES, TrainedOn, description_of
from locate3d_ros.model.config import ModelConfig
from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.jepa import JepaBatch, JepaModule, JepaScene
from locate3d_ros.training.masking import hidden_voxels
from locate3d_ros.training.predictor import Predictor
from locate3d_ros.training.run_folder import RunFolder
from locate3d_ros.training.scene import Sample
from locate3d_ros.training.schedule import Schedule

TARGET = "target."


class JepaTask:
    """The encoders, what is hidden from one of them, and what becomes of the other."""

    def __init__(
        self, encoder: Encoder3DJepa, model: ModelConfig, trained_on: TrainedOn, config: TrainingConfig
    ) -> None:
        """`model` is what the encoder will be part of."""
        self._jepa = JepaModule(encoder, config.jepa)
        self.module: nn.Module = self._jepa
        self._model, self._trained_on = model, trained_on
        self._config = config

    @property
    def predictor(self) -> Predictor:
        """Return the predictor, for its start."""
        return self._jepa.predictor

    def batch(self, samples: Sequence[Sample], step: int) -> JepaBatch:
        """Hide a part of every scene."""
        device = self._jepa.predictor.mask_token.device
        scenes = []
        for sample in samples:
            seed = zlib.crc32(f"{self._config.run.seed} {step} {sample.scene_id}".encode())
            generator = torch.Generator().manual_seed(seed)
            hidden = hidden_voxels(sample.voxels.cells, self._config.jepa, generator)
            scenes.append(JepaScene(sample.voxels.to(device), hidden.to(device)))
        return JepaBatch(tuple(scenes), tuple(sample.scene_id for sample in samples))

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return the context encoder's: the target is no parameter of the optimizer's, the predictor is the rest."""
        return list(self._jepa.encoder.parameters())

    def prepare(self, step: int) -> None:  # noqa: ARG002 - the same at every step
        """Leave the modes as they are."""

    def after_step(self, step: int, schedule: Schedule) -> dict[str, float]:
        """Let the target encoder follow."""
        decay = schedule.target_decay(self._config.jepa.target_ema, step)
        self._jepa.follow(decay)
        return {"target_decay": decay}

    def validate(self, state: dict[str, Tensor]) -> dict[str, float]:  # noqa: ARG002 - there are no questions
        """Nothing is asked of an encoder alone; `make_trainer` refuses to validate it."""
        return {}

    def export(self, folder: RunFolder, state: dict[str, Tensor]) -> None:
        """Write the target encoder, as a grounding run takes it with --initial FOLDER."""
        own = {name.removeprefix(TARGET): tensor for name, tensor in state.items() if name.startswith(TARGET)}
        write_file(folder.path / WEIGHT_NAMES[0], save({name: t.contiguous() for name, t in own.items()}))
        described = description_of(self._model, self._trained_on)
        write_file(folder.path / CONFIG_NAME, json.dumps(described, indent=1).encode())

"""Training the proposal decoder, as the trainer runs it (implements `Task`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.errors import InputError
from locate3d_ros.model.checkpoint import TrainedOn
from locate3d_ros.model.proposal_checkpoint import load_proposal_checkpoint, save_proposal_checkpoint
from locate3d_ros.model.proposal_config import ProposalDecoderConfig
from locate3d_ros.model.proposal_decoder import ProposalDecoder
from locate3d_ros.model.text import MiniLm
from locate3d_ros.training.borrowed import Borrower
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.proposal_module import ProposalBatch, ProposalModule, ProposalScenePass, category_table
from locate3d_ros.training.proposal_scenes import MeasuredSource, ProposalSample
from locate3d_ros.training.proposal_validation import measure
from locate3d_ros.training.run_folder import RunFolder
from locate3d_ros.training.schedule import Schedule
from locate3d_ros.training.stream import ChunkStream
from locate3d_ros.training.words import CACHED_SENTENCES, Words

DECODER = "decoder."
LEAST_SCALE = 0.1  # of a measure: what hardly varies is not blown up


class ProposalStream(ChunkStream[ProposalSample, MeasuredSource]):
    """Measured scenes with some of their sentences, by their position in the stream."""

    def __getitem__(self, position: int) -> ProposalSample:
        """Read the sample at a position >= 0."""
        source, (scene_id, sentences) = self._locate(position)
        said = source.expressions[scene_id]
        return with_expressions(source.scene(scene_id), [said[place] for place in sentences])


class ProposalTask:
    """The decoder, its sentences, and what becomes of it."""

    def __init__(self, sources: Sequence[MeasuredSource], config: TrainingConfig, device: torch.device) -> None:
        """Make a decoder for the scenes' features, or take the one to start from."""
        held_out = config.validation
        self._validation = [MeasuredSource(path, held_out.val_split, config.data.cache) for path in held_out.val]
        scenes = [source.scene(name) for source in sources for name in source.expressions]
        self._trained_on = sources[0].trained_on
        decoder = starting_decoder(config, self._trained_on, scenes)
        self.module: nn.Module = ProposalModule(decoder, config.proposals)
        self._decoder = decoder
        self._reader = MiniLm(device)
        self._read = lru_cache(maxsize=CACHED_SENTENCES)(self._words)
        self._categories = category_table(scenes)
        self._vectors = self._reader.sentence_vectors(list(self._categories))
        self._borrower, self._borrowed = Borrower(self._categories, self._vectors), config.proposals.borrowed

    def batch(self, samples: Sequence[ProposalSample], step: int) -> ProposalBatch:  # noqa: ARG002 - the same always
        """Let the scenes borrow sentences, and read the words."""
        asked = self._borrower.borrow(samples, self._borrowed)
        passes = tuple(ProposalScenePass(s, tuple(self._read(e.text) for e in s.expressions)) for s in asked)
        return ProposalBatch(passes, self._vectors, self._categories)

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return none: there is no encoder."""
        return []

    def prepare(self, step: int) -> None:
        """Set nothing: no step differs from another."""

    def after_step(self, step: int, schedule: Schedule) -> dict[str, float]:  # noqa: ARG002 - nothing follows
        """Nothing follows the optimizer's step."""
        return {}

    def validate(self, state: dict[str, Tensor]) -> dict[str, float]:
        """Measure the averaged decoder on the validation data."""
        return measure(self._averaged(state).eval(), self._validation, self._read)

    def export(self, folder: RunFolder, state: dict[str, Tensor]) -> None:
        """Write the decoder as `--model FOLDER` loads it."""
        save_proposal_checkpoint(folder.path, self._averaged(state), self._trained_on)

    def _averaged(self, state: dict[str, Tensor]) -> ProposalDecoder:
        decoder = ProposalDecoder(self._decoder.config)
        decoder.load_state_dict({name.removeprefix(DECODER): tensor for name, tensor in state.items()})
        return decoder

    def _words(self, text: str) -> Words:
        encoded = self._reader.token_states(text)
        return Words(encoded.offsets, encoded.states)


def with_expressions(sample: ProposalSample, expressions: Sequence[GroundedExpression]) -> ProposalSample:
    """Return a scene with sentences."""
    return replace(sample, expressions=tuple(expressions))


def starting_decoder(
    config: TrainingConfig, trained_on: TrainedOn, scenes: Sequence[ProposalSample]
) -> ProposalDecoder:
    """Make a decoder whose measures are of about unit size in these scenes, or load one."""
    if config.run.initial:
        loaded = load_proposal_checkpoint(Path(config.run.initial)).decoder
        if not isinstance(loaded, ProposalDecoder):
            raise InputError(f"{config.run.initial}: holds several decoders; start from the folder of one")
        return loaded
    width = sum(width for _, width in trained_on.slots)
    decoder = ProposalDecoder(ProposalDecoderConfig(feature_dim=width, rooms=config.proposals.rooms))
    shapes = torch.cat([scene.proposals.shape for scene in scenes])
    decoder.embedding.shape_mean.copy_(shapes.mean(dim=0))
    decoder.embedding.shape_scale.copy_(shapes.std(dim=0).clamp(min=LEAST_SCALE))
    return decoder

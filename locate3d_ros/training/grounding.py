"""Grounding as a training task: sentences and their objects in, the loss of every decoder layer out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.model.decoder import DecoderScene, Prediction
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.training.config import LossConfig
from locate3d_ros.training.criterion import SentenceTargets, grounding_terms, weighted
from locate3d_ros.training.scene import Sample, Voxels
from locate3d_ros.training.synchronised_norm import synchronised
from locate3d_ros.training.targets import answerable, targets_of
from locate3d_ros.training.words import WordReader

NOTHING = GroundedExpression("the unicorn", ("the", "unicorn"), (), (), "", "absent")
PRIOR = -4.0  # a new model says no to 98 % everywhere: the few yes are learnt, not the many no


@dataclass(frozen=True)
class GroundingScene:
    """A scene with its sentences' words and targets, on the device."""

    voxels: Voxels
    words: tuple[Tensor, ...]  # [t, text width] each
    targets: tuple[SentenceTargets, ...]


@dataclass(frozen=True)
class GroundingBatch:
    """What one pass computes."""

    scenes: tuple[GroundingScene, ...]
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        """Count the objects that the sentences name."""
        return sum(len(target) for scene in self.scenes for target in scene.targets)


class GroundingModule(nn.Module):
    """The model with its loss, so that one call makes a pass (what DDP and FSDP wrap)."""

    def __init__(self, model: Locate3DModel, losses: LossConfig) -> None:
        """Take a model; its decoder's batch normalisations are exchanged for synchronised ones."""
        super().__init__()
        self.model = model
        self.losses = losses
        synchronised(model.decoder)
        for name, parameter in model.named_parameters():
            never = "keys_norm" in name or name.startswith("decoder.text_encoder.")
            parameter.requires_grad_(not never)

    def forward(self, batch: GroundingBatch, normaliser: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a pass, divided by `normaliser`, and its terms (not weighted)."""
        predictions = self.predictions(batch)
        targets = [target for scene in batch.scenes for target in scene.targets]
        terms = {name: term / normaliser for name, term in grounding_terms(predictions, targets, self.losses).items()}
        return weighted(terms, self.losses), {name: term.detach() for name, term in terms.items()}

    def predictions(self, batch: GroundingBatch) -> list[list[Prediction]]:
        """Return the predictions [layer][sentence] of all scenes' sentences.

        What has batch normalisation runs once over all rows of the pass, so that its statistics are theirs.
        """
        decoder = self.model.decoder
        states, xyz = [], []
        for scene, projected in zip(batch.scenes, self._projected(batch), strict=True):
            for words in scene.words:
                states.append(list(decoder.layer_states(projected, words)))
                xyz.append(scene.voxels.xyz)
        predictions = []
        for layer in range(len(decoder.layers)):
            queries = [sentence[layer][0] for sentence in states]
            tokens = decoder.text_alignment_head[layer](torch.cat(queries)).split([len(q) for q in queries])
            mask_head = decoder.mask_prediction_heads[layer]
            predictions.append(
                [
                    Prediction(token, mask_head(*sentence[layer]), decoder.bbox_head(*sentence[layer], places))
                    for token, sentence, places in zip(tokens, states, xyz, strict=True)
                ]
            )
        return predictions

    def _projected(self, batch: GroundingBatch) -> list[DecoderScene]:
        decoder = self.model.decoder
        places = [scene.voxels.xyz for scene in batch.scenes]
        positions = decoder.pos_embed_3d(torch.cat(places)).split([len(xyz) for xyz in places])
        return [
            decoder.project_scene(self._encoded(scene.voxels), scene.voxels.xyz, position)
            for scene, position in zip(batch.scenes, positions, strict=True)
        ]

    def _encoded(self, voxels: Voxels) -> Tensor:
        encoder = self.model.encoder
        with torch.set_grad_enabled(encoder.zero_token.requires_grad):
            encoded: Tensor = encoder(voxels.xyz, voxels.rgb, voxels.features, voxels.cells)
        return encoded


def grounding_batch(samples: Sequence[Sample], reader: WordReader, device: torch.device) -> GroundingBatch:
    """Read the words and make the targets. A sample none of whose sentences can be answered gets an absent thing's."""
    scenes = []
    for sample in samples:
        expressions = answerable(sample) or [NOTHING]
        words = [reader.read(expression.text) for expression in expressions]
        targets = [
            targets_of(expression, each.offsets, sample.voxels.object_ids, sample.boxes).to(device)
            for expression, each in zip(expressions, words, strict=True)
        ]
        states = tuple(each.states for each in words)
        scenes.append(GroundingScene(sample.voxels.to(device), states, tuple(targets)))
    return GroundingBatch(tuple(scenes), tuple(sample.name for sample in samples))


@torch.no_grad()
def start_silent(model: Locate3DModel) -> None:
    """Let a new model's token heads say no at first."""
    for head in model.decoder.text_alignment_head:
        for part in head.modules():
            if isinstance(part, nn.Conv1d) and part.bias is not None:  # the last map alone has one
                nn.init.constant_(part.bias, PRIOR)

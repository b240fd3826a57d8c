"""The proposal decoder with its loss: scenes and sentences in, the terms of the loss out.

Letters in shapes: p proposals, n looked at, b sentences.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from locate3d_ros.localization.proposal_localizer import MAX_IOU, shifted
from locate3d_ros.localization.proposal_measures import measure_pairs
from locate3d_ros.localization.proposal_points import GLANCED
from locate3d_ros.localization.suppression import thinned_best
from locate3d_ros.model.proposal_decoder import PARTS, ProposalDecoder, ProposalPrediction
from locate3d_ros.model.proposal_embedding import ProposalInput
from locate3d_ros.model.proposal_reader import padded
from locate3d_ros.training.config import ProposalConfig
from locate3d_ros.training.point_noise import varied_points
from locate3d_ros.training.proposal_scenes import ProposalSample
from locate3d_ros.training.proposal_targets import RIGHT, SHOWS, ProposalTargets, targets_of
from locate3d_ros.training.words import Words

GLANCED_SHARE = 0.5  # of the proposals, drawn anew: the best few of half are as mixed as twice as many of all
REFINED = 0.35  # IoU from which a proposal's box is corrected
WORD_YES = 4.0  # weight of a word meaning a proposal, against it not doing so


class ProposalScenePass(NamedTuple):
    """One scene of a pass."""

    sample: ProposalSample
    words: tuple[Words, ...]


@dataclass(frozen=True)
class ProposalBatch:
    """What one pass computes."""

    scenes: tuple[ProposalScenePass, ...]
    category_vectors: Tensor  # [c, text_dim] of the names of all categories
    categories: dict[str, int]

    @property
    def count(self) -> int:
        """Count the scenes: every one weighs the same, however many sentences it has."""
        return len(self.scenes)

    @property
    def names(self) -> tuple[str, ...]:
        """The scenes."""
        return tuple(scene.sample.scene_id for scene in self.scenes)


class ProposalModule(nn.Module):
    """The decoder with its loss, so that one call makes a pass (what DDP and FSDP wrap)."""

    def __init__(self, decoder: ProposalDecoder, config: ProposalConfig) -> None:
        """Take the decoder."""
        super().__init__()
        self.decoder, self.config = decoder, config

    def forward(self, batch: ProposalBatch, normaliser: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss over `normaliser` scenes, and its terms."""
        totals: dict[str, Tensor] = {}
        for scene in batch.scenes:
            terms = {**self._naming(scene.sample, batch), **self._grounding(scene)}
            for name, value in terms.items():
                totals[name] = totals.get(name, torch.zeros(())) + value / normaliser
        weights = self.config.weights()
        loss = torch.stack([weights[name] * value for name, value in totals.items()]).sum()
        return loss, {name: value.detach() for name, value in totals.items()}

    def _naming(self, sample: ProposalSample, batch: ProposalBatch) -> dict[str, Tensor]:
        """Say of single proposals how much they are things, and which."""
        best, nearest = sample.truth.likeness.max(dim=1)
        half = self.config.named // 2
        shows = (best > SHOWS).nonzero()[:, 0]
        rows = torch.cat((torch.randperm(len(best))[:half], shows[torch.randperm(len(shows))[:half]]))
        embedding = self.decoder.embedding
        embedded = embedding(self._blinded(self._noisy(sample.proposals.rows(rows))))
        things = functional.binary_cross_entropy_with_logits(embedding.things(embedded), best[rows])
        named = best[rows] > SHOWS
        wanted = torch.tensor([batch.categories[sample.truth.categories[o]] for o in nearest[rows][named].tolist()])
        logits = embedding.names(embedded[named], batch.category_vectors)
        names = functional.cross_entropy(logits, wanted) if len(wanted) else logits.sum()
        return {"things": things, "names": names}

    def _grounding(self, scene: ProposalScenePass) -> dict[str, Tensor]:
        sample = scene.sample
        rows = self._looked_at(sample)
        embedded = self.decoder.embedding(self._noisy(sample.proposals.rows(rows)))
        tokens = self.decoder.encode(embedded, measure_pairs(sample.boxes[rows], sample.viewpoint, sample.rooms[rows]))
        states, there = padded([words.states for words in scene.words])
        said = self.decoder(tokens, states, there)
        offsets = [words.offsets for words in scene.words]
        targets = targets_of(sample.expressions, offsets, sample.truth, sample.truth.likeness[rows])
        corrected = shifted(sample.boxes_map[rows], tokens.box_shift)
        return {**sentence_terms(said, targets, there), "corners": corner_term(corrected, targets)}

    @torch.no_grad()
    def _looked_at(self, sample: ProposalSample) -> Tensor:
        """Return the rows of a drawn part that most look like things, and the best for every real object."""
        embedding, training = self.decoder.embedding, self.training
        embedding.eval()
        drawn = torch.randperm(len(sample.boxes))[: math.ceil(GLANCED_SHARE * len(sample.boxes))]
        things = embedding.things(embedding(sample.proposals.rows(drawn).glanced(GLANCED).full()))
        embedding.train(training)
        things = things + self.config.choice_noise * torch.randn(len(things))
        rows = drawn[thinned_best(things, sample.boxes_map[drawn], self.config.chosen_among, MAX_IOU)]
        if len(sample.truth.ids):
            rows = torch.cat((rows, sample.truth.likeness.argmax(dim=0)))
        looked_at: Tensor = torch.unique(rows)
        return looked_at

    def _noisy(self, proposals: ProposalInput) -> ProposalInput:
        """Vary the measures: other furniture in other light is not quite the same."""
        share = self.config.noise
        full = proposals.full()
        return ProposalInput(
            full.features + share * full.features.std() * torch.randn_like(full.features),
            full.meaning + share * full.meaning.std() * torch.randn_like(full.meaning),
            full.shape + share / 2 * self.decoder.embedding.shape_scale * torch.randn_like(full.shape),
            varied_points(full.points),
        )

    def _blinded(self, proposals: ProposalInput) -> ProposalInput:
        """Hide what the picture shows of some proposals, so that shapes are learnt that name things without it."""
        shown = (torch.rand(len(proposals.features), 1) >= self.config.blind).to(proposals.features)
        return replace(proposals, features=shown * proposals.features, meaning=shown * proposals.meaning)


def sentence_terms(said: ProposalPrediction, targets: ProposalTargets, there: Tensor) -> dict[str, Tensor]:
    """Return the terms that sentences have: choice, absence, words, parts and places."""
    places = [share_term(said.places[part], targets.places[part]) for part in range(PARTS)]
    judged = targets.absent | (targets.places[0].amax(dim=1) > RIGHT)
    absence = functional.binary_cross_entropy_with_logits(said.absent, targets.absent.float(), reduction="none")
    weight = torch.tensor(WORD_YES)
    words = functional.binary_cross_entropy_with_logits(said.words, targets.words, reduction="none", pos_weight=weight)
    # The words of a sentence about nothing have no spans: whether they are a target's is not known.
    known = there & ~targets.absent[:, None]
    parts = functional.cross_entropy(said.parts[known], targets.parts[known]) if known.any() else said.parts.sum() * 0
    return {
        "choice": choice_term(said.choice, targets),
        "absence": (absence * judged).sum() / judged.sum().clamp(min=1),
        "words": (words * there[:, None]).sum() / there.sum() / words.shape[1],
        "parts": parts,
        "places": torch.stack(places).sum() / PARTS,
    }


def choice_term(choice: Tensor, targets: ProposalTargets) -> Tensor:
    """Return the cross-entropy of choices (b, n) with the target's proposals, or with none, whose logit is 0.

    Other chairs that are not red say what a sentence about a red one that is not there says too.
    """
    with_none = functional.pad(choice, (0, 1))
    return share_term(with_none, torch.cat((targets.places[0], targets.absent.float()[:, None]), dim=1))


def share_term(logits: Tensor, overlaps: Tensor) -> Tensor:
    """Return the cross-entropy of logits (b, n) with shares by the square of the overlaps (b, n) that are right.

    Sentences without any right proposal are left out.
    """
    wanted = torch.where(overlaps > RIGHT, overlaps.square(), 0.0)
    total = wanted.sum(dim=1)
    there = total > 0
    if not bool(there.any()):
        return logits.sum() * 0
    shares = wanted[there] / total[there, None]
    term: Tensor = -(shares * logits[there].log_softmax(dim=1)).sum(dim=1).mean()
    return term


def corner_term(boxes: Tensor, targets: ProposalTargets) -> Tensor:
    """Return how far the boxes (n, 6) of proposals on a target are from it, in its edges."""
    row, proposal = (targets.places[0] > REFINED).nonzero().T
    if len(row) == 0:
        return boxes.sum() * 0
    truth = targets.boxes[row]
    edges = (truth[:, 3:] - truth[:, :3]).clamp(min=0.05).repeat(1, 2)
    return functional.smooth_l1_loss(boxes[proposal] / edges, truth / edges, beta=0.1)


def category_table(samples: Sequence[ProposalSample]) -> dict[str, int]:
    """Return a number for each category in the scenes."""
    names = sorted({name for sample in samples for name in sample.truth.categories})
    return {name: place for place, name in enumerate(names)}

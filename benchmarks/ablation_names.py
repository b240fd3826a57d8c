"""Naming furniture that was trained on, and furniture that was not: the part of the decoder that looks at one proposal.

Whether a proposal is a thing and what it is called is learnt from the proposal alone (`ProposalEmbedding`). It is
trained here by itself, on half of the furniture, and asked about both halves in homes that were not trained on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from ablation_homes_world import Budget, Homes
from ablation_rooms import RIGHT, reader
from torch import Tensor

from locate3d_ros.localization.proposal_localizer import MAX_IOU
from locate3d_ros.localization.suppression import thinned_best
from locate3d_ros.model.proposal_decoder import ProposalDecoder
from locate3d_ros.training.config import ProposalConfig, TrainingConfig
from locate3d_ros.training.proposal_module import ProposalBatch, ProposalModule, ProposalScenePass, category_table
from locate3d_ros.training.proposal_scenes import ProposalSample
from locate3d_ros.training.proposal_targets import SHOWS
from locate3d_ros.training.proposal_task import starting_decoder


@dataclass(frozen=True)
class Names:
    """The categories of all furniture, and their vectors."""

    places: dict[str, int]
    vectors: Tensor  # [c, text_dim]

    @classmethod
    def of(cls, homes: Homes) -> Names:
        """Read the names of everything in homes."""
        places = category_table([homes.scene(name) for name in homes.expressions])
        return cls(places, reader().sentence_vectors(list(places)))


class NamingModule(ProposalModule):
    """The terms of the loss that need no sentence."""

    def terms(self, sample: ProposalSample, names: Names) -> dict[str, Tensor]:
        """Return whether proposals of a home are things, and which."""
        return self._naming(sample, ProposalBatch((ProposalScenePass(sample, ()),), names.vectors, names.places))


def trained(homes: Homes, names: Names, seed: int, budget: Budget) -> ProposalDecoder:
    """Train a new decoder to see and to name things."""
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    scenes = [homes.scene(name) for name in homes.expressions]
    module = NamingModule(starting_decoder(TrainingConfig(), homes.trained_on, scenes), ProposalConfig()).train()
    optimizer = torch.optim.AdamW(module.decoder.embedding.parameters(), budget.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, budget.rate, total_steps=budget.steps)
    for _ in range(budget.steps):
        drawn = torch.randperm(len(scenes), generator=order)[: budget.homes].tolist()
        terms = [module.terms(scenes[place], names) for place in drawn]
        optimizer.zero_grad()
        torch.stack([each["things"] + each["names"] for each in terms]).mean().backward()
        optimizer.step()
        schedule.step()
    return module.decoder.eval()


@torch.no_grad()
def graded(
    decoder: ProposalDecoder, homes: Homes, names: Names, half: Callable[[str, int], str], budget: Budget
) -> dict[str, float]:
    """Return how often each half's objects are named rightly, and found by their name where a home has one of it."""
    right: dict[str, list[float]] = defaultdict(list)
    for home in homes.expressions:
        sample = homes.scene(home)
        truth, embedded = sample.truth, decoder.embedding(sample.proposals.full())
        things = decoder.embedding.things(embedded)
        rows = thinned_best(things, sample.boxes_map, budget.looked_at, MAX_IOU)
        said = decoder.embedding.names(embedded, names.vectors).log_softmax(dim=1)
        best, nearest = truth.overlaps.max(dim=0)
        for place, (number, category) in enumerate(zip(truth.ids, truth.categories, strict=True)):
            group, column = half(home, number), names.places[category]
            if best[place] > SHOWS:
                right[f"named {group}"].append(float(said[nearest[place]].argmax() == column))
            if truth.categories.count(category) == 1:
                score = said[rows, column] + torch.nn.functional.logsigmoid(things[rows])
                right[f"found {group}"].append(float(truth.overlaps[rows[score.argmax()], place] >= RIGHT))
    shares = {name: sum(values) / len(values) for name, values in right.items()}
    return shares | {f"n {name}": float(len(values)) for name, values in right.items()}

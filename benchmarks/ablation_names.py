"""Naming furniture that was trained on, and furniture that was not: the part of the decoder that looks at one proposal.

Whether a proposal is a thing and what it is called is learnt from the proposal alone (`ProposalEmbedding`). It is
trained here by itself, on half of the furniture, and asked about both halves in homes that were not trained on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from ablation_homes_world import HALVES, Budget, Half, Homes, World, halves
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

KEPT_OUT = 6  # of so many training homes one is not trained on, but asked about


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


@dataclass(frozen=True)
class Course:
    """Homes that new models learn to name half of the furniture from, and homes that ask about all of it."""

    world: World
    half_of: dict[str, str]  # half of each model of furniture
    learnt: dict[str, Homes]  # homes with a half alone
    asked: Homes
    names: Names
    budget: Budget

    @classmethod
    def of(cls, world: World, budget: Budget) -> Course:
        """Part homes into those that are trained on and those that are asked about."""
        half_of, ids = halves(world), list(world.homes.expressions)
        first = len(ids) - max(1, len(ids) // KEPT_OUT)
        homes, asked = world.homes.only(ids[:first]), world.homes.only(ids[first:])
        learnt = {half: Half(world, half_of, half).homes(homes) for half in HALVES}
        return cls(world, half_of, learnt, asked, Names.of(world.homes), budget)

    def half(self, home: str, number: int) -> str:
        """Return the half that an object is of."""
        return self.half_of.get(self.world.models(home)[number], "neither")

    def figures(self, learnt: Homes, group: Callable[[str, int], str], seed: int) -> dict[str, float]:
        """Train a new model on homes, and return its figures of every group of things."""
        decoder = trained(learnt, self.names, seed, self.budget)
        return graded(decoder, self.asked, self.names, group, self.budget)


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
    decoder: ProposalDecoder, homes: Homes, names: Names, group: Callable[[str, int], str], budget: Budget
) -> dict[str, float]:
    """Return how often each group's objects are named rightly, and found by their name where a home has one of it."""
    right: dict[str, list[float]] = defaultdict(list)
    for home in homes.expressions:
        sample = homes.scene(home)
        truth, embedded = sample.truth, decoder.embedding(sample.proposals.full())
        things = decoder.embedding.things(embedded)
        rows = thinned_best(things, sample.boxes_map, budget.looked_at, MAX_IOU)
        said = decoder.embedding.names(embedded, names.vectors).log_softmax(dim=1)
        best, nearest = truth.overlaps.max(dim=0)
        for place, (number, category) in enumerate(zip(truth.ids, truth.categories, strict=True)):
            mine, column = group(home, number), names.places[category]
            if best[place] > SHOWS:
                right[f"named {mine}"].append(float(said[nearest[place]].argmax() == column))
            if truth.categories.count(category) == 1:
                score = said[rows, column] + torch.nn.functional.logsigmoid(things[rows])
                right[f"found {mine}"].append(float(truth.overlaps[rows[score.argmax()], place] >= RIGHT))
    shares = {name: sum(values) / len(values) for name, values in right.items()}
    return shares | {f"n {name}": float(len(values)) for name, values in right.items()}

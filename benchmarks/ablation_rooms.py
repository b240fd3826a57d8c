"""What rooms add to a trained decoder: a small head that is told of them, on scores that do not change.

The decoder is frozen. What it says of every sentence is computed once; a head then adds, to the score of every
proposal, how well the sentence's words fit the room that the proposal is in. That is the room part of the decoder
itself (`RoomContext`), trained alone, so that a run takes seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from ablation_homes_report import TOLD_WHICH
from ablation_homes_world import Budget, Homes, World, true_rooms
from torch import Tensor

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.geometry.boxes import box_iou
from locate3d_ros.localization.proposal_localizer import MAX_IOU, shifted
from locate3d_ros.localization.proposal_measures import measure_pairs
from locate3d_ros.localization.suppression import thinned_best
from locate3d_ros.model.proposal_decoder import ProposalDecoder
from locate3d_ros.model.proposal_reader import padded
from locate3d_ros.model.proposal_rooms import RoomContext
from locate3d_ros.model.text import MiniLm
from locate3d_ros.training.proposal_module import share_term

RIGHT = 0.25  # IoU of an answer, as in Acc@25

Kinds = Callable[[GroundedExpression], Sequence[str]]


@dataclass(frozen=True)
class FrozenHome:
    """What the trained decoder says about a home: n proposals, b sentences of up to t words."""

    name: str
    tokens: Tensor  # [n, d]
    rooms: dict[str, Tensor]  # [n] by arm; without rooms every proposal is told of itself alone
    words: Tensor  # [b, t, d]
    there: Tensor  # [b, t] bool
    choice: Tensor  # [b, n]
    overlaps: Tensor  # [b, n] of each proposal with what the sentence means
    right: Tensor  # [b, n] bool: it would be a right answer, its box corrected
    kinds: tuple[tuple[str, ...], ...]  # [b]


@lru_cache(maxsize=1)
def reader() -> MiniLm:
    """Load the text encoder, once for all."""
    return MiniLm(torch.device("cpu"))


@torch.no_grad()
def frozen(decoder: ProposalDecoder, homes: Homes, world: World, kinds: Kinds, looked_at: int) -> list[FrozenHome]:
    """Ask a decoder everything about homes of a world; sentences about what is not there are left out."""
    found = []
    for name, everything in homes.expressions.items():
        sample, said = homes.scene(name), [each for each in everything if each.target_ids]
        embedded = decoder.embedding(sample.proposals.full())
        rows = thinned_best(decoder.embedding.things(embedded), sample.boxes_map, looked_at, MAX_IOU)
        scene = decoder.encode(embedded[rows], measure_pairs(sample.boxes[rows], sample.viewpoint, sample.rooms[rows]))
        states, there = padded([reader().token_states(each.text).states for each in said])
        words = decoder.sentence(decoder.words(states), src_key_padding_mask=~there)
        columns = [[k for k, number in enumerate(sample.truth.ids) if number in each.target_ids] for each in said]
        boxes = box_iou(shifted(sample.boxes_map[rows], scene.box_shift), sample.truth.boxes)
        built = true_rooms(world.dataset.scene(name).rooms(), sample.boxes_map[rows])
        found.append(
            FrozenHome(
                name,
                scene.tokens,
                {"no rooms": torch.arange(len(rows)), "rooms": sample.rooms[rows], "true rooms": built},
                words,
                there,
                decoder(scene, states, there).choice,
                torch.stack([best(sample.truth.overlaps[rows], each) for each in columns]),
                torch.stack([best(boxes, each) >= RIGHT for each in columns]),
                tuple((*kinds(each), "all") for each in said),
            )
        )
    return found


def best(overlaps: Tensor, columns: Sequence[int]) -> Tensor:
    """Return the best overlap (n,) with any of some objects; none where none of them was seen."""
    return overlaps[:, list(columns)].amax(dim=1) if columns else torch.zeros(len(overlaps))


def trained(decoder: ProposalDecoder, homes: Sequence[FrozenHome], arm: str, seed: int, budget: Budget) -> RoomContext:
    """Train the head of an arm."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    head = RoomContext(decoder.config).train()
    optimizer = torch.optim.AdamW(head.parameters(), budget.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, budget.steps)
    for _ in range(budget.steps):
        drawn = torch.randperm(len(homes), generator=generator)[: budget.homes].tolist()
        losses = [share_term(scored(head, homes[place], arm), homes[place].overlaps) for place in drawn]
        optimizer.zero_grad()
        torch.stack(losses).mean().backward()
        optimizer.step()
        schedule.step()
    return head.eval()


def scored(head: RoomContext | None, home: FrozenHome, arm: str) -> Tensor:
    """Return the score (b, n) of every proposal for every sentence."""
    if head is None:
        return within(home) if arm == TOLD_WHICH else home.choice
    rooms = home.rooms[arm]
    _, vectors = head(home.tokens, rooms[:, None] == rooms[None])
    return home.choice + head.score(vectors, home.words, home.there)


def within(home: FrozenHome) -> Tensor:
    """Return the decoder's scores (b, n) in the room, as it was found, of what best shows what is meant."""
    rooms = home.rooms["rooms"]
    meant = rooms[home.overlaps.argmax(dim=1)]
    return home.choice.masked_fill(rooms[None] != meant[:, None], -torch.inf)


@torch.no_grad()
def graded(head: RoomContext | None, homes: Sequence[FrozenHome], arm: str) -> dict[str, float]:
    """Return Acc@25 by kind of sentence, and how many there are of it; every home is a kind too."""
    right: dict[str, list[float]] = defaultdict(list)
    for home in homes:
        chosen = scored(head, home, arm).argmax(dim=1)
        for row, kinds in enumerate(home.kinds):
            for kind in (*kinds, f"home {home.name}"):
                right[kind].append(float(home.right[row, chosen[row]]))
    shares = {kind: sum(values) / len(values) for kind, values in right.items()}
    return shares | {f"n {kind}": float(len(values)) for kind, values in right.items()}

"""Whole homes as the ablations need them: with their true rooms, and with half of the furniture."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from locate3d_ros.data.annotations import GroundedExpression, Span
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.data.scene_folder import SceneObject, SceneRoom
from locate3d_ros.geometry.boxes import box_iou
from locate3d_ros.model.checkpoint import TrainedOn
from locate3d_ros.training.proposal_scenes import MeasuredSource, ProposalSample

HALVES = ("A", "B")
SHOWS = 0.1  # IoU from which a proposal shows furniture that is not to be seen
MOSTLY = 0.5  # share of a proposal that lies in it, likewise
OTHERS = 4  # of so many sentences about something else one is asked beside those about rooms


@dataclass(frozen=True)
class Budget:
    """What every arm gets alike."""

    steps: int
    rate: float
    homes: int  # of a step
    looked_at: int = 192


@dataclass(frozen=True)
class Homes:
    """Measured homes with sentences about them (what the trainer calls a source)."""

    expressions: Mapping[str, Sequence[GroundedExpression]]
    scene: Callable[[str], ProposalSample]
    trained_on: TrainedOn

    def only(self, names: Sequence[str]) -> Homes:
        """Return some of the homes."""
        return replace(self, expressions={name: self.expressions[name] for name in names})

    def changed(self, change: Callable[[ProposalSample], ProposalSample]) -> Homes:
        """Return the homes with every one changed, once."""
        read = self.scene
        return replace(self, scene=lru_cache(maxsize=None)(lambda name: change(read(name))))


@dataclass(frozen=True, eq=False)  # each is itself: what is read of it is kept
class World:
    """Homes of one data set folder, and what is known of their objects."""

    homes: Homes
    dataset: DatasetFolder

    @classmethod
    def of(cls, folder: Path, split: str) -> World:
        """Read a folder of lifted homes; their proposals are measured where they are not yet."""
        source = MeasuredSource(folder, split)
        return cls(Homes(source.expressions, source.scene, source.trained_on), DatasetFolder(folder))

    @cache  # noqa: B019 - worlds are few and stay
    def objects(self, home: str) -> dict[int, SceneObject]:
        """Return a home's objects by their numbers."""
        return {item.id: item for item in self.dataset.scene(home).objects()}

    @cache  # noqa: B019 - likewise
    def models(self, home: str) -> dict[int, str]:
        """Return the furniture model of each of a home's objects."""
        items = json.loads((self.dataset.scene(home).path / "objects.json").read_text(encoding="utf-8"))
        return {item["id"]: item.get("model", "") for item in items}

    def kinds(self, expression: GroundedExpression) -> list[str]:
        """Return a sentence's kind, and whether only its room tells its target from another thing of that name."""
        if expression.kind != "room":
            return [expression.kind]
        objects = self.objects(expression.scene_id)
        meant = [objects[number] for number in expression.target_ids]
        twins = [item for item in objects.values() if item.category in {each.category for each in meant}]
        elsewhere = {item.room for item in twins} - {each.room for each in meant}
        return ["room", "room, twin elsewhere" if elsewhere else "room, no twin"]


def room_questions(world: World) -> Homes:
    """Return, for each name that things in several rooms bear, one sentence for each room with a single one of them."""
    asked = {}
    for home in world.homes.expressions:
        shown, objects = world.homes.scene(home).truth.ids, world.objects(home)
        where = Counter((objects[number].category, objects[number].room) for number in objects)
        rooms_of = Counter(category for category, _ in where)
        asked[home] = tuple(
            room_question(home, objects[number])
            for number in shown
            if where[objects[number].category, objects[number].room] == 1 < rooms_of[objects[number].category]
        )
    return replace(world.homes, expressions={home: said for home, said in asked.items() if said})


def room_question(home: str, item: SceneObject) -> GroundedExpression:
    """Ask for a thing by its name and its room alone."""
    text = f"the {item.category} in the {item.room}"
    name = tuple(range(1, 1 + len(item.category.split())))
    return GroundedExpression(text, tuple(text.split()), (Span(name, (item.id,)),), (item.id,), home, "room")


def with_questions(world: World, count: int) -> Homes:
    """Return the first homes with their questions about rooms, their room sentences, and a quarter of the others."""
    asked = room_questions(world).expressions
    said = {
        home: (
            *asked.get(home, ()),
            *(each for each in everything if each.kind == "room"),
            *[each for each in everything if each.kind != "room" and each.target_ids][::OTHERS],
        )
        for home, everything in list(world.homes.expressions.items())[:count]
    }
    return replace(world.homes, expressions=said)


def true_rooms(rooms: Sequence[SceneRoom], boxes: Tensor) -> Tensor:
    """Return the room (rectangles, from 0) that the middle of each box (n, 6) is in or nearest to (n,)."""
    middle = ((boxes[:, :2] + boxes[:, 3:5]) / 2).numpy()
    away = [
        np.linalg.norm(
            np.maximum(0, np.maximum(room.polygon.min(axis=0) - middle, middle - room.polygon.max(axis=0))), axis=1
        )
        for room in rooms
    ]
    return torch.from_numpy(np.argmin(away, axis=0)) if away else torch.zeros(len(boxes), dtype=torch.long)


def halves(world: World, seed: int = 0) -> dict[str, str]:
    """Deal the furniture models of every category with several of them into two halves; others are in neither."""
    by_category: dict[str, set[str]] = defaultdict(set)
    for home in world.homes.expressions:
        for number, model in world.models(home).items():
            by_category[world.objects(home)[number].category].add(model)
    rng, dealt = np.random.default_rng(seed), {}
    for _, models in sorted(by_category.items()):
        first = int(rng.integers(2))
        for place, model in enumerate(rng.permutation(sorted(models)) if len(models) > 1 else ()):
            dealt[str(model)] = HALVES[(first + place) % 2]
    return dealt


@dataclass(frozen=True)
class Half:
    """A half of the furniture, as it is trained on: the other half is in no home."""

    world: World
    of: dict[str, str]  # half of each model
    mine: str

    def hidden(self, home: str) -> set[int]:
        """Return the objects of a home that are not to be seen."""
        return {
            number for number, model in self.world.models(home).items() if self.of.get(model, self.mine) != self.mine
        }

    def without(self, sample: ProposalSample) -> ProposalSample:
        """Return a home without the other half's furniture, and without the proposals that show it."""
        truth, hidden = sample.truth, self.hidden(sample.scene_id)
        gone = torch.tensor([number in hidden for number in truth.ids], dtype=torch.bool)
        shown = (
            seen(sample.boxes_map, truth.boxes[gone])
            if gone.any()
            else torch.zeros(len(sample.boxes), dtype=torch.bool)
        )
        return part_of(sample, (~shown).nonzero()[:, 0], (~gone).nonzero()[:, 0].tolist())

    def homes(self, homes: Homes) -> Homes:
        """Return homes as this half sees them."""
        return homes.changed(self.without)


def part_of(sample: ProposalSample, rows: Tensor, left: Sequence[int]) -> ProposalSample:
    """Return a home with some of its proposals (their rows) and some of its objects (their places) alone."""
    truth = sample.truth
    return replace(
        sample,
        boxes=sample.boxes[rows],
        boxes_map=sample.boxes_map[rows],
        rooms=sample.rooms[rows],
        proposals=sample.proposals.rows(rows),
        truth=replace(
            truth,
            ids=tuple(truth.ids[place] for place in left),
            categories=tuple(truth.categories[place] for place in left),
            boxes=truth.boxes[left],
            overlaps=truth.overlaps[rows][:, left],
            likeness=truth.likeness[rows][:, left],
        ),
    )


def seen(boxes: Tensor, objects: Tensor) -> Tensor:
    """Say which boxes (n, 6) show one of the objects (o, 6), or a part of one."""
    low = torch.maximum(boxes[:, None, :3], objects[None, :, :3])
    edges = torch.minimum(boxes[:, None, 3:], objects[None, :, 3:]) - low
    volume = (boxes[:, 3:] - boxes[:, :3]).clamp(min=1e-3).prod(dim=1)
    within = edges.clamp(min=0).prod(dim=2) / volume[:, None]
    shows: Tensor = ((box_iou(boxes, objects) > SHOWS) | (within > MOSTLY)).any(dim=1)
    return shows


def room_figures(world: World) -> dict[str, float]:
    """Return how rightly two seen things of a home are said to be in the same room, as means over homes.

    `alone` is the precision of saying so of all, `exact` the share of homes whose number of rooms is right.
    """
    figures = []
    for home in world.homes.expressions:
        sample = world.homes.scene(home)
        found = rooms_of_objects(sample)
        built = true_rooms(world.dataset.scene(home).rooms(), sample.truth.boxes)
        pairs = torch.triu_indices(len(built), len(built), 1)
        said, true = ((rooms[:, None] == rooms)[pairs[0], pairs[1]] for rooms in (found, built))
        both = float((said & true).sum())
        figures.append(
            {
                "precision": both / max(1, int(said.sum())),
                "recall": both / max(1, int(true.sum())),
                "alone": float(true.float().mean()) if len(true) else 1.0,
                "exact": float(len(found.unique()) == len(built.unique())),
            }
        )
    return {name: sum(each[name] for each in figures) / len(figures) for name in figures[0]}


def rooms_of_objects(sample: ProposalSample) -> Tensor:
    """Return the room of the proposal that shows each object best (o,)."""
    rooms: Tensor = sample.rooms[sample.truth.overlaps.argmax(dim=0)]
    return rooms

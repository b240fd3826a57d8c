"""Descriptions of things, and what in a scene they are true of: the check that a sentence means exactly one thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest

import numpy as np

from locate3d_ros.data.synthetic.naming import colour_match, could_be
from locate3d_ros.data.synthetic.relations import RELATIONS, Layout, Truth, between, extreme
from locate3d_ros.data.synthetic.scene import Scene, SceneObject

EXTREMES = {"nearest to": False, "farthest from": True}  # relation -> whether the farthest is meant


@dataclass(frozen=True)
class Description:
    """What is said of a thing: "the small red mug on the table in the kitchen"."""

    name: str
    colour: str = ""
    material: str = ""
    size: str = ""
    room: str = ""
    relation: str = ""  # one of RELATIONS, EXTREMES or "between"
    anchors: tuple[Description, ...] = field(default=())


@dataclass(frozen=True)
class Asked:
    """A description, what it means and what its anchors mean (indices of objects)."""

    kind: str
    description: Description
    target: int | None
    anchors: tuple[int, ...] = ()


def in_turn(sorts: Iterable[Iterable[Asked]], count: int) -> list[Asked]:
    """Take up to `count`, one of each sort after the other, so that every sort is as frequent as any other."""
    return list(islice(filter(None, chain.from_iterable(zip_longest(*sorts))), count))


class SceneGraph:
    """What holds between the things of a scene."""

    def __init__(self, scene: Scene, layout: Layout) -> None:
        self.objects: tuple[SceneObject, ...] = scene.objects
        self.layout = layout
        self.relations: Mapping[str, Truth] = {name: _apart(holds(layout)) for name, holds in RELATIONS.items()}
        self._names = {o.name for o in scene.objects}

    def named(self, name: str) -> Truth:
        """Tell of every thing [n] whether it has a name."""
        table = {own: could_be(own, name) for own in self._names}
        return np.asarray([table[o.name] for o in self.objects])

    def truth(self, description: Description) -> Truth:
        """Tell of every thing [n] whether a description is true of it: 1, 0.5 (perhaps) or 0."""
        true = self.named(description.name)
        if description.colour:
            true = np.minimum(true, [colour_match(o.colour, description.colour) for o in self.objects])
        if description.material:
            true = np.minimum(true, [_match(o.material, description.material) for o in self.objects])
        if description.size:
            true = np.minimum(true, [self._sized(o, description) for o in self.objects])
        if description.room:
            true = np.minimum(true, [float(o.room == description.room) for o in self.objects])
        return np.minimum(true, self._related(description, true)) if description.relation else true

    def meant(self, description: Description) -> int | None:
        """Return the index of the one thing that a description means; None where it may mean several or none."""
        true = self.truth(description)
        sure = np.flatnonzero(true == 1.0)
        return int(sure[0]) if len(sure) == 1 and np.count_nonzero(true) == 1 else None

    def _related(self, description: Description, candidates: Truth) -> Truth:
        anchors = [self.truth(a) for a in description.anchors]
        if description.relation == "between":
            return self._between(anchors)
        if description.relation in EXTREMES:
            group, farthest = np.flatnonzero(candidates), EXTREMES[description.relation]
            per_anchor = [
                np.minimum(anchors[0][a], extreme(self.layout, group, int(a), farthest))
                for a in np.flatnonzero(anchors[0])
            ]
            return np.max(per_anchor, axis=0) if per_anchor else np.zeros(len(self.objects))
        return np.asarray(np.minimum(self.relations[description.relation], anchors[0][None]).max(axis=1))

    def _between(self, anchors: list[Truth]) -> Truth:
        true = np.zeros(len(self.objects))
        for first in np.flatnonzero(anchors[0]):
            for second in np.flatnonzero(anchors[1]):
                if first != second:
                    both = min(anchors[0][first], anchors[1][second])
                    true = np.maximum(true, np.minimum(both, between(self.layout, int(first), int(second))))
        return true

    def _sized(self, item: SceneObject, description: Description) -> float:
        """Sizes are relative to others of exactly the same name."""
        if item.name != description.name:
            return 0.5
        return float(item.size == description.size)


def _match(value: str, asked: str) -> float:
    return 0.5 if not value else float(value == asked)


def _apart(truth: Truth) -> Truth:
    """Nothing has a relation to itself."""
    np.fill_diagonal(truth, 0.0)
    return truth

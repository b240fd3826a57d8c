"""Descriptions that are true of nothing by one word alone: the red chair where all chairs are brown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from locate3d_ros.data.synthetic.descriptions import EXTREMES, Asked, Description, SceneGraph, in_turn
from locate3d_ros.data.synthetic.painting import PALETTE
from locate3d_ros.data.synthetic.relations import RELATIONS


def near_misses(graph: SceneGraph, true: Sequence[Asked], count: int, rng: np.random.Generator) -> list[Asked]:
    """Change one word each of true descriptions to `count`, or fewer, of which nothing in the scene is meant.

    Every sort of change is as frequent as any other, as far as the scene allows.
    """
    return in_turn(_Changes(graph, true, rng).all(), count)


class _Changes:
    """Each sort of change, tried on one true description after the other."""

    def __init__(self, graph: SceneGraph, true: Sequence[Asked], rng: np.random.Generator) -> None:
        self._graph, self._rng = graph, rng
        # A superlative is true of whatever is the only one: another word in it proves nothing.
        self._true = [asked for asked in true if asked.description.relation not in EXTREMES]
        self._names = sorted({item.name for item in graph.objects})
        self._rooms = sorted({item.room for item in graph.objects if item.room})
        self._found: set[Description] = set()

    def all(self) -> list[Iterator[Asked]]:
        """Return the near misses of each sort, as they are found, none of them twice."""
        changes = (self._coloured, self._elsewhere, self._renamed, self._lying_otherwise, self._at_another)
        return [self._misses(change) for change in changes]

    def _misses(self, change: Callable[[Asked], Asked | None]) -> Iterator[Asked]:
        for index in self._rng.permutation(len(self._true)):
            asked = change(self._true[index])
            if asked is None or asked.description in self._found or self._graph.truth(asked.description).any():
                continue
            self._found.add(asked.description)
            yield replace(asked, kind="absent", target=None)

    def _coloured(self, asked: Asked) -> Asked:
        return _saying(asked, colour=self._any(sorted(PALETTE)))

    def _elsewhere(self, asked: Asked) -> Asked | None:
        if asked.description.relation or not self._rooms:
            return None
        return _saying(asked, room=self._any(self._rooms))

    def _renamed(self, asked: Asked) -> Asked | None:
        if not (asked.description.relation or asked.description.room):
            return None
        return _saying(asked, name=self._any(self._names), colour="", material="", size="")

    def _lying_otherwise(self, asked: Asked) -> Asked | None:
        if asked.description.relation not in RELATIONS:
            return None
        return _saying(asked, relation=self._any(list(RELATIONS)))

    def _at_another(self, asked: Asked) -> Asked | None:
        other = self._true[int(self._rng.integers(len(self._true)))]
        if not asked.anchors or len(other.anchors) != len(asked.anchors):
            return None
        return replace(_saying(asked, anchors=other.description.anchors), anchors=other.anchors)

    def _any(self, words: Sequence[str]) -> str:
        return str(self._rng.choice(words))


def _saying(asked: Asked, **words: Any) -> Asked:  # noqa: ANN401 - fields of Description
    return replace(asked, description=replace(asked.description, **words))

"""Homes that change between two walks: things are moved, taken away and added."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from locate3d_ros.data.synthetic.mesh import Floats, Mesh
from locate3d_ros.data.synthetic.models import Model, load_light_mesh
from locate3d_ros.data.synthetic.placement import DOOR_CLEARANCE, GAP, object_of, rest_height
from locate3d_ros.data.synthetic.scene import Scene, SceneObject
from locate3d_ros.data.synthetic.sizes import with_sizes
from locate3d_ros.data.synthetic.world import BACKGROUND

SHARE = 0.12  # of all small things that are moved, and that are taken away; as many are added
LARGEST = 1.3  # metres: what is larger stays where it is
BUILT_IN = {"window", "door", "picture", "rug"}
TRIES = 40


@dataclass(frozen=True)
class Change:
    """What happened to one thing between two walks; None where it was (or is) not there."""

    kind: str  # moved, removed or added
    before: SceneObject | None
    after: SceneObject | None

    def as_json(self, frame: int) -> dict[str, Any]:
        """Describe the change as seen from `frame` on."""
        item = self.after or self.before
        assert item is not None
        return {
            "frame": frame,
            "kind": self.kind,
            "id": item.id,
            "name": item.name,
            "before": _place_json(self.before),
            "after": _place_json(self.after),
        }


def changed(scene: Scene, models: Sequence[Model], rng: np.random.Generator) -> tuple[Scene, list[Change]]:
    """Return the home as it is some time later, and what happened; ids stay with their things."""
    small = [o for o in scene.objects if _is_loose(o, scene.objects)]
    order = [small[i] for i in rng.permutation(len(small))]
    count = max(1, round(SHARE * len(small)))
    home = _Changing(scene, rng)
    for item in order[:count]:
        home.remove(item)
    for item in order[count : 3 * count]:
        if sum(c.kind == "moved" for c in home.changes) < count:
            home.move(item)
    tops = [m for m in models if m.role == "top"]
    for index in rng.permutation(len(tops))[: 3 * count]:
        if sum(c.kind == "added" for c in home.changes) < count:
            home.add(tops[int(index)])
    return replace(scene, objects=with_sizes(home.objects)), home.changes


def _is_loose(item: SceneObject, objects: Sequence[SceneObject]) -> bool:
    """Whether somebody might carry a thing away: it is not large, not built in, and carries nothing."""
    carries = any(o.support == item.id for o in objects)
    small = float((item.mesh.high - item.mesh.low).max()) < LARGEST
    return small and not carries and item.name not in BUILT_IN


class _Changing:
    """A home while it is changed."""

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        self._scene, self._rng = scene, rng
        self._supports = [o for o in scene.objects if any(other.support == o.id for other in scene.objects)]
        self._next_id = max((o.id for o in scene.objects), default=0) + 1
        self.objects = list(scene.objects)
        self.changes: list[Change] = []

    def remove(self, item: SceneObject) -> None:
        self.objects = [o for o in self.objects if o.id != item.id]
        self.changes.append(Change("removed", item, None))

    def move(self, item: SceneObject) -> None:
        """Carry a thing to another place of its kind: from one support to another, or across its room."""
        others = [o for o in self.objects if o.id != item.id]
        low, high = item.mesh.low, item.mesh.high
        upright = item.mesh.moved(-float(low[0] + high[0]) / 2.0, -float(low[1] + high[1]) / 2.0, -float(low[2]))
        if item.support == BACKGROUND:
            moved = self._on_floor(item, upright, others)
        else:
            moved = self._on_support(item, upright, others)
        if moved is not None:
            self.objects = [moved if o.id == item.id else o for o in self.objects]
            self.changes.append(Change("moved", item, moved))

    def add(self, model: Model) -> None:
        """Put something new onto a support."""
        item = replace(object_of(model, load_light_mesh(model), self._rng), id=self._next_id)
        placed = self._on_support(item, item.mesh, self.objects)
        if placed is not None:
            self._next_id += 1
            self.objects.append(placed)
            self.changes.append(Change("added", None, placed))

    def _on_support(self, item: SceneObject, mesh: Mesh, others: Sequence[SceneObject]) -> SceneObject | None:
        supports = [s for s in self._supports if s.id != item.support and s.name != item.name]
        for _ in range(TRIES if supports else 0):
            support = supports[int(self._rng.integers(len(supports)))]
            x, y = self._rng.uniform(support.mesh.low[:2], support.mesh.high[:2])
            flat = mesh.moved(float(x), float(y), 0.0, float(self._rng.uniform(-math.pi, math.pi)))
            height = rest_height(support.mesh, flat, 0.012)
            placed = None if height is None else flat.moved(0.0, 0.0, height + 0.001)
            if placed is not None and _is_free(placed, [o for o in others if o.id != support.id]):
                return replace(item, mesh=placed, support=support.id, room=support.room)
        return None

    def _on_floor(self, item: SceneObject, mesh: Mesh, others: Sequence[SceneObject]) -> SceneObject | None:
        room = next(r for r in self._scene.rooms if r.name == item.room)
        for _ in range(TRIES):
            x, y = self._rng.uniform(room.low, room.high)
            placed = mesh.moved(float(x), float(y), 0.0, float(self._rng.uniform(-math.pi, math.pi)))
            inside = (placed.low[:2] > np.asarray(room.low) + GAP).all() and (
                placed.high[:2] < np.asarray(room.high) - GAP
            ).all()
            solid = [o for o in others if o.name != "rug"]
            if inside and _is_free(placed, solid) and not self._before_a_door(placed):
                return replace(item, mesh=placed)
        return None

    def _before_a_door(self, mesh: Mesh) -> bool:
        boxes = [(np.asarray(d.low), np.asarray(d.high)) for d in self._scene.doorways]
        boxes += [(o.mesh.low[:2], o.mesh.high[:2]) for o in self._scene.objects if o.name == "door"]
        return any(_overlaps(mesh.low[:2], mesh.high[:2], a - DOOR_CLEARANCE, b + DOOR_CLEARANCE) for a, b in boxes)


def _is_free(mesh: Mesh, others: Sequence[SceneObject]) -> bool:
    return not any(_overlaps(mesh.low, mesh.high, o.mesh.low - GAP, o.mesh.high + GAP) for o in others)


def _overlaps(low: Floats, high: Floats, other_low: Floats, other_high: Floats) -> bool:
    return bool((low < other_high).all() and (other_low < high).all())


def _place_json(item: SceneObject | None) -> dict[str, Any] | None:
    if item is None:
        return None
    low, high = ([round(float(v), 4) for v in corner] for corner in (item.mesh.low, item.mesh.high))
    return {"box_min": low, "box_max": high, "room": item.room, "support": item.support}


def episode_json(scenes: Sequence[Scene], lengths: Sequence[int], changes: Sequence[Change]) -> dict[str, Any]:
    """Describe what was where in every pass, and what changed before the frame at which the second begins."""
    passes, start = [], 0
    for scene, length in zip(scenes, lengths, strict=True):
        objects = [{"id": o.id, "name": o.name, **(_place_json(o) or {})} for o in scene.objects]
        passes.append({"first_frame": start, "last_frame": start + length - 1, "objects": objects})
        start += length
    return {"passes": passes, "changes": [change.as_json(lengths[0]) for change in changes]}

"""Sentences about a scene that are true of exactly one thing in it, or of nothing, with what their words mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from locate3d_ros.data.annotations.grounded_expression import GroundedExpression
from locate3d_ros.data.synthetic.descriptions import EXTREMES, Asked, Description, SceneGraph, in_turn
from locate3d_ros.data.synthetic.models import MODELS, TRAINING_MODELS
from locate3d_ros.data.synthetic.naming import ELSEWHERE, could_be
from locate3d_ros.data.synthetic.near_misses import near_misses
from locate3d_ros.data.synthetic.painting import PALETTE
from locate3d_ros.data.synthetic.phrasing import Speaker
from locate3d_ros.data.synthetic.relations import RELATIONS, layout_of
from locate3d_ros.data.synthetic.scene import Scene

MIN_PIXELS = 400  # an object that all frames together saw less of is not talked about
# Things that are no landmark: too flat, or part of every wall.
NO_ANCHORS = {"rug", "picture", "window", "door"}
KINDS: Mapping[str, float] = {"class": 0.16, "attribute": 0.18, "relation": 0.36, "room": 0.12, "absent": 0.18}


@dataclass(frozen=True)
class Viewer:
    """What is known of the recording: pixels that saw each object id, the last pose, and what is in the last image."""

    pixels: Mapping[int, int]
    T_map_camera: np.ndarray  # type: ignore[type-arg]  # [4, 4]
    visible: frozenset[int]


def expressions(
    scene: Scene, viewer: Viewer, split: str, count: int, seed: Sequence[int], misses: int = 0
) -> list[GroundedExpression]:
    """Return about `count` sentences of all kinds; those about a present thing mean exactly one that was seen.

    After them come up to `misses` more that are true of nothing by one word alone.
    """
    rng = np.random.default_rng(list(seed))
    graph = SceneGraph(scene, layout_of(scene, viewer.T_map_camera, set(viewer.visible)))
    seen = [i for i, o in enumerate(scene.objects) if viewer.pixels.get(o.id, 0) >= MIN_PIXELS]
    models = MODELS if split == "val" else (*MODELS, *TRAINING_MODELS)
    names = sorted({m.name for m in models} | set(ELSEWHERE))
    asked = _Composer(graph, seen, names, rng).all()
    chosen = [a for kind, share in KINDS.items() for a in _some(rng, asked[kind], max(1, round(share * count)))]
    true = [a for kind, group in asked.items() if kind != "absent" for a in group]
    chosen += near_misses(graph, true, misses, np.random.default_rng([*seed, 1]))
    speaker = Speaker(split, rng)
    return [_expression(a, graph, speaker, scene.id) for a in chosen]


def _some(rng: np.random.Generator, asked: Sequence[Asked], count: int) -> list[Asked]:
    """Choose without repeating; every sort of relation is as likely as any other."""
    sorts: dict[str, list[Asked]] = {}
    for index in rng.permutation(len(asked)):
        sorts.setdefault(asked[index].description.relation, []).append(asked[index])
    return in_turn(map(reversed, sorts.values()), count)


def _expression(asked: Asked, graph: SceneGraph, speaker: Speaker, scene_id: str) -> GroundedExpression:
    target = () if asked.target is None else (graph.objects[asked.target].id,)
    meant = {"T": target} | {name: (graph.objects[a].id,) for name, a in zip("AB", asked.anchors, strict=False)}
    sentence = speaker.say(asked.description, meant)
    return GroundedExpression(" ".join(sentence.tokens), sentence.tokens, sentence.spans, target, scene_id, asked.kind)


class _Composer:
    """Finds what can be said of a scene, kind by kind."""

    def __init__(self, graph: SceneGraph, seen: Sequence[int], names: Sequence[str], rng: np.random.Generator) -> None:
        self._graph, self._seen, self._names, self._rng = graph, seen, names, rng
        self._anchors = {i: d for i in seen if (d := self._shortest(i)) and graph.objects[i].name not in NO_ANCHORS}

    def all(self) -> dict[str, list[Asked]]:
        """Return every kind's sentences."""
        related = self._related()
        return {
            "class": self._sure("class", [Description(self._name(i)) for i in self._seen]),
            "attribute": self._sure("attribute", [d for i in self._seen for d in self._with_attributes(i)]),
            "relation": related,
            "room": self._in_rooms(),
            "absent": self._absent(related),
        }

    def _name(self, index: int) -> str:
        return self._graph.objects[index].name

    def _sure(self, kind: str, descriptions: Sequence[Description]) -> list[Asked]:
        """Keep the descriptions that mean exactly one thing, and that one was seen."""
        found = [(d, self._graph.meant(d)) for d in dict.fromkeys(descriptions)]
        return [Asked(kind, d, target) for d, target in found if target is not None and target in self._seen]

    def _with_attributes(self, index: int) -> list[Description]:
        item = self._graph.objects[index]
        plain = Description(item.name)
        said = [replace(plain, colour=item.colour)] if item.colour else []
        said += [replace(plain, material=item.material)] if item.material else []
        said += [replace(plain, size=item.size)] if item.size else []
        if item.colour and item.material:
            said.append(replace(plain, colour=item.colour, material=item.material))
        if item.colour and item.size:
            said.append(replace(plain, colour=item.colour, size=item.size))
        return said

    def _shortest(self, index: int) -> Description | None:
        """Return the shortest description that means a thing alone: name, then colour, then room."""
        item = self._graph.objects[index]
        tries = [Description(item.name)]
        tries += [Description(item.name, colour=item.colour)] if item.colour else []
        tries += [Description(item.name, room=item.room)]
        return next((d for d in tries if self._graph.meant(d) == index), None)

    def _related(self) -> list[Asked]:
        found: list[Asked] = []
        for relation in RELATIONS:
            true = self._graph.relations[relation] == 1.0
            for target in self._seen:
                anchors = [a for a in np.flatnonzero(true[target]) if a in self._anchors]
                found += [a for anchor in anchors for a in self._about(target, relation, (int(anchor),))]
        for relation in EXTREMES:
            for target in self._seen:
                near = [a for a in self._anchors if self._is_landmark(target, a)]
                found += [a for anchor in near for a in self._about(target, relation, (anchor,))]
        return found + self._between()

    def _is_landmark(self, target: int, anchor: int) -> bool:
        """Whether a thing may say which of several it is: in the same room, of another name, on the floor."""
        first, second = self._graph.objects[target], self._graph.objects[anchor]
        several = np.count_nonzero(self._graph.named(first.name)) > 1
        return (
            bool(several)
            and first.room == second.room
            and second.support == 0
            and not could_be(second.name, first.name)
        )

    def _between(self) -> list[Asked]:
        found: list[Asked] = []
        for target in self._seen:
            room = self._graph.layout.room[target]
            near = [a for a in self._anchors if a != target and self._graph.layout.room[a] == room]
            pairs = [(a, b) for k, a in enumerate(near) for b in near[k + 1 :] if self._faces(target, a, b)]
            found += [asked for pair in pairs for asked in self._about(target, "between", pair)]
        return found

    def _faces(self, target: int, first: int, second: int) -> bool:
        """Whether two things are on opposite sides of a third, roughly: a cheap test before the exact one."""
        a, t, b = (self._graph.layout.middle[i, :2] for i in (first, target, second))
        return bool((a - t) @ (b - t) < -0.7 * np.linalg.norm(a - t) * np.linalg.norm(b - t))

    def _about(self, target: int, relation: str, anchors: tuple[int, ...]) -> list[Asked]:
        """Describe a thing by a relation, with as few adjectives as it takes, once in a while with more."""
        item = self._graph.objects[target]
        if relation in EXTREMES and any(could_be(self._name(a), item.name) for a in anchors):
            return []
        described = tuple(self._anchors[a] for a in anchors)
        plain = Description(item.name, relation=relation, anchors=described)
        tries = [plain, replace(plain, colour=item.colour)] if item.colour else [plain]
        if self._rng.random() < 0.25:
            tries = tries[::-1]
        for description in tries:
            if self._graph.meant(description) == target:
                return [Asked("relation", description, target, anchors)]
        return []

    def _in_rooms(self) -> list[Asked]:
        """Say in which room a thing is, mostly where other rooms have such a thing as well."""
        descriptions = []
        for index in self._seen:
            item = self._graph.objects[index]
            elsewhere = [o for o in self._graph.objects if o.room != item.room and could_be(o.name, item.name)]
            if item.room and (elsewhere or self._rng.random() < 0.15):
                descriptions.append(Description(item.name, room=item.room))
                descriptions += [Description(item.name, colour=item.colour, room=item.room)] if item.colour else []
        return self._sure("room", descriptions)

    def _absent(self, related: Sequence[Asked]) -> list[Asked]:
        """Ask for what is not there: other things, other colours, other places."""
        tries: list[tuple[Description, tuple[int, ...]]] = [(Description(name), ()) for name in self._missing_names()]
        colours, rooms = sorted(PALETTE), sorted({o.room for o in self._graph.objects if o.room})
        for index in self._seen:
            item = self._graph.objects[index]
            tries.append((Description(item.name, colour=str(self._rng.choice(colours))), ()))
            tries += [(Description(item.name, room=str(self._rng.choice(rooms))), ())] if rooms else []
        # A superlative is true of whatever is the only one, so that another name proves nothing there.
        for asked in self._sample([a for a in related if a.description.relation not in EXTREMES], 20):
            other = str(self._rng.choice([o.name for o in self._graph.objects]))
            tries.append((replace(asked.description, name=other, colour=""), asked.anchors))
        return [Asked("absent", d, None, anchors) for d, anchors in tries if not self._graph.truth(d).any()]

    def _missing_names(self) -> list[str]:
        missing = [n for n in self._names if not self._graph.named(n).any()]
        return [missing[i] for i in self._rng.permutation(len(missing))[:12]]

    def _sample(self, asked: Sequence[Asked], count: int) -> list[Asked]:
        return [asked[i] for i in self._rng.permutation(len(asked))[:count]]

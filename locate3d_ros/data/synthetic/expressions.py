"""Sentences about a room that are true of exactly one thing in it, or of nothing, with what their words mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from locate3d_ros.data.synthetic.mesh import Mesh
from locate3d_ros.data.synthetic.models import MODELS, PALETTE
from locate3d_ros.data.synthetic.scene import Room, SceneObject

MIN_PIXELS = 400  # an object that all frames together saw less of is not talked about
NEXT_TO = 0.35  # metres: things closer than this are next to each other …
NOT_NEXT_TO = 1.0  # … farther than this they are not; between the two nothing is said
CLEARLY_NEARER = 0.5  # metres by which the nearest must win

# Names that people might use for the same thing: a sentence with one of them says nothing sure about the others.
_ALIKE = (
    {"shelf", "bookcase", "cupboard", "wardrobe"},
    {"cup", "mug", "coffee cup", "milk carton"},
    {"coffee maker", "espresso maker", "espresso machine", "teapot", "mixer", "blender"},
    {"plant", "flowers", "orchid", "cactus", "bonsai tree", "christmas tree"},
    {"tv cabinet", "tv stand", "chest of drawers", "bedside table", "filing cabinet", "kitchen drawers"},
    {"kitchen cabinet", "kitchen drawers", "cupboard", "sink", "bathroom cabinet"},
    {"jar", "vase", "flowers", "candle"},
    {"laptop", "computer", "television"},
    {"cake", "cupcake", "bread"},
    {"shoes", "boots", "slippers"},
    {"trash can", "recycling bin", "laundry basket", "plastic box", "crate"},
    {"oven", "stove", "microwave", "toaster"},
    {"trunk", "suitcase", "crate", "plastic box", "safe", "briefcase", "handbag", "backpack"},
    {"piano", "grand piano"},
    {"desk", "table"},
    {"sofa", "armchair"},
    {"book", "newspaper", "bookcase"},
    {"plate", "coffee cup", "bowl", "fruit bowl"},
    {"refrigerator", "washing machine", "safe"},
    {"floor lamp", "lamp", "desk lamp"},
    {"bed", "crib"},
    {"radio", "telephone", "camera", "printer"},
)
# Colours that people might also give to a thing of this colour.
_NEAR_COLOURS: Mapping[str, set[str]] = {
    "white": {"gray", "yellow"},
    "gray": {"white", "black"},
    "black": {"gray", "brown", "blue"},
    "brown": {"orange", "yellow", "red", "black", "white"},
    "orange": {"brown", "red", "yellow"},
    "red": {"pink", "orange", "brown"},
    "pink": {"red"},
    "yellow": {"orange", "white", "brown", "green"},
    "green": {"yellow", "blue"},
    "blue": {"black", "green"},
}
_ELSEWHERE = ("bicycle", "dog", "motorcycle", "traffic light", "ladder", "surfboard", "lawn mower", "sewing machine")


@dataclass(frozen=True)
class Phrase:
    """Some words of a sentence and the objects they mean."""

    text: str
    objects: tuple[SceneObject, ...]


@dataclass(frozen=True)
class Expression:
    """A sentence, made of the phrase for its target and perhaps a relation to an anchor."""

    kind: str  # class, attribute, relation, absent
    target: Phrase
    relation: str = ""
    anchor: Phrase | None = None

    def as_json(self, scene_id: str) -> dict[str, Any]:
        """Return the sentence as a GroundedExpression (DESIGN 5.5)."""
        first = self.target.text.split()
        tokens, spans = list(first), [(0, self.target)]
        if self.anchor:
            tokens += self.relation.split()
            spans.append((len(tokens), self.anchor))
            tokens += self.anchor.text.split()
        return {
            "text": " ".join(tokens),
            "tokens": tokens,
            "spans": [
                {"tokens": list(range(start, start + len(p.text.split()))), "object_ids": [o.id for o in p.objects]}
                for start, p in spans
                if p.objects
            ],
            "target_ids": [o.id for o in self.target.objects],
            "scene_id": scene_id,
            "kind": self.kind,
        }


def could_be(item: SceneObject, name: str) -> bool:
    """Whether somebody might call an object by this name."""
    if item.name.endswith(name) or name.endswith(item.name):
        return True
    return any(item.name in group and name in group for group in _ALIKE)


def expressions(room: Room, pixels: Mapping[int, int], rng: np.random.Generator) -> list[Expression]:
    """Return all sentences of the templates that hold for a room, and as many about absent things.

    pixels: how many pixels saw each object id. Every sentence about a present thing has one target.
    """
    seen = [o for o in room.objects if pixels.get(o.id, 0) >= MIN_PIXELS]
    present = [
        *_by_class(room, seen),
        *_by_colour(room, seen),
        *_on(room, seen),
        *_next_to(room, seen),
        *_nearest(room, seen),
    ]
    return [*present, *_wrong_colour(room, seen, rng), *_absent(room, rng, max(4, len(present) // 3))]


def _named(room: Room, name: str) -> list[SceneObject]:
    return [o for o in room.objects if could_be(o, name)]


def _by_class(room: Room, seen: Sequence[SceneObject]) -> list[Expression]:
    return [Expression("class", Phrase(f"the {o.name}", (o,))) for o in seen if len(_named(room, o.name)) == 1]


def _by_colour(room: Room, seen: Sequence[SceneObject]) -> list[Expression]:
    """Name and colour. Rivals of the same kind must have a colour of their own, and another."""
    found = []
    for item in seen:
        rivals = [o for o in _named(room, item.name) if o is not item]
        if item.colour and all(o.colour and o.colour != item.colour for o in rivals):
            found.append(Expression("attribute", Phrase(f"the {item.colour} {item.name}", (item,))))
    return found


def _on(room: Room, seen: Sequence[SceneObject]) -> list[Expression]:
    """Say what a thing stands on. No rival of the target may stand on a rival of the support."""
    found = []
    supports = {o.id: o for o in seen}
    for item in seen:
        support = supports.get(item.support)
        if support is None:
            continue
        anchors = {o.id for o in _named(room, support.name)}
        rivals = [o for o in _named(room, item.name) if o is not item and o.support in anchors]
        if not rivals:
            found.append(_related(item, "on", support))
    return found


def _next_to(room: Room, seen: Sequence[SceneObject]) -> list[Expression]:
    found = []
    for anchor in seen:
        if len(_named(room, anchor.name)) > 1 or anchor.name in ("rug", "picture", "window"):
            continue
        for item in seen:
            if item.support != anchor.support or item is anchor or item.name in ("rug", "picture", "window", "door"):
                continue
            others = [gap(o.mesh, anchor.mesh) for o in _named(room, item.name) if o is not item and o is not anchor]
            if gap(item.mesh, anchor.mesh) < NEXT_TO and all(g > NOT_NEXT_TO for g in others):
                found.append(_related(item, "next to", anchor))
    return found


def _nearest(room: Room, seen: Sequence[SceneObject]) -> list[Expression]:
    """Say which of several of one name is nearest to something that there is one of."""
    found = []
    for name in sorted({o.name for o in seen}):
        group = _named(room, name)
        alike = all(o in seen and o.name == name for o in group)
        if len(group) < 2 or not alike or name == "picture":
            continue
        for anchor in seen:
            if anchor in group or len(_named(room, anchor.name)) > 1 or anchor.name == "rug":
                continue
            ranked = sorted(group, key=lambda o, a=anchor: gap(o.mesh, a.mesh))  # type: ignore[misc]
            if gap(ranked[1].mesh, anchor.mesh) - gap(ranked[0].mesh, anchor.mesh) > CLEARLY_NEARER:
                target = Phrase(f"the {name}", (ranked[0],))
                found.append(Expression("relation", target, "nearest to", Phrase(f"the {anchor.name}", (anchor,))))
    return found


def _related(item: SceneObject, relation: str, anchor: SceneObject) -> Expression:
    return Expression(
        "relation", Phrase(f"the {item.name}", (item,)), relation, Phrase(f"the {anchor.name}", (anchor,))
    )


def _wrong_colour(room: Room, seen: Sequence[SceneObject], rng: np.random.Generator) -> list[Expression]:
    """Ask for a thing that is there in a colour that none of its kind has."""
    found = []
    for name in sorted({o.name for o in seen if o.colour}):
        kind = _named(room, name)
        if all(o.colour for o in kind):
            near = set().union(*(_NEAR_COLOURS[o.colour] | {o.colour} for o in kind))
            far = sorted(set(PALETTE) - near)
            if not far:
                continue
            colour = str(rng.choice(far))
            found.append(Expression("absent", Phrase(f"the {colour} {name}", ())))
    return [found[i] for i in sorted(rng.permutation(len(found))[:4])]


def _absent(room: Room, rng: np.random.Generator, count: int) -> list[Expression]:
    """Ask for things that are not in the room, nor anything that might go by their name."""
    names = sorted({m.name for m in MODELS} | set(_ELSEWHERE))
    missing = [n for n in names if not _named(room, n)]
    return [
        Expression("absent", Phrase(f"the {missing[i]}", ())) for i in sorted(rng.permutation(len(missing))[:count])
    ]


def gap(a: Mesh, b: Mesh) -> float:
    """Return the distance between two bounding boxes, metres; 0 where they meet."""
    apart = np.maximum(np.maximum(a.low - b.high, b.low - a.high), 0.0)
    return float(np.linalg.norm(apart))

"""Varies furniture from home to home, so that a model is not learnt by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from locate3d_ros.data.synthetic.made.kinds import KINDS
from locate3d_ros.data.synthetic.models import MADE, Model
from locate3d_ros.data.synthetic.painting import PALETTE

SIZE = 0.12  # of a model: larger or smaller by up to so much
PROPORTION = 0.08  # of each of its three measures, besides
PAINTED = 0.5  # share of the models that may have any colour
NEUTRAL = ("white", "black", "gray", "brown")  # as half of all painted furniture is

_ANY_COLOUR_ROLES = {
    "sofa",
    "armchair",
    "bed",
    "bedside",
    "dining",
    "desk",
    "chair",
    "coffee",
    "tall",
    "low",
    "counter",
}
_ANY_COLOUR_NAMES = {
    *("bar stool", "basket", "backpack", "bean bag", "bench", "book", "bottle", "bowl", "cap", "coffee cup", "crib"),
    *("cup", "desk lamp", "doll house", "fan", "floor lamp", "folding stool", "gift box", "handbag", "jar", "lamp"),
    *("laundry basket", "mug", "plastic box", "plate", "pot", "recycling bin", "shoes", "stool", "stroller"),
    *("suitcase", "teapot", "telephone", "toaster", "trash can", "trunk", "umbrella", "vase"),
}  # fmt: skip


def varied(models: Sequence[Model], rng: np.random.Generator) -> tuple[Model, ...]:
    """Return models stretched a little, each at random, and some of those that may have any colour painted."""
    return tuple(_painted(_stretched(model, rng), rng) for model in models)


def _stretched(model: Model, rng: np.random.Generator) -> Model:
    size = rng.uniform(1.0 - SIZE, 1.0 + SIZE)
    x, y, z = size * rng.uniform(1.0 - PROPORTION, 1.0 + PROPORTION, 3)
    return replace(model, stretch=(float(x), float(y), float(z)))


def _painted(model: Model, rng: np.random.Generator) -> Model:
    colours = NEUTRAL if rng.random() < 0.5 else tuple(PALETTE)
    colour, drawn = str(rng.choice(colours)), rng.random()
    may = model.role in _ANY_COLOUR_ROLES or model.name in _ANY_COLOUR_NAMES
    if model.colour == "*" or not may or drawn > PAINTED:
        return model
    return replace(model, colour=colour, paint=colour)


def made(rng: np.random.Generator, count: int) -> tuple[Model, ...]:
    """Draw `count` models of every kind that is made from numbers."""
    return tuple(
        Model(MADE, f"{key}-{int(rng.integers(2**31))}", kind.name, str(rng.choice([*kind.colours] or [""])), kind.role)
        for key, kind in KINDS.items()
        for _ in range(count)
    )

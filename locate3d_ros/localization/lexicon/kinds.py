"""The meanings that a request's words can have beside naming an object."""

from __future__ import annotations

from enum import Enum


class RelationKind(Enum):
    """How a phrase's object lies to its anchors."""

    ON = "on"
    UNDER = "under"
    ABOVE = "above"
    IN = "in"
    NEXT_TO = "next to"
    LEFT_OF = "left of"
    RIGHT_OF = "right of"
    BETWEEN = "between"
    NEAREST = "nearest"
    FARTHEST = "farthest"
    IN_FRONT_OF = "in front of"
    BEHIND = "behind"
    OPPOSITE = "opposite"
    AGAINST = "against"
    IN_CORNER = "in the corner"
    WITH = "with"
    PART_OF = "part of"


class Order(Enum):
    """What a superlative sorts by; LEFT, RIGHT, NEAR and FAR are the viewer's."""

    LEFT = "left"
    RIGHT = "right"
    NEAR = "near"
    FAR = "far"
    HIGH = "high"
    LOW = "low"
    MIDDLE = "middle"
    LARGE = "large"
    SMALL = "small"
    TALL = "tall"
    SHORT = "short"
    LONG = "long"
    WIDE = "wide"
    NARROW = "narrow"

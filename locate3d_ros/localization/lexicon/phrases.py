"""Phrases that join the objects of a request, and the words around a request that say nothing about it."""

from __future__ import annotations

from locate3d_ros.localization.lexicon.kinds import Order, RelationKind
from locate3d_ros.localization.lexicon.word_set import word_set

_RELATIONS: dict[RelationKind, str] = {
    RelationKind.ON: "on|onto|upon|on top of|ontop of|on the top of|at the top of|top of|atop|on top|"
    "on the surface of|"
    "in the middle of|in the center of|in the centre of|at the center of|at the centre of|"
    "supported by|carried by|over top of",
    RelationKind.UNDER: "under|underneath|under neath|underneath of|beneath|below|at the bottom of|on the bottom of|"
    "down below|at the foot of|lower than",
    RelationKind.ABOVE: "above|over|higher than|hanging over",
    RelationKind.IN: "in|inside|inside of|within|into|in side|on the inside of|enclosed by|contained in",
    RelationKind.NEXT_TO: "next to|next|near|near to|near by|nearby|nearby to|near the side of|"
    "beside|besides|beside of|"
    "beside to|close to|close by|close by to|by|by the side of|at the side of|on the side of|to the side of|side of|"
    "at|adjacent to|adjacent|adjoining|alongside|along side|along with|together with|around|"
    "next door to|not far from|"
    "at the end of|at the edge of|on the edge of|at the head of|in the vicinity of|surrounded by|accompanied by|"
    "in proximity to|toward|towards|neighboring|neighbouring|along",
    RelationKind.LEFT_OF: "left of|to the left of|on the left of|at the left of|to left of|on left of|left side of|"
    "on the left side of|to the left side of|at the left side of|on the left hand side of|in the left of|left to|"
    "to the left hand side of|in the left side of|on left side of|at left side of|towards the left of",
    RelationKind.RIGHT_OF: "right of|to the right of|on the right of|at the right of|to right of|on right of|"
    "right side of|on the right side of|to the right side of|at the right side of|on the right hand side of|"
    "in the right of|right to|to the right hand side of|in the right side of|on right side of|at right side of|"
    "towards the right of",
    RelationKind.BETWEEN: "between|in between|inbetween|in between of|in middle of|between both|sandwiched between|"
    "in the middle between|halfway between|betwixt|in the space between|in the gap between",
    RelationKind.NEAREST: "closest to|nearest to|nearest|closest|most near to|the closest to|the nearest to|"
    "nearest from|closest from|nearest by",
    RelationKind.FARTHEST: "farthest from|furthest from|farthest to|furthest to|farthest away from|"
    "furthest away from|the farthest from|the furthest from",
    RelationKind.IN_FRONT_OF: "in front of|infront of|infront|in front|front of|in the front of|at the front of|"
    "before|ahead of|front side of|on the front of|in the front side of",
    RelationKind.BEHIND: "behind|in back of|at the back of|in the back of|back of|on the back of|back side of|"
    "beyond|behind of|to the rear of|at the rear of",
    RelationKind.OPPOSITE: "opposite|opposite to|opposite of|across from|across|facing|facing to|facing towards|"
    "opposite side of|on the opposite side of|in opposite of|on the other side of|pointing at",
    RelationKind.AGAINST: "against|up against|leaning on|leaning against|leaned against|attached to|fixed to|"
    "mounted to|stuck to|hanging from|hung from|connected to|touching|fastened to|tied to|hooked to|pinned to|"
    "suspended from",
    RelationKind.IN_CORNER: "in the corner of|at the corner of|on the corner of|in corner of|in the corner|"
    "at the corner|in a corner|in corner|in the far corner|in the far corner of|in one corner of",
    RelationKind.WITH: "with|having|has|have|that has|which has|including|featuring|has got",
}
_INVERSE_RELATIONS: dict[RelationKind, str] = {
    RelationKind.IN: "containing|contains|holding|holds|filled with|full of|that contains|that holds|enclosing",
    RelationKind.ON: "supporting|supports|carrying|carries|covered with|covered in|covered by|topped with",
    RelationKind.BETWEEN: "flanking|flanked",
}
_NOT_NEAR = "far from|away from|far away from|not near|distant from|far off from"
_NOT_IN = "outside|outside of|out of"
_NOT_WITH = "without|without any|lacking|missing"

_RANK_ENDS: dict[Order, str] = {
    Order.LEFT: "on the left|to the left|at the left|on left|on the left side|on left side|to the left side|"
    "on the left hand side|from the left|from left|on the far left|at the far left|to the far left|in the left",
    Order.RIGHT: "on the right|to the right|at the right|on right|on the right side|on right side|to the right side|"
    "on the right hand side|from the right|from right|on the far right|at the far right|"
    "to the far right|in the right",
    Order.MIDDLE: "in the middle|in the center|in the centre|at the center|at the centre|in between|in middle",
    Order.HIGH: "at the top|on the top|from the top|from top|up top|on the upper side",
    Order.LOW: "at the bottom|on the bottom|from the bottom|from bottom",
    Order.FAR: "at the back|in the back|in the background|at the rear|at the far end|from the back|far away",
    Order.NEAR: "at the front|in the front|in the foreground|from the front|close by|nearby",
}

Words = tuple[str, ...]


def _table(phrases: str) -> list[Words]:
    return [tuple(phrase.split()) for phrase in phrases.split("|")]


RELATION_PHRASES: dict[Words, tuple[RelationKind, bool, bool]] = {
    **{words: (kind, False, False) for kind, phrases in _RELATIONS.items() for words in _table(phrases)},
    **{words: (kind, False, True) for kind, phrases in _INVERSE_RELATIONS.items() for words in _table(phrases)},
    **{words: (RelationKind.NEXT_TO, True, False) for words in _table(_NOT_NEAR)},
    **{words: (RelationKind.IN, True, False) for words in _table(_NOT_IN)},
    **{words: (RelationKind.WITH, True, False) for words in _table(_NOT_WITH)},
    **{
        (of, the): (RelationKind.PART_OF, False, False)
        for of in ("of", "from")
        for the in ("the", "my", "your", "this")
    },
}
"""Phrase -> (kind, negated, inverse): inverse means that the anchor lies so to the subject."""

RANK_PHRASES: dict[Words, Order] = {words: order for order, phrases in _RANK_ENDS.items() for words in _table(phrases)}
"""Phrases after a noun that pick one of several."""

COPULAS = word_set("is are was were be being been am looks appears seems")
RELATIVES = word_set("that which who whose where")

MADE_OF = frozenset({("made", "of"), ("made", "from"), ("made", "out", "of")})
"""What begins to say the material."""
NEGATIONS = word_set("not no never neither nor isn't isnt aren't arent wasn't doesn't doesnt except")
PLACED = word_set(
    "placed sitting standing hanging hung mounted lying laying located kept situated positioned found resting put "
    "stacked stored set arranged seen leaning installed seated laid stands sits lies rests hangs fitted present "
    "directly right just immediately very also still slightly closely mostly lined parked left stuck fixed attached "
    "hanged"
)
"""Words that add nothing before a relation: "hanging on", "directly above"."""

OPENERS = word_set(
    "find locate show bring get fetch grab give take pick search look looking go navigate drive move want need see "
    "please could would where what which whats wheres there i hey hello hi hiya ok okay detect "
    "segment highlight identify "
    "is are do does let let's tell help searching select choose retrieve hand pass mark spot"
)
AFTER_OPENER = OPENERS | word_set(
    "me us you we he she to for up at can will out over now am i'd i'm i'll like have robot about and it if how so "
    "just kindly quickly"
)
CLOSERS = word_set("please thanks thank you now for me us ok okay")
"""Words at the end of a request that say nothing about the object."""

PROTECTED = frozenset(
    _table(
        "built in|walk in|plug in|drop in|pop up|push up|pull up|stand up|sit up|roll up|pull out|clip on|sign in|"
        "check in|head on|hands on|log in|slip on|in tray|out tray|bedside|can opener|trash can|side by side|"
        "over the door|under cabinet|under desk|over ear|in ear|on ear|by product|stand by|with lid|get well card|"
        "all in one|two in one|2 in 1|3 in 1|three in one|hand sanitizer|hand soap|hand wash|hand towel|hand dryer|"
        "hand bag|hand rail|pick axe|show case|show piece|spot light|spot lamp|pass port|help desk"
    )
)
"""Compounds that hold a word of the tables above."""

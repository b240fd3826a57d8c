"""Attribute words, numbers and function words of English requests."""

from __future__ import annotations

from locate3d_ros.localization.lexicon.colour_terms import COLOUR_FILLERS, COLOUR_TERMS, MATERIAL_COLOURS, SHADES
from locate3d_ros.localization.lexicon.kinds import Order
from locate3d_ros.localization.lexicon.word_set import word_set

DETERMINERS = word_set(
    "the a an this that these those my your our his her their its some any another each every all such"
)
SIZE_WORDS = word_set(
    "small big large little tiny huge tall short long low wide narrow thin thick giant mini medium "
    "compact bulky slim "
    "smaller bigger larger taller shorter longer wider lower thinner miniature sized high"
)
MATERIALS = frozenset(MATERIAL_COLOURS) | word_set(
    "plastic glass leather fabric ceramic porcelain marble stone concrete paper rubber cotton velvet wool woolen "
    "woollen iron tin granite cloth foam silk linen brick acrylic stainless upholstered knitted"
)
COLOURS = frozenset(COLOUR_TERMS)
COLOUR_NOUNS = word_set(
    "orange rose peach olive lime copper chocolate cream sand ash mint salmon violet gold silver rust"
)
"""Colour words that also name a thing: colours only before another noun."""
OTHER_ADJECTIVES = word_set(
    "round square circular rectangular oval rolling folding foldable open closed empty full old new clean dirty soft "
    "hard flat curved curvy modern vintage antique striped patterned floral checkered spotted plain transparent "
    "opaque shiny glossy matte fluffy single double electric electronic portable digital cordless wall-mounted "
    "adjustable broken folded cushioned padded colourful colorful multicoloured multicolored decorative"
)
ADJECTIVES = COLOURS | SIZE_WORDS | MATERIALS | OTHER_ADJECTIVES | SHADES

RANKS: dict[str, Order] = {
    **dict.fromkeys(("leftmost", "left", "lefthand"), Order.LEFT),
    **dict.fromkeys(("rightmost", "right", "righthand"), Order.RIGHT),
    **dict.fromkeys(("nearest", "closest", "front", "foremost", "nearer", "closer"), Order.NEAR),
    **dict.fromkeys(("farthest", "furthest", "far", "rear", "back", "farther", "further"), Order.FAR),
    **dict.fromkeys(("highest", "topmost", "top", "upper", "uppermost"), Order.HIGH),
    **dict.fromkeys(("lowest", "bottom", "bottommost"), Order.LOW),
    **dict.fromkeys(("middle", "center", "centre", "central", "centermost"), Order.MIDDLE),
    **dict.fromkeys(("largest", "biggest"), Order.LARGE),
    **dict.fromkeys(("smallest", "littlest", "tiniest"), Order.SMALL),
    "tallest": Order.TALL,
    "shortest": Order.SHORT,
    "longest": Order.LONG,
    "widest": Order.WIDE,
    **dict.fromkeys(("narrowest", "thinnest"), Order.NARROW),
}
ORDINALS: dict[str, int] = {
    word: number
    for number, words in enumerate(
        ("first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th", "sixth 6th", "seventh 7th", "eighth 8th"), 1
    )
    for word in words.split()
}
NUMBERS: dict[str, int] = {
    word: number
    for number, words in enumerate(
        ("2 two both pair couple", "3 three", "4 four", "5 five", "6 six", "7 seven", "8 eight", "9 nine", "10 ten"), 2
    )
    for word in words.split()
}
AFTER_NUMBER = word_set("seater seaters seat drawer drawers door doors tier tiers legged legs shelf burner burners ply")
"""Words after which a number describes the thing and does not count it: a two drawer cabinet."""

GENERIC_NOUNS = word_set("object thing item one ones something anything stuff objects things items")
"""Heads that name no class."""
VIEWERS = word_set("me you us robot camera viewer")
PRONOUNS = word_set("it them itself")
EVERYWHERE = word_set("room house home apartment building scene image picture photo map flat environment world here")
"""Places that hold everything there is: being in them says nothing."""

FILLERS = COLOUR_FILLERS | word_set(
    "very really quite rather kind type sort piece also just currently only exactly right-hand bit style"
)
STOP_WORDS = (
    DETERMINERS
    | PRONOUNS
    | VIEWERS - {"robot", "camera"}
    | word_set(
        "of to for at in on by with from is are was were be been am and or not no i we he she they "
        "there where what which "
        "who how do does did has have please can could would will"
    )
)
"""A request made of nothing else names nothing."""

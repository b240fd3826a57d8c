"""Colour words as mixtures of the basic colour terms. From everyday usage of the words; weights add up to 1."""

from __future__ import annotations

BASIC_TERMS = (
    "black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "beige",
)  # fmt: skip

COLOUR_TERMS: dict[str, dict[str, float]] = {
    **{term: {term: 1.0} for term in BASIC_TERMS},
    "gray": {"grey": 1.0},
    "greyish": {"grey": 1.0},
    "grayish": {"grey": 1.0},
    "silver": {"grey": 0.85, "white": 0.15},
    "silvery": {"grey": 0.85, "white": 0.15},
    "charcoal": {"grey": 0.5, "black": 0.5},
    "ash": {"grey": 1.0},
    "whitish": {"white": 1.0},
    "ivory": {"white": 0.6, "beige": 0.4},
    "cream": {"beige": 0.6, "white": 0.4},
    "creamy": {"beige": 0.6, "white": 0.4},
    "tan": {"beige": 0.5, "brown": 0.5},
    "khaki": {"beige": 0.6, "brown": 0.2, "green": 0.2},
    "sand": {"beige": 1.0},
    "reddish": {"red": 1.0},
    "crimson": {"red": 1.0},
    "scarlet": {"red": 1.0},
    "maroon": {"red": 0.6, "brown": 0.4},
    "burgundy": {"red": 0.6, "brown": 0.2, "purple": 0.2},
    "rust": {"brown": 0.5, "orange": 0.3, "red": 0.2},
    "rusty": {"brown": 0.5, "orange": 0.3, "red": 0.2},
    "coral": {"pink": 0.4, "orange": 0.4, "red": 0.2},
    "peach": {"orange": 0.4, "pink": 0.3, "beige": 0.3},
    "salmon": {"pink": 0.6, "orange": 0.4},
    "amber": {"orange": 0.6, "yellow": 0.4},
    "golden": {"yellow": 0.6, "brown": 0.3, "orange": 0.1},
    "gold": {"yellow": 0.6, "brown": 0.3, "orange": 0.1},
    "yellowish": {"yellow": 1.0},
    "mustard": {"yellow": 0.8, "brown": 0.2},
    "greenish": {"green": 1.0},
    "lime": {"green": 0.8, "yellow": 0.2},
    "olive": {"green": 0.8, "brown": 0.2},
    "mint": {"green": 1.0},
    "turquoise": {"blue": 0.5, "green": 0.5},
    "teal": {"blue": 0.5, "green": 0.5},
    "cyan": {"blue": 0.7, "green": 0.3},
    "aqua": {"blue": 0.6, "green": 0.4},
    "bluish": {"blue": 1.0},
    "navy": {"blue": 0.7, "black": 0.3},
    "azure": {"blue": 1.0},
    "indigo": {"blue": 0.6, "purple": 0.4},
    "violet": {"purple": 1.0},
    "lilac": {"purple": 0.8, "pink": 0.2},
    "lavender": {"purple": 0.9, "grey": 0.1},
    "mauve": {"purple": 0.7, "pink": 0.3},
    "magenta": {"pink": 0.6, "purple": 0.4},
    "fuchsia": {"pink": 0.7, "purple": 0.3},
    "rose": {"pink": 1.0},
    "pinkish": {"pink": 1.0},
    "brownish": {"brown": 1.0},
    "chocolate": {"brown": 1.0},
    "bronze": {"brown": 0.7, "yellow": 0.3},
    "copper": {"brown": 0.5, "orange": 0.5},
}

MATERIAL_COLOURS: dict[str, dict[str, float]] = {
    "wooden": {"brown": 0.65, "beige": 0.3, "orange": 0.05},
    "wood": {"brown": 0.65, "beige": 0.3, "orange": 0.05},
    "oak": {"brown": 0.5, "beige": 0.5},
    "walnut": {"brown": 1.0},
    "bamboo": {"beige": 0.6, "brown": 0.2, "yellow": 0.2},
    "wicker": {"brown": 0.6, "beige": 0.4},
    "rattan": {"brown": 0.6, "beige": 0.4},
    "woven": {"brown": 0.5, "beige": 0.5},
    "cardboard": {"brown": 0.6, "beige": 0.4},
    "cork": {"brown": 0.6, "beige": 0.4},
    "metallic": {"grey": 0.8, "black": 0.1, "white": 0.1},
    "metal": {"grey": 0.7, "black": 0.2, "white": 0.1},
    "steel": {"grey": 0.9, "white": 0.1},
    "aluminium": {"grey": 0.9, "white": 0.1},
    "aluminum": {"grey": 0.9, "white": 0.1},
    "chrome": {"grey": 0.9, "white": 0.1},
    "brass": {"yellow": 0.6, "brown": 0.4},
}
"""Colours that a material suggests; weaker evidence than a colour word."""

SHADES = frozenset({"dark", "light", "bright", "pale", "deep"})
"""Words that change the lightness of the colour word after them."""

COLOUR_FILLERS = frozenset({"colour", "color", "coloured", "colored", "colours", "colors", "shade", "shaded"})
"""Words that say that a colour was named, and nothing else."""

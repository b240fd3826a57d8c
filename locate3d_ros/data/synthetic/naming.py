"""What people call things: names that may mean the same thing, colours that may be taken for each other, synonyms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

# Names that people might use for the same thing: a sentence with one of them says nothing sure about the others.
ALIKE = (
    {"shelf", "bookcase", "cupboard", "wardrobe"},
    {"cup", "mug", "coffee cup", "milk carton"},
    {"coffee maker", "espresso maker", "espresso machine", "teapot", "mixer", "blender"},
    {"plant", "flowers", "orchid", "cactus", "bonsai tree", "christmas tree"},
    {"tv cabinet", "tv stand", "chest of drawers", "bedside table", "filing cabinet", "kitchen drawers"},
    {"kitchen cabinet", "kitchen drawers", "cupboard", "sink", "bathroom cabinet"},
    {"jar", "vase", "flowers", "candle", "bottle", "wine bottle"},
    {"laptop", "computer", "television"},
    {"cake", "cupcake", "bread"},
    {"shoes", "boots", "slippers"},
    {"trash can", "recycling bin", "laundry basket", "plastic box", "crate", "barrel"},
    {"oven", "stove", "microwave", "toaster"},
    {"trunk", "suitcase", "crate", "plastic box", "safe", "briefcase", "handbag", "backpack"},
    {"piano", "grand piano"},
    {"desk", "table", "coffee table"},
    {"sofa", "armchair"},
    {"book", "newspaper", "bookcase", "calendar"},
    {"plate", "coffee cup", "bowl", "fruit bowl"},
    {"refrigerator", "washing machine", "safe"},
    {"floor lamp", "lamp", "desk lamp"},
    {"bed", "crib"},
    {"radio", "telephone", "camera", "printer"},
    {"stool", "bar stool", "chair", "folding chair", "folding stool", "office chair"},
    {"basketball", "soccer ball"},
    {"lounge chair", "deck chair", "armchair", "sofa"},
    {"bench", "stool"},
    {"bench", "sofa"},
    {"lantern", "lamp"},
    {"gift box", "plastic box"},
    {"gift box", "crate"},
    {"radio", "stereo", "speaker", "amplifier", "dvd player", "game console", "projector"},
    {"toaster oven", "toaster", "microwave", "oven", "bread box", "deep fryer"},
    {"pot", "bowl"},
    {"pot", "jar"},
    {"hat", "cap", "helmet"},
    {"basket", "laundry basket"},
    {"basket", "trash can"},
    {"juicer", "mixer"},
    {"juicer", "blender"},
    {"coffee press", "coffee maker", "espresso maker", "teapot"},
    {"doll", "teddy bear"},
    {"dryer", "washing machine"},
    {"freezer", "refrigerator"},
    {"changing table", "chest of drawers"},
    {"dressing table", "desk"},
    {"cabinet", "chest of drawers", "bedside table"},
    {"cabinet", "cupboard"},
    {"workbench", "desk", "table"},
    {"roast chicken", "bread"},
    {"plant box", "plant", "flowers"},
    {"bean bag", "armchair"},
    {"baby bottle", "bottle"},
    {"knife block", "pen holder"},
    {"keyboard", "piano"},
    {"scooter", "bicycle", "tricycle"},
    {"book", "books", "magazine", "newspaper", "folder", "papers", "notice"},
    {"poster", "picture", "picture frame", "notice", "calendar", "bulletin board"},
    {"cardboard box", "plastic box", "crate", "gift box", "food container", "tissue box"},
    {"smartphone", "telephone", "remote control", "tablet"},
    {"tablet", "laptop", "monitor", "computer", "television"},
    {"tray", "cutting board", "plate"},
    {"power outlet", "light switch"},
    {"wall shelf", "bookcase", "shelf"},
)
# Colours that people might also give to a thing of this colour.
NEAR_COLOURS: Mapping[str, set[str]] = {
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
# Things that no home of the validation split has.
ELSEWHERE = ("bicycle", "dog", "motorcycle", "traffic light", "ladder", "surfboard", "lawn mower", "sewing machine")

# Name -> other words for it; those after the bar are used in validation scenes only.
_SYNONYMS: Mapping[str, str] = {
    "sofa": "couch | settee",
    "refrigerator": "fridge | icebox",
    "television": "tv, tv set | telly",
    "trash can": "garbage can, bin | waste basket",
    "bedside table": "nightstand | night table",
    "chest of drawers": "dresser, drawers | commode",
    "picture": "painting, framed picture | artwork",
    "plant": "potted plant, house plant | greenery",
    "bookcase": "bookshelf | book rack",
    "wardrobe": "closet | armoire",
    "stove": "cooker, kitchen stove | range",
    "washing machine": "washer, laundry machine | clothes washer",
    "bathtub": "bath tub, tub | bath",
    "coffee maker": "coffee machine | coffee brewer",
    "telephone": "phone | landline phone",
    "sink": "washbasin, wash basin | basin",
    "armchair": "easy chair | lounge chair",
    "office chair": "desk chair | swivel chair",
    "laptop": "notebook computer | portable computer",
    "lamp": "table lamp, light | lamp with a shade",
    "trunk": "chest | storage trunk",
    "rug": "floor rug | mat",
    "mug": "coffee mug | tea mug",
    "flowers": "bunch of flowers, flower vase | bouquet",
    "fruit bowl": "bowl of fruit | bowl with fruit",
    "teddy bear": "stuffed bear, teddy | plush bear",
    "coffee table": "low table | cocktail table",
    "tv stand": "tv unit | media console",
    "newspaper": "paper | daily paper",
    "desk lamp": "reading lamp | work lamp",
    "radiator": "heater | heating radiator",
    "suitcase": "luggage | travel case",
    "backpack": "rucksack | school bag",
    "crib": "baby bed | cot",
    "microwave": "microwave oven | micro oven",
    "computer": "desktop computer | pc",
    "soccer ball": "football | leather ball",
    "stool": "small stool | footstool",
    "shelf": "shelves, shelving unit | rack",
    "oven": "baking oven | built-in oven",
    "bicycle": "bike | cycle",
    "bench": "seat | long seat",
    "ladder": "step ladder | steps",
    "basket": "wicker basket | hamper",
    "cap": "baseball cap | peaked cap",
    "stereo": "hifi, stereo system | music system",
    "keyboard": "electronic keyboard | synthesizer",
    "pot": "cooking pot, saucepan | casserole",
    "papers": "sheets of paper, documents | paperwork",
    "books": "pile of books, stack of books | heap of books",
    "cardboard box": "carton, box | packing box",
    "computer mouse": "mouse | pc mouse",
    "computer keyboard": "keyboard | pc keyboard",
    "power outlet": "wall outlet, electric outlet | mains outlet",
    "monitor": "computer screen, screen | display",
    "clock": "wall clock | timepiece",
    "smartphone": "mobile phone, cell phone | mobile",
    "bulletin board": "pinboard | cork board",
}
GREY = ("gray", "grey")


@cache
def could_be(name: str, asked: str) -> float:
    """Tell whether a thing of this name is what is asked for: 1 yes, 0.5 perhaps, 0 no."""
    if name == asked or name.endswith(" " + asked):
        return 1.0
    if asked.endswith(" " + name) or any(name in group and asked in group for group in ALIKE):
        return 0.5
    return 0.0


def colour_match(colour: str, asked: str) -> float:
    """Tell whether a thing of this colour ("" = unknown) has the colour that is asked for: 1, 0.5 or 0."""
    if colour == asked:
        return 1.0
    return 0.5 if not colour or asked in NEAR_COLOURS[colour] or colour in NEAR_COLOURS[asked] else 0.0


def synonyms(name: str, split: str) -> tuple[str, ...]:
    """Return the words for a name that a split uses, the name itself first."""
    common, _, held_out = _SYNONYMS.get(name, "").partition("|")
    words = held_out if split == "val" else common
    return (name, *(word.strip() for word in words.split(",") if word.strip()))

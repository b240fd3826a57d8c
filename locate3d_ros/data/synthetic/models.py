"""Which furniture models rooms are made of, what people call them, and where they go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from locate3d_ros.data.synthetic.furniture import INSTALLED_FOLDER, FurnitureLibrary
from locate3d_ros.data.synthetic.made.kinds import mesh_of
from locate3d_ros.data.synthetic.mesh import Mesh
from locate3d_ros.data.synthetic.painting import PALETTE, repainted
from locate3d_ros.data.synthetic.simplify import finer, lighter
from locate3d_ros.data.synthetic.training_models import TRAINING_TABLE
from locate3d_ros.errors import InputError

CC0_LIBRARY = "BlendSwap-CC-0"
MADE = "made"  # stands for a library: what this package makes; a model's key is its kind and a seed

# What a model of a random home may have at most; one that is larger is simplified.
SMALL_TRIANGLES = 4000
LARGE_TRIANGLES = 8000
UNSTRETCHED = (1.0, 1.0, 1.0)
LONGEST_EDGE = 0.35  # metres: light is computed at corners


@dataclass(frozen=True)
class Model:
    """One model: where it comes from and what it is to people."""

    library: str
    key: str
    name: str
    colour: str  # as one sees it; "" where there is no single one; "*" where it may be painted
    role: str  # where it goes in a room
    stretch: tuple[float, float, float] = UNSTRETCHED  # of its width, depth and height
    paint: str = ""  # colour of the palette that its largest surface gets


# library: role: "key name colour" lines; a name's words are joined by "_".
_TABLE = {
    "BlendSwap-CC-0": """
sofa L_shaped_sofa sofa white | couch sofa gray | couch2 sofa black | sofa2 sofa brown
armchair armchair2 armchair gray | modernArmchair armchair black
bed bed1 bed green | bed2 bed blue | bedWithTexture bed white | bed3 bed green
bedside bedsideTable2 bedside_table brown
dining oakTable table brown | table table brown | tableWithTablecloth table red
desk desk desk brown | lbDesk desk gray
chair armchair chair green | oakChair chair brown | plasticChair chair blue | sillaBlanca chair white
chair chair chair brown | antiqueChair chair brown | chairWithCushion chair brown | chair2 chair red
chair osakaChair chair brown | thonet chair black
tall bookcase wardrobe brown | verticalShelves shelf white | wardrobeWithSlidingDoors wardrobe white
tall cupboard cupboard white | refrigerator refrigerator gray | largeFridge refrigerator gray
low shelves shelf white | televisionCabinet tv_cabinet brown | radiator radiator white | radiator3 radiator gray
counter drawersCabinet kitchen_drawers white | lowerCabinet kitchen_cabinet white | sinkCabinet sink white
counter doubleOven oven white
floor caballito rocking_horse yellow | fireExtinguisher fire_extinguisher red | basketball basketball orange
floor decorativePlant plant green | plant plant green | dustbin trash_can gray | crate crate brown | barrel barrel brown
floor stool2 stool brown | silla2 bar_stool orange | box plastic_box blue | electricGuitar electric_guitar
floor briefcase briefcase black | umbrellaFolded umbrella blue | foldingChair folding_stool green
floor bootie boots gray | slippers slippers black | babyRockingBed crib white
top caffe_final coffee_cup white | desklamp lamp white | plasticCup cup blue | teddyBear teddy_bear brown
top tetrapak milk_carton white | yogurtBottle bottle white | tableFan fan blue | littlePlant plant green
top kitchenaid mixer yellow | coffeeBrewer coffee_maker red | bread bread brown | cactus cactus green
top augalas plant green | orchids orchid white | kalender calendar white | cupcake cupcake white
top handbag handbag gray | riggedFan fan orange
tv led_tv television black
hang cuckooClock clock brown
big pianoAQueue grand_piano black | poolTable pool_table green
bath toiletsUnit toilet white | washbasin sink white | modernVanity bathroom_cabinet white
""",
    "BlendSwap-CC-BY": """
sofa sofa2 sofa white | couch3 sofa black
armchair fotel armchair black | armChair2 armchair black | armchair1 armchair brown
bed lettoCloud bed blue
bedside bedsideTable bedside_table brown
dining table table brown
desk biurko3 desk brown | simpleDesk desk brown | officeTable desk orange
chair chair3 chair green | kitchenChair chair gray | foldingChair folding_chair black | cafe_set_mota_chair chair *
coffee coffeeTable coffee_table black
tall wardrobe wardrobe brown | bookcase bookcase white
low chest chest_of_drawers brown | dresserWithDrawers chest_of_drawers white | tvStand tv_stand black
low washing_machine washing_machine white | sef-kasa safe gray | piano piano black
counter largeStove stove black
floor ballonFoot soccer_ball white | suitcase suitcase blue | yuccaPlant plant green | backpack backpack brown
floor mediumIndoorPlant plant green | wheelchair wheelchair black
top microwave microwave * | laptop laptop gray | book book white | radio radio yellow
top lamp lamp white | tulip flowers red | chessboard chessboard black | kitchenblender blender gray
top espressokettle espresso_maker gray
bath bath_jay_hardy bathtub white | toilets_unit_jay_hardy toilet white | washbasin_jay_hardy sink white
""",
    "KatorLegaz": """
sofa futon-couch sofa red | mid-century-sofa sofa *
armchair mid-century-chair armchair *
chair dining-chair chair blue | office-chair office_chair blue
dining folding-table table white
tall full-bookcase bookcase white | utility-shelving shelf brown | fridge refrigerator white
floor recycling-bin recycling_bin blue | trunk-large trunk black | filing-cabinet filing_cabinet gray
top coffee-maker coffee_maker white | coffee-mug mug * | bowl bowl * | apple-ibook-2001 laptop white
top red-wine-bottle-01 wine_bottle green | newspaper newspaper white | bread-plate plate *
top pedestal-vase-lamp lamp blue | apple-imac-1998 computer blue
""",
    "Scopia": """
sofa clear_sofa sofa green | simple_sofa sofa red | burlap_sofa sofa white | leather_sofa sofa brown
armchair armchair3 armchair blue | armchair armchair blue | rattanArmchair armchair gray
bed bed1 bed orange | iron_bed bed gray | children_bed bed white
dining black_table table black | wooden_table_office table orange | white_kitchen_table table white
chair chair3 chair yellow | chair4 chair brown | white_kitchen_chair chair * | office_chair office_chair blue
coffee saloon_table coffee_table brown
tall wardrobe1 wardrobe brown | kids_shelves bookcase white
low clothes_washing_machine washing_machine white | fireplace1 fireplace white
floor living_lamp floor_lamp red | ficus plant green | clothes-basket laundry_basket white | crib crib white
floor christmas_tree christmas_tree green | indoor-bike exercise_bike gray | maceta plant green | sneakers shoes red
top old_jar jar brown | wine_bottle wine_bottle black | vase1 vase yellow | vase2 vase gray | vase3 vase brown
top jar vase blue | desk_lamp1 desk_lamp black | desk_lamp2 desk_lamp red | little_lamp1 lamp white
top little_lamp3 lamp green | livingroom_lamp1 lamp orange | apples fruit_bowl red | bowlWithFruits fruit_bowl yellow
top calla_lily_with_roses flowers white | coffee_machine espresso_machine gray | cup coffee_cup yellow
top teapot teapot yellow | phone telephone black | reflex_camera camera black | birthday_cake cake brown
top inkjet_and_scanner_printer printer black | toaster toaster orange | cooker rice_cooker gray | candle candle red
top paperTowelHolder paper_towels white | bonsai-tree bonsai_tree green | apple_pc computer white
tv tv television black
bath islandBath bathtub white
""",
}


# Material -> keys of models that are plainly made of it, "library:" before those of one library.
_MATERIALS = {
    "wood": """BlendSwap-CC-0: bedsideTable2 oakTable table desk oakChair bookcase wardrobe shelves televisionCabinet
        crate barrel stool2 caballito antiqueChair osakaChair babyRockingBed cuckooClock
        BlendSwap-CC-BY: bedsideTable table biurko3 simpleDesk wardrobe chest dresserWithDrawers tvStand piano
        KatorLegaz: full-bookcase
        Scopia: black_table wooden_table_office white_kitchen_table saloon_table wardrobe1 kids_shelves crib
        children_bed""",
    "leather": """BlendSwap-CC-0: couch2 modernArmchair sofa2 briefcase
        BlendSwap-CC-BY: couch3 armChair2 armchair1
        Scopia: leather_sofa""",
    "metal": """BlendSwap-CC-0: fireExtinguisher radiator radiator3 dustbin
        BlendSwap-CC-BY: espressokettle sef-kasa foldingChair
        KatorLegaz: filing-cabinet
        Scopia: iron_bed toaster""",
    "plastic": """BlendSwap-CC-0: plasticChair plasticCup box tableFan
        KatorLegaz: recycling-bin folding-table""",
    "glass": """BlendSwap-CC-0: yogurtBottle
        KatorLegaz: red-wine-bottle-01
        Scopia: wine_bottle""",
    "fabric": """BlendSwap-CC-0: L_shaped_sofa couch armchair2 teddyBear
        BlendSwap-CC-BY: sofa2 fotel backpack
        KatorLegaz: futon-couch mid-century-sofa mid-century-chair
        Scopia: clear_sofa simple_sofa burlap_sofa armchair3""",
    "wicker": "Scopia: rattanArmchair",
    "ceramic": """BlendSwap-CC-0: toiletsUnit washbasin caffe_final
        BlendSwap-CC-BY: toilets_unit_jay_hardy washbasin_jay_hardy
        KatorLegaz: coffee-mug bread-plate
        Scopia: vase1 vase2 vase3 jar cup teapot""",
}


def _materials() -> dict[tuple[str, str], str]:
    found, library = {}, ""
    for material, text in _MATERIALS.items():
        for word in text.split():
            if word.endswith(":"):
                library = word[:-1]
            else:
                found[library, word] = material
    return found


_MATERIAL_OF = _materials()


def _parse(library: str, text: str) -> list[Model]:
    models = []
    for line in text.strip().splitlines():
        role, _, entries = line.partition(" ")
        for entry in entries.split("|"):
            key, name, *colour = entry.split()
            models.append(Model(library, key, name.replace("_", " "), colour[0] if colour else "", role))
    return models


MODELS = tuple(model for library, text in _TABLE.items() for model in _parse(library, text))
TRAINING_MODELS = tuple(model for library, text in TRAINING_TABLE.items() for model in _parse(library, text))


def installed_models() -> tuple[Model, ...]:
    """Return all models. Raises InputError where one of their libraries is not installed."""
    for library in _TABLE:
        if not _file_of(library).is_file():
            raise InputError(
                f"{_file_of(library)}: no such furniture library; install the package sweethome3d-furniture"
            )
    return MODELS


def models_of(split: str) -> tuple[Model, ...]:
    """Return the models of a split: no model of "val" is ever in "train".

    Of every name with several models the last third is held out (one at least), and every fifth name with one model;
    TRAINING_MODELS are all for training. Raises InputError where a library is missing.
    """
    groups: dict[str, list[Model]] = {}
    for model in installed_models():
        groups.setdefault(model.name, []).append(model)
    held_out: set[Model] = set()
    singles = 0
    for group in groups.values():
        singles += len(group) == 1
        count = max(1, len(group) // 3) if len(group) > 1 else int(singles % 5 == 0)
        held_out |= set(group[len(group) - count :])
    if split == "val":
        return tuple(m for m in MODELS if m in held_out)
    return (*(m for m in MODELS if m not in held_out), *TRAINING_MODELS)


def find_model(library: str, key: str) -> Model:
    """Return one model of the table. Raises InputError where it holds no such model."""
    for model in MODELS:
        if (model.library, model.key) == (library, key):
            return model
    raise InputError(f"model {library}/{key}: not in the table of models; add it there")


def _file_of(library: str) -> Path:
    return INSTALLED_FOLDER / f"{library}.sh3f"


@lru_cache(maxsize=8)
def _library(path: Path) -> FurnitureLibrary:
    return FurnitureLibrary(path)


@lru_cache(maxsize=64)
def load_mesh(model: Model) -> Mesh:
    """Load a model's mesh, or make it; it stands on z = 0, front towards -y."""
    if model.library == MADE:
        kind, _, seed = model.key.rpartition("-")
        return mesh_of(kind, model.colour, int(seed))
    return _library(_file_of(model.library)).load(model.key)


@lru_cache(maxsize=128)
def load_light_mesh(model: Model) -> Mesh:
    """Load a model as `load_mesh` does, with normals, few triangles, and none of them large; stretched and painted."""
    mesh = _light_mesh(replace(model, stretch=UNSTRETCHED, paint=""))
    mesh = mesh if model.stretch == UNSTRETCHED else mesh.stretched(model.stretch)
    return repainted(mesh, PALETTE[model.paint]) if model.paint else mesh


@lru_cache(maxsize=512)  # all models of the libraries; made ones are drawn anew for every home and must not pile up
def _light_mesh(model: Model) -> Mesh:
    small = model.role in ("top", "tv", "hang")
    return finer(lighter(load_mesh.__wrapped__(model), SMALL_TRIANGLES if small else LARGE_TRIANGLES), LONGEST_EDGE)


def material_of(model: Model) -> str:
    """Return what a model is plainly made of; "" where one cannot say."""
    material = _MATERIAL_OF.get((model.library, model.key), "")
    return "" if model.paint and material == "wood" else material


@cache
def licence_of(model: Model) -> str:
    """Return the SPDX name of a model's licence."""
    if model.library == MADE:
        return "Apache-2.0"
    return _library(_file_of(model.library)).licence(model.key)


def creator_of(model: Model) -> str:
    """Return who made a model, as its catalogue says; "" for what this package makes."""
    if model.library == MADE:
        return ""
    return _library(_file_of(model.library)).entries[model.key].creator

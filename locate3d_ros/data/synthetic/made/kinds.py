"""What is made, what it is called, where it goes and which colours it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from locate3d_ros.data.synthetic.made import (
    containers,
    decoration,
    dishes,
    food,
    kitchen_machines,
    machines,
    seats,
    storage,
)
from locate3d_ros.data.synthetic.mesh import Mesh
from locate3d_ros.data.synthetic.painting import PALETTE
from locate3d_ros.data.synthetic.textures import Colour

ANY = tuple(PALETTE)
WOODEN = ("brown", "brown", "brown", "white", "white", "gray", "black", "orange", "yellow", "green", "blue", "red")
ENAMEL = ("white", "white", "white", "gray", "black", "red")


@dataclass(frozen=True)
class Kind:
    """A kind of made furniture."""

    name: str
    role: str  # as of a `Model`
    make: Callable[[np.random.Generator, Colour], Mesh]
    colours: tuple[str, ...] = ANY  # of the palette; none: a colour of its own, that is not said


_KINDS = (
    Kind("chest of drawers", "low", storage.chest_of_drawers, WOODEN),
    Kind("tv stand", "low", storage.tv_stand, WOODEN),
    Kind("bedside table", "bedside", storage.bedside_table, WOODEN),
    Kind("kitchen cabinet", "counter", storage.kitchen_cabinet, WOODEN),
    Kind("kitchen drawers", "counter", storage.kitchen_drawers, WOODEN),
    Kind("sink", "counter", storage.sink, WOODEN),
    Kind("cupboard", "tall", storage.cupboard, WOODEN),
    Kind("wardrobe", "tall", storage.wardrobe, WOODEN),
    Kind("refrigerator", "tall", storage.refrigerator, ENAMEL),
    Kind("shelf", "tall", storage.shelf, WOODEN),
    Kind("bookcase", "tall", storage.bookcase, WOODEN),
    Kind("filing cabinet", "floor", storage.filing_cabinet, ("gray", "gray", "white", "black", "blue", "green")),
    Kind("trunk", "floor", containers.trunk, WOODEN),
    Kind("crate", "floor", containers.crate, WOODEN),
    Kind("plastic box", "floor", containers.plastic_box),
    Kind("laundry basket", "floor", containers.laundry_basket, ("white", "white", "gray", "brown", *ANY)),
    Kind("trash can", "floor", containers.trash_can),
    Kind("suitcase", "floor", containers.suitcase),
    Kind("chair", "chair", seats.chair, WOODEN),
    Kind("office chair", "chair", seats.office_chair, ("black", "black", "gray", *ANY)),
    Kind("armchair", "armchair", seats.armchair),
    Kind("sofa", "sofa", seats.sofa),
    Kind("stool", "floor", seats.stool),
    Kind("bar stool", "floor", seats.bar_stool),
    Kind("bench", "floor", seats.bench, WOODEN),
    Kind("bed", "bed", seats.bed),
    Kind("crib", "floor", seats.crib, WOODEN),
    Kind("table", "dining", seats.table, WOODEN),
    Kind("coffee table", "coffee", seats.coffee_table, WOODEN),
    Kind("desk", "desk", seats.desk, WOODEN),
    Kind("washing machine", "low", machines.washing_machine, ("white", "white", "white", "gray", "black")),
    Kind("radiator", "low", machines.radiator, ("white", "white", "gray", "black")),
    Kind("stove", "counter", kitchen_machines.stove, ENAMEL),
    Kind("oven", "counter", kitchen_machines.oven, ENAMEL),
    Kind("fan", "floor", machines.standing_fan, ("white", "black", "gray", *ANY)),
    Kind("fan", "top", machines.table_fan, ("white", "black", "gray", *ANY)),
    Kind("television", "tv", machines.television, ("black", "black", "gray")),
    Kind("laptop", "top", machines.laptop, ()),
    Kind("microwave", "top", kitchen_machines.microwave, ENAMEL),
    Kind("toaster", "top", kitchen_machines.toaster),
    Kind("printer", "top", machines.printer, ("white", "gray", "black")),
    Kind("coffee maker", "top", kitchen_machines.coffee_maker, ("black", "black", "white", *ANY)),
    Kind("espresso machine", "top", kitchen_machines.espresso_machine, ("gray", "gray", "black", "red", "white")),
    Kind("espresso maker", "top", kitchen_machines.espresso_maker, ()),
    Kind("mixer", "top", kitchen_machines.mixer),
    Kind("blender", "top", kitchen_machines.blender),
    Kind("radio", "top", machines.radio),
    Kind("telephone", "top", machines.telephone, ("black", "white", "gray", *ANY)),
    Kind("coffee cup", "top", dishes.coffee_cup, ("white", "white", "white", *ANY)),
    Kind("mug", "top", dishes.mug),
    Kind("cup", "top", dishes.cup),
    Kind("bowl", "top", dishes.bowl),
    Kind("fruit bowl", "top", food.fruit_bowl, ()),
    Kind("plate", "top", dishes.plate, ("white", "white", *ANY)),
    Kind("vase", "top", dishes.vase),
    Kind("jar", "top", dishes.jar),
    Kind("wine bottle", "top", dishes.wine_bottle, ("green", "green", "black", "brown")),
    Kind("bottle", "top", dishes.bottle),
    Kind("teapot", "top", dishes.teapot),
    Kind("pot", "top", dishes.pot, ("gray", "gray", "gray", "white", "black", "red", "blue")),
    Kind("candle", "top", decoration.candle),
    Kind("lamp", "top", decoration.lamp),
    Kind("desk lamp", "top", decoration.desk_lamp),
    Kind("floor lamp", "floor", decoration.floor_lamp),
    Kind("plant", "floor", decoration.potted_plant, ("green",)),
    Kind("plant", "top", decoration.small_plant, ("green",)),
    Kind("flowers", "top", decoration.flowers, ("red", "yellow", "pink", "white", "orange")),
    Kind("cake", "top", food.cake, ("brown", "white", "pink", "yellow")),
    Kind("milk carton", "top", food.milk_carton, ()),
    Kind("bread", "top", food.bread, ("brown",)),
)
KINDS: Mapping[str, Kind] = {f"{kind.name} {kind.role}".replace(" ", "_"): kind for kind in _KINDS}


def mesh_of(key: str, colour: str, seed: int) -> Mesh:
    """Make a thing of the kind `key`; the same seed gives the same thing. Its colour is of the palette, or ""."""
    rng = np.random.default_rng(seed)
    shade = rng.uniform(0.85, 1.12) * rng.uniform(0.97, 1.03, 3)
    tone = np.clip(np.asarray(PALETTE[colour or "white"]) * shade, 0.0, 1.0)
    mesh = KINDS[key].make(rng, (float(tone[0]), float(tone[1]), float(tone[2])))
    middle = (mesh.low + mesh.high) / 2.0
    return mesh.moved(-float(middle[0]), -float(middle[1]), -float(mesh.low[2]))

"""What kinds of rooms there are, and what belongs into each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from locate3d_ros.data.synthetic.arrangements import chairs_around, in_front_of, lay_rug, row_at_wall
from locate3d_ros.data.synthetic.models import Model
from locate3d_ros.data.synthetic.placement import Furnisher, Spot
from locate3d_ros.data.synthetic.scene import SceneObject
from locate3d_ros.data.synthetic.shell import WALLS, wall_length

# Small things that one expects in each kind of room.
_USUAL = {
    "kitchen": """coffee_cup cup milk_carton bottle mixer coffee_maker bread cupcake microwave espresso_maker blender
        mug bowl wine_bottle plate fruit_bowl espresso_machine teapot toaster rice_cooker cake paper_towels plant
        baby_bottle hot_dog hamburger beer_bottle pot bread_box kitchen_scale coffee_press jar juicer roast_chicken
        toaster_oven salad_bowl deep_fryer sandwich_maker spice_rack knife_block spray_bottle""",
    "dining": """coffee_cup cup mug bowl wine_bottle plate fruit_bowl teapot cake bread candle flowers vase bottle
        beer_bottle roast_chicken salad_bowl pot christmas_tree""",
    "living": """lamp plant book newspaper coffee_cup mug vase flowers candle fruit_bowl radio telephone laptop camera
        teapot jar orchid cactus bonsai_tree chessboard teddy_bear fan handbag wine_bottle bowl
        speaker headphones lantern plant_box gift_box toy_train xylophone christmas_tree dvd_player stereo amplifier
        doll projector cap hat helmet game_console aquarium keyboard""",
    "bedroom": """lamp book teddy_bear plant vase flowers radio telephone camera handbag mug fan laptop candle calendar
        clothes doll hat cap gift_box headphones speaker keyboard""",
    "office": """calendar laptop computer telephone printer desk_lamp lamp book radio coffee_cup mug camera fan plant
        cactus newspaper bottle bonsai_tree headphones pen_holder projector speaker keyboard""",
    "bathroom": "bottle cup paper_towels plant radio candle orchid vase baby_bottle spray_bottle clothes",
}


class Planner:
    """Picks models by role for one kind of room."""

    def __init__(self, room: Furnisher, models: Sequence[Model], kind: str) -> None:
        self.room, self.models, self.walls = room, models, list(WALLS)
        usual = {name.replace("_", " ") for name in _USUAL[kind].split()}
        self._small = [m for m in models if m.role == "top" and m.name in usual]

    def pick(self, role: str, name: str = "") -> Model:
        """Pick a random model of a role, of one name where that is given and known."""
        fitting = [m for m in self.models if m.role == role and (not name or m.name == name)]
        fitting = fitting or [m for m in self.models if m.role == role]
        return fitting[int(self.room.rng.integers(len(fitting)))]

    def has(self, role: str) -> bool:
        """Whether there is any model of a role."""
        return any(m.role == role for m in self.models)

    def at_wall(self, role: str, name: str = "") -> tuple[SceneObject, str] | None:
        """Stand something at whichever wall has room for it, trying other models too; nothing twice of one name."""
        for _ in range(6):
            model = self.pick(role, name)
            if any(o.name == model.name for o in self.room.objects) and role != "desk":
                name = ""
                continue
            for wall in self.room.rng.permutation(self.walls):
                item = self.room.stand_somewhere_at_wall(model, str(wall))
                if item is not None:
                    return item, str(wall)
        return None

    def on_top(self, support: SceneObject, count: int) -> None:
        """Put up to `count` different small things onto a support."""
        for _ in range(2 * count):
            used = {o.name for o in self.room.objects if o.support == support.id}
            model = self._small[int(self.room.rng.integers(len(self._small)))]
            if len(used) < count and model.name not in used:
                self.room.put_somewhere_on(model, support)

    def on_floor(self, count: int) -> None:
        """Stand small things about the room, near the walls."""
        for _ in range(count):
            self.at_wall("floor")


def _living(plan: Planner) -> None:
    rng, room = plan.room.rng, plan.room
    sofa = plan.at_wall("sofa")
    if sofa:
        coffee = in_front_of(room, sofa[0], sofa[1], plan.pick("coffee"), 0.4, facing=False)
        if coffee:
            plan.on_top(coffee, 3)
            middle = (coffee.mesh.low + coffee.mesh.high) / 2.0
            lay_rug(room, (float(middle[0]), float(middle[1])), (2.4, 1.7))
    _television(plan)
    plan.at_wall("armchair")
    plan.at_wall("tall", "bookcase")
    low = plan.at_wall("low", "chest of drawers")
    if low:
        plan.on_top(low[0], 3)
    plan.on_floor(int(rng.integers(2, 4)))


def _television(plan: Planner) -> None:
    stand = plan.at_wall("low", "tv stand")
    if stand:
        middle = (stand[0].mesh.low + stand[0].mesh.high) / 2.0
        yaw = WALLS[stand[1]] * np.pi / 2.0
        plan.room.put_on(plan.pick("tv"), stand[0], Spot(float(middle[0]), float(middle[1]), yaw))
        plan.on_top(stand[0], 1)


def _dining(plan: Planner) -> None:
    rng, room = plan.room.rng, plan.room
    low = plan.at_wall("low", "chest of drawers")
    if low:
        plan.on_top(low[0], 3)
    plan.at_wall("tall")
    _table_with_chairs(plan, 4, 5)
    plan.at_wall("armchair")
    plan.on_floor(int(rng.integers(2, 4)))
    lay_rug(room, (room.size[0] / 2.0, room.size[1] / 2.0), (2.4, 1.8))


def _table_with_chairs(plan: Planner, chairs: int, things: int) -> None:
    room, rng = plan.room, plan.room.rng
    for _ in range(8):
        x, y = (room.size[i] * float(rng.uniform(0.38, 0.62)) for i in (0, 1))
        table = room.stand(plan.pick("dining"), Spot(x, y))
        if table:
            chairs_around(room, table, plan.pick("chair"), chairs)
            plan.on_top(table, things)
            return


def _bedroom(plan: Planner) -> None:
    room = plan.room
    bed = plan.at_wall("bed")
    if bed:
        plan.walls = [w for w in plan.walls if w != bed[1]] + [bed[1]]
        bedside = room.stand_somewhere_at_wall(plan.pick("bedside"), bed[1])
        if bedside:
            plan.on_top(bedside, 2)
    plan.at_wall("tall", "wardrobe")
    low = plan.at_wall("low", "chest of drawers")
    if low:
        plan.on_top(low[0], 3)
    _desk(plan, 4)
    plan.at_wall("armchair")
    plan.on_floor(2)


def _desk(plan: Planner, things: int) -> None:
    desk = plan.at_wall("desk")
    if desk:
        in_front_of(plan.room, desk[0], desk[1], plan.pick("chair"), 0.05)
        plan.on_top(desk[0], things)


def _office(plan: Planner) -> None:
    _desk(plan, 6)
    _desk(plan, 4)
    plan.at_wall("tall", "bookcase")
    plan.at_wall("armchair")
    plan.at_wall("sofa")
    plan.on_floor(4)


def _kitchen(plan: Planner) -> None:
    room, rng = plan.room, plan.room.rng
    wall = max(WALLS, key=lambda w: (wall_length(w, *room.size[:2]), -WALLS[w]))
    counters = [plan.pick("counter") for _ in range(4)]
    units = row_at_wall(room, counters, wall, float(rng.uniform(0.1, 0.6)))
    for unit in units:
        plan.on_top(unit, 2)
    plan.at_wall("tall", "refrigerator")
    plan.at_wall("low", "washing machine")
    _table_with_chairs(plan, 3, 5)
    plan.on_floor(2)


def _bathroom(plan: Planner) -> None:
    plan.at_wall("bath", "bathtub")
    plan.at_wall("bath", "toilet")
    plan.at_wall("bath", "sink")
    machine = plan.at_wall("low", "washing machine")
    if machine:
        plan.on_top(machine[0], 1)
    plan.at_wall("tall", "cupboard")
    plan.at_wall("floor", "laundry basket")
    low = plan.at_wall("low")
    if low:
        plan.on_top(low[0], 3)
    plan.on_floor(2)


def _playroom(plan: Planner) -> None:
    room = plan.room
    if plan.has("big"):
        room.stand(plan.pick("big"), Spot(room.size[0] / 2.0, room.size[1] / 2.0))
    plan.at_wall("sofa")
    _television(plan)
    low = plan.at_wall("low")
    if low:
        plan.on_top(low[0], 3)
    plan.at_wall("armchair")
    plan.on_floor(4)


def _hallway(plan: Planner) -> None:
    low = plan.at_wall("low", "chest of drawers")
    if low:
        plan.on_top(low[0], 3)
    plan.at_wall("tall", "wardrobe")
    plan.on_floor(4)


# Kind of room -> the kind of small things that are usual in it, and what furnishes it.
THEMES: Mapping[str, tuple[str, Callable[[Planner], None]]] = {
    "living room": ("living", _living),
    "kitchen": ("kitchen", _kitchen),
    "bedroom": ("bedroom", _bedroom),
    "office": ("office", _office),
    "dining room": ("dining", _dining),
    "bathroom": ("bathroom", _bathroom),
    "playroom": ("living", _playroom),
    "hallway": ("living", _hallway),
}

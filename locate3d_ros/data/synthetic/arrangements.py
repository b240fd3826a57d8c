"""Groups of furniture that belong together: chairs at a table, a television on its stand, a row of kitchen units."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from locate3d_ros.data.synthetic import textures
from locate3d_ros.data.synthetic.mesh import Material, Mesh, merge
from locate3d_ros.data.synthetic.models import Model
from locate3d_ros.data.synthetic.painting import PALETTE
from locate3d_ros.data.synthetic.placement import Furnisher, Spot
from locate3d_ros.data.synthetic.scene import SceneObject
from locate3d_ros.data.synthetic.shapes import box, quad
from locate3d_ros.data.synthetic.shell import WALLS, on_wall, wall_length

TUCK = 0.12  # metres that a chair without arms is pushed under its table
# Chairs whose arms would meet the table top.
WITH_ARMS = {"armchair", "thonet", "cafe_set_mota_chair", "office-chair", "office_chair", "chair"}


def chairs_around(room: Furnisher, table: SceneObject, chair: Model, count: int) -> list[SceneObject]:
    """Stand up to `count` chairs at the sides of a table, facing it."""
    low, high = table.mesh.low, table.mesh.high
    middle = (low + high) / 2.0
    reach = float(-room.load(chair).low[1]) - (0.0 if chair.key in WITH_ARMS else TUCK) + 0.03
    length = float(high[0] - low[0])
    offsets = (-0.26 * length, 0.26 * length) if length > 1.3 else (0.0,)
    spots = [Spot(float(middle[0]) + o, float(high[1]) + reach, 0.0) for o in offsets]
    spots += [Spot(float(middle[0]) + o, float(low[1]) - reach, math.pi) for o in offsets]
    spots += [Spot(float(high[0]) + reach, float(middle[1]), -math.pi / 2.0)]
    spots += [Spot(float(low[0]) - reach, float(middle[1]), math.pi / 2.0)]
    placed: list[SceneObject] = []
    for index in room.rng.permutation(len(spots)):
        if len(placed) == count:
            break
        spot = spots[index]
        turned = Spot(spot.x, spot.y, spot.yaw + float(room.rng.uniform(-0.12, 0.12)))
        item = room.stand(chair, turned, tucked_under=(table.id,))
        if item is not None:
            placed.append(item)
    return placed


def in_front_of(
    room: Furnisher, item: SceneObject, wall: str, model: Model, gap: float, facing: bool = True
) -> SceneObject | None:
    """Stand a model before a thing that has its back to a wall; `facing` it, or turned as it is."""
    yaw = WALLS[wall] * math.pi / 2.0
    front = np.array([math.sin(yaw), -math.cos(yaw)])
    low, high = item.mesh.low[:2], item.mesh.high[:2]
    mesh = room.load(model)
    half = float(np.abs(front @ (high - low)) / 2.0)
    own = float(mesh.high[1] if not facing else -mesh.low[1])
    place = (low + high) / 2.0 + front * (half + gap + own)
    spot = Spot(float(place[0]), float(place[1]), yaw + (math.pi if facing else 0.0))
    return room.stand(model, spot, tucked_under=(item.id,))


def row_at_wall(room: Furnisher, models: Sequence[Model], wall: str, start: float) -> list[SceneObject]:
    """Stand models side by side along a wall from `start` metres on; those that do not fit are left out."""
    placed, along = [], start
    for model in models:
        mesh = room.load(model)
        width = float(mesh.high[0] - mesh.low[0])
        if along + width > wall_length(wall, room.size[0], room.size[1]):
            break
        item = room.stand_at_wall(model, wall, along + width / 2.0)
        if item is not None:
            placed.append(item)
        along += width + 0.03
    return placed


def hang_picture(room: Furnisher, wall: str, tries: int = 12) -> SceneObject | None:
    """Hang a framed painting where a wall is free; None where it is not."""
    rng = room.rng
    width, height = float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.4, 0.65))
    mesh = picture_mesh(rng, width, height)
    for along in rng.uniform(0.6, max(0.6, wall_length(wall, room.size[0], room.size[1]) - 0.6), tries):
        hung = on_wall(mesh, wall, float(along), room.size[:2], z=1.35)
        if room.fits(hung):
            return room.add(SceneObject(0, "picture", hung))
    return None


def picture_mesh(rng: np.random.Generator, width: float, height: float) -> Mesh:
    """Make a framed painting; its back is y = 0, its lower edge z = 0."""
    frame = Material(PALETTE[str(rng.choice(["brown", "black", "white"]))], shine=0.05)
    half, edge = width / 2.0, 0.04
    view = quad((-half, -0.012, 0), (width, 0, 0), (0, 0, height), Material((1, 1, 1), textures.painting(rng)))
    bars = [box((x, -0.03, -edge), (x + edge, 0.0, height + edge), frame) for x in (-half - edge, half)]
    bars += [box((-half, -0.03, z), (half, 0.0, z + edge), frame) for z in (-edge, height)]
    return merge([view, *bars])


def lay_rug(room: Furnisher, middle: tuple[float, float], size: tuple[float, float]) -> SceneObject:
    """Lay a woven rug, cut to stay inside the room."""
    colour = str(room.rng.choice(["red", "blue", "green", "brown", "gray"]))
    dyed = np.asarray(PALETTE[colour]) * 0.6 + 0.18  # wool takes colours less brightly than paint does
    image = textures.rug(room.rng, (float(dyed[0]), float(dyed[1]), float(dyed[2])))
    x0, y0 = (max(0.15, m - s / 2.0) for m, s in zip(middle, size, strict=True))
    x1, y1 = (min(limit - 0.15, m + s / 2.0) for m, s, limit in zip(middle, size, room.size[:2], strict=True))
    top = quad((x0, y0, 0.008), (x1 - x0, 0, 0), (0, y1 - y0, 0), Material((1, 1, 1), image))
    rim = box((x0, y0, 0.0), (x1, y1, 0.0075), Material(PALETTE[colour]))
    return room.add(SceneObject(0, "rug", merge([top, rim]), colour), solid=False)

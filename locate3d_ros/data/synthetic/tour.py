"""Plans a walk through a home that looks at what stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.camera_path import look_at
from locate3d_ros.data.synthetic.free_space import Walker, free_space, way_to
from locate3d_ros.data.synthetic.mesh import Floats
from locate3d_ros.data.synthetic.scene import RoomArea, Scene

HALF_VIEW = 0.42  # radians: things within this of the view's middle are well seen
SIGHT = (0.7, 3.4)  # metres: nearest and farthest distance at which a thing is well seen
LOOK_SHARE = 0.62  # of all frames look at something; the others lie on the way between
CANDIDATES = 28  # places that are considered in each room


@dataclass(frozen=True)
class Walk:
    """How a camera is carried."""

    height: float  # metres
    radius: float  # metres that the carrier keeps from furniture
    pitch: float | None  # radians below the horizon where it is fixed (a robot); None: it looks at things
    sway: float  # metres: deviation of a hand; radians / 1.5


@dataclass(frozen=True)
class Look:
    """A place and what the camera looks at from it."""

    point: int  # of the walker
    target: tuple[float, float, float]
    room: str


def make_walk(rng: np.random.Generator, kind: str) -> Walk:
    """Draw height and manner of a kind: robot or handheld."""
    if kind == "robot":
        return Walk(float(rng.uniform(0.75, 1.25)), 0.24, float(rng.uniform(0.12, 0.3)), 0.002)
    return Walk(float(rng.uniform(1.3, 1.6)), 0.2, None, 0.012)


def home_tour(scene: Scene, frames: int, walk: Walk, rng: np.random.Generator) -> list[Floats]:
    """Return poses T_map_camera [4, 4]: through all rooms that can be reached, looking at as much as possible.

    Nobody walks through furniture: between two poses the camera follows free floor.
    """
    walker = Walker(free_space(scene), walk.radius)
    reachable = _largest_part(walker)
    looks = []
    share = max(1, int(LOOK_SHARE * frames / len(scene.rooms)))
    for room in scene.rooms:
        looks += _looks(scene, room, walker, reachable, share, rng)
    legs, ordered = _ordered(walker, looks)
    return _poses(walker, ordered, legs, frames, walk, rng)


def _largest_part(walker: Walker) -> NDArray[np.bool_]:
    """Mark the points [n] that can be reached from most others."""
    left = np.arange(len(walker.points))
    best = np.zeros(len(left), dtype=np.bool_)
    while len(left):
        reached = np.isfinite(walker.ways_from(int(left[0]))[0])
        best = reached if reached.sum() > best.sum() else best
        left = left[~reached[left]]
    return best


def _looks(
    scene: Scene, room: RoomArea, walker: Walker, reachable: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> list[Look]:
    """Choose looks in a room one after the other, each showing most of what was seen least."""
    points = walker.points
    inside = reachable & (points > room.low).all(axis=1) & (points < room.high).all(axis=1)
    places = np.flatnonzero(inside)
    items = [o for o in scene.objects if o.room == room.name]
    if not len(places) or not items:
        return []
    places = places[rng.permutation(len(places))[:CANDIDATES]]
    middles = np.asarray([o.middle for o in items])
    offset = middles[None, :, :2] - points[places][:, None]
    distance, bearing = np.hypot(offset[..., 0], offset[..., 1]), np.arctan2(offset[..., 1], offset[..., 0])
    near = (distance > SIGHT[0]) & (distance < SIGHT[1])
    turn = np.abs(np.angle(np.exp(1j * (bearing[:, :, None] - bearing[:, None, :]))))  # [place, aim, item]
    shown = near[:, None, :] & near[:, :, None] & (turn < HALF_VIEW)
    worth = np.where([bool(o.support) for o in items], 1.6, 1.0) / np.clip(distance, 1.0, None)[:, None, :]
    seen, looks = np.zeros(len(items)), []
    for _ in range(count):
        gain = (shown * worth * 0.5 ** seen[None, None, :]).sum(axis=2) + 1e-3 * rng.random(shown.shape[:2])
        place, aim = np.unravel_index(int(gain.argmax()), gain.shape)
        group = shown[place, aim].copy()
        if not group.any():
            group = np.arange(len(items)) == aim
        seen += group
        shown[place, aim] = False
        worth[place] *= 0.6  # rather from somewhere else next time
        target = middles[aim] * 0.5 + middles[group].mean(axis=0) * 0.5
        looks.append(Look(int(places[place]), (float(target[0]), float(target[1]), float(target[2])), room.name))
    return looks


def _ordered(walker: Walker, looks: Sequence[Look]) -> tuple[list[list[int]], list[Look]]:
    """Order looks so that each is the nearest to the one before, and return the ways between them."""
    left, ordered, legs = list(looks[1:]), [looks[0]], []
    while left:
        length, before = walker.ways_from(ordered[-1].point)
        following = min(
            range(len(left)), key=lambda i: (left[i].room != ordered[-1].room, float(length[left[i].point]))
        )
        ordered.append(left.pop(following))
        legs.append(way_to(before, ordered[-1].point))
    return legs, ordered


def _poses(
    walker: Walker, looks: Sequence[Look], legs: Sequence[list[int]], frames: int, walk: Walk, rng: np.random.Generator
) -> list[Floats]:
    """Spread the frames that are left over the ways, by their length, and pose the camera at each."""
    lengths = np.asarray([len(leg) - 1.0 for leg in legs]) + 1e-6
    spare = max(0, frames - len(looks))
    between = np.diff(np.round(spare * np.concatenate(([0.0], np.cumsum(lengths))) / lengths.sum()).astype(np.int64))
    eyes, targets = [walker.points[looks[0].point]], [np.asarray(looks[0].target)]
    for leg, look, count in zip(legs, looks[1:], between, strict=True):
        way, start = walker.points[leg], targets[-1]
        for k in range(1, count + 1):
            share = k / (count + 1.0)
            place = way[round(share * (len(way) - 1))]
            eyes.append(place)
            targets.append(_between(place, start, np.asarray(look.target), share))
        eyes.append(way[-1])
        targets.append(np.asarray(look.target))
    return [_pose(eye, target, walk, rng) for eye, target in zip(eyes, targets, strict=True)][:frames]


def _between(place: Floats, start: Floats, stop: Floats, share: float) -> Floats:
    """Return a target that lies between two as seen from a place: the camera turns the shorter way."""
    first, second = start[:2] - place, stop[:2] - place
    from_angle = np.arctan2(first[1], first[0])
    turn = np.angle(np.exp(1j * (np.arctan2(second[1], second[0]) - from_angle)))
    angle = from_angle + share * turn
    reach = max(1.2, (1.0 - share) * np.hypot(*first) + share * np.hypot(*second))
    height = (1.0 - share) * start[2] + share * stop[2]
    return np.array([place[0] + reach * np.cos(angle), place[1] + reach * np.sin(angle), height])


def _pose(place: Floats, target: Floats, walk: Walk, rng: np.random.Generator) -> Floats:
    eye = np.append(place, walk.height) + rng.normal(0.0, walk.sway, 3)
    aim = np.array([target[0], target[1], target[2] + 0.1]) + rng.normal(0.0, 1.5 * walk.sway, 3)
    away = max(float(np.hypot(*(aim[:2] - eye[:2]))), 0.6)
    if walk.pitch is not None:
        aim[2] = eye[2] - away * np.tan(walk.pitch)
    # Nobody looks straight down or up.
    aim[2] = np.clip(aim[2], eye[2] - 0.75 * away, eye[2] + 0.3 * away)
    return look_at(eye, aim)

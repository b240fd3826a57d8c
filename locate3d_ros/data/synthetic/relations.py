"""Which relations hold between the things of a scene, in three values: 1 yes, 0.5 one may argue, 0 no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Floats
from locate3d_ros.data.synthetic.scene import Scene

NEXT_TO = 0.35  # metres: things closer than this are next to each other …
NOT_NEXT_TO = 1.0  # … farther than this they are not
CLEARLY_NEARER = 0.45  # metres by which the nearest must win
BESIDE = 1.6  # metres: what is farther than this is not said to be left or right of something
LEVEL = 0.03  # metres
Truth = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Where everything is: boxes, supports, rooms, and what the last camera saw of it."""

    low: Floats  # [n, 3]
    high: Floats  # [n, 3]
    support: NDArray[np.int64]  # [n] index of what a thing stands on; −1: floor or wall
    room: NDArray[np.int64]  # [n]
    T_map_camera: Floats  # [4, 4] where the viewer stands at the end
    visible: NDArray[np.bool_]  # [n] in the last image

    @property
    def middle(self) -> Floats:
        """Middles [n, 3] of the boxes."""
        return (self.low + self.high) / 2.0


def layout_of(scene: Scene, T_map_camera: Floats, visible: set[int]) -> Layout:
    """Lay out a scene as it is seen at the end."""
    index = {o.id: i for i, o in enumerate(scene.objects)}
    rooms = {room.name: i for i, room in enumerate(scene.rooms)}
    return Layout(
        np.asarray([o.mesh.low for o in scene.objects]),
        np.asarray([o.mesh.high for o in scene.objects]),
        np.asarray([index.get(o.support, -1) for o in scene.objects]),
        np.asarray([rooms.get(o.room, -1) for o in scene.objects]),
        T_map_camera,
        np.asarray([o.id in visible for o in scene.objects]),
    )


def gaps(layout: Layout) -> Floats:
    """Return the distances [n, n] between boxes, metres."""
    apart = np.maximum(layout.low[:, None] - layout.high[None], layout.low[None] - layout.high[:, None])
    return np.asarray(np.linalg.norm(np.maximum(apart, 0.0), axis=2))


def _levels(sure: NDArray[np.bool_], perhaps: NDArray[np.bool_]) -> Truth:
    return np.where(sure, 1.0, np.where(perhaps, 0.5, 0.0))


def _shared_ground(layout: Layout) -> Floats:
    """Return what share [n, n] of the first thing's ground lies within the second's."""
    low = np.maximum(layout.low[:, None, :2], layout.low[None, :, :2])
    high = np.minimum(layout.high[:, None, :2], layout.high[None, :, :2])
    own = np.prod(np.maximum(layout.high - layout.low, 1e-3)[:, :2], axis=1)
    return np.asarray(np.prod(np.maximum(high - low, 0.0), axis=2) / own[:, None])


def _on(layout: Layout) -> Truth:
    stands = layout.support[:, None] == np.arange(len(layout.low))[None]
    overhead = (_shared_ground(layout) > 0.3) & (layout.low[:, None, 2] > layout.low[None, :, 2] + LEVEL)
    return _levels(stands, overhead)


def _under(layout: Layout) -> Truth:
    shared = _shared_ground(layout)
    on_floor = layout.low[:, 2] < LEVEL
    lower = layout.high[:, None, 2] < layout.high[None, :, 2] - LEVEL
    beneath = (shared > 0.8) & lower & on_floor[:, None] & (layout.high[:, None, 2] - layout.low[:, None, 2] > LEVEL)
    return _levels(beneath & (layout.support[None] == -1), (shared > 0.15) & lower)


def _above(layout: Layout) -> Truth:
    shared = _shared_ground_wide(layout)
    same = layout.room[:, None] == layout.room[None]
    higher = layout.low[:, None, 2] > layout.high[None, :, 2] - LEVEL
    hangs = (layout.support == -1) & (layout.low[:, 2] > 0.8)
    return _levels(hangs[:, None] & (shared > 0.6) & higher & same, (shared > 0.1) & higher & same)


def _shared_ground_wide(layout: Layout) -> Floats:
    """As _shared_ground, with 0.3 m more of the second thing on every side: a picture hangs behind a sofa."""
    wide = Layout(layout.low, layout.high, layout.support, layout.room, layout.T_map_camera, layout.visible)
    low = np.maximum(wide.low[:, None, :2], wide.low[None, :, :2] - 0.3)
    high = np.minimum(wide.high[:, None, :2], wide.high[None, :, :2] + 0.3)
    own = np.prod(np.maximum(wide.high - wide.low, 1e-3)[:, :2], axis=1)
    return np.asarray(np.prod(np.maximum(high - low, 0.0), axis=2) / own[:, None])


def _next_to(layout: Layout) -> Truth:
    distance = gaps(layout)
    level = layout.support[:, None] == layout.support[None]
    same = layout.room[:, None] == layout.room[None]
    return _levels((distance < NEXT_TO) & level & same, (distance < NOT_NEXT_TO) & same)


def _seen_from(layout: Layout) -> tuple[Floats, Floats, Floats, Floats]:
    """Return left and right end [n] as tangents in the last camera, distance [n], and height of the middle [n]."""
    T_camera_map = np.linalg.inv(layout.T_map_camera)
    corners = np.stack([np.where(np.array(c), layout.high, layout.low) for c in np.ndindex(2, 2, 2)], axis=1)
    in_camera = corners @ T_camera_map[:3, :3].T + T_camera_map[:3, 3]
    tangents = in_camera[..., 0] / np.maximum(in_camera[..., 2], 0.05)
    middle = layout.middle @ T_camera_map[:3, :3].T + T_camera_map[:3, 3]
    return tangents.min(axis=1), tangents.max(axis=1), np.linalg.norm(middle, axis=1), middle[:, 2]


def _beside(layout: Layout, left: bool) -> Truth:
    """Left or right of a thing as the viewer sees it at the end; both must be in the last image."""
    low, high, distance, ahead = _seen_from(layout)
    if not left:
        low, high = -high, -low
    clear = high[:, None] < low[None] + 0.02
    leaning = (low + high)[:, None] < (low + high)[None]
    near = gaps(layout) < BESIDE
    alike = np.abs(distance[:, None] - distance[None]) < 1.2
    same = layout.room[:, None] == layout.room[None]
    level = (layout.support[:, None] == -1) == (layout.support[None] == -1)
    both = layout.visible[:, None] & layout.visible[None]
    unsure = (ahead < 0.3)[:, None] | leaning
    return _levels(clear & near & alike & same & both & level, unsure & same)


def _in_front_of(layout: Layout, behind: bool) -> Truth:
    """Nearer to the viewer than a thing, and before it in the last image."""
    low, high, distance, _ = _seen_from(layout)
    overlap = np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None])
    width = np.minimum(high - low, (high - low)[:, None])
    nearer = distance[None] - distance[:, None]
    nearer = -nearer if behind else nearer
    same = layout.room[:, None] == layout.room[None]
    both = layout.visible[:, None] & layout.visible[None]
    floor = (layout.support == -1) & (layout.low[:, 2] < LEVEL)
    near = gaps(layout) < BESIDE
    sure = (overlap > 0.6 * width) & (nearer > 0.5) & near & both & floor[:, None] & floor[None]
    return _levels(sure & same, (nearer > 0.0) & same)


RELATIONS: Mapping[str, Callable[[Layout], Truth]] = {
    "on": _on,
    "under": _under,
    "above": _above,
    "next to": _next_to,
    "left of": lambda layout: _beside(layout, left=True),
    "right of": lambda layout: _beside(layout, left=False),
    "in front of": lambda layout: _in_front_of(layout, behind=False),
    "behind": lambda layout: _in_front_of(layout, behind=True),
}


def between(layout: Layout, first: int, second: int) -> Truth:
    """Tell of everything [n] whether it is between two things."""
    middle = layout.middle[:, :2]
    start, stop = middle[first], middle[second]
    along = stop - start
    length = max(float(np.hypot(*along)), 1e-6)
    share = ((middle - start) @ along) / length**2
    aside = np.abs((middle - start) @ np.array([-along[1], along[0]])) / length
    same = (layout.room == layout.room[first]) & (layout.room[first] == layout.room[second])
    level = layout.support == layout.support[first]
    sure = (share > 0.3) & (share < 0.7) & (aside < 0.2 * length + 0.1) & (length < 3.0)
    perhaps = (share > 0.1) & (share < 0.9) & (aside < 0.5 * length + 0.2)
    truth = _levels(sure & same & level, perhaps & same)
    truth[[first, second]] = 0.0
    return truth


def extreme(layout: Layout, group: NDArray[np.int64], anchor: int, farthest: bool) -> Truth:
    """Tell of everything [n] whether it is the one of a group that is nearest to (or farthest from) a thing."""
    truth = np.zeros(len(layout.low))
    if len(group) < 2:
        return truth
    distance = gaps(layout)[group, anchor] * (-1.0 if farthest else 1.0)
    ahead = distance - distance.min() < CLEARLY_NEARER
    truth[group[ahead]] = 1.0 if ahead.sum() == 1 else 0.5
    return truth

"""What a data set folder says about a rendered scene: its objects, its room, its licences (DESIGN 5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Floats
from locate3d_ros.data.synthetic.render import Camera, View
from locate3d_ros.data.synthetic.scene import RoomArea, Scene
from locate3d_ros.data.synthetic.shell import Surfaces


@dataclass
class Seen:
    """What all frames together saw of one object: pixels with depth, and the box of their true points."""

    pixels: int
    low: Floats  # [3]
    high: Floats  # [3]


def note_seen(seen: dict[int, Seen], view: View, camera: Camera, measured: NDArray[np.bool_]) -> None:
    """Add a frame's true points of every object to what was seen of it."""
    pixels = np.flatnonzero(measured & (view.ids > 0))
    if not len(pixels):
        return
    # By object, so that one reduction serves all of them.
    pixels = pixels[np.argsort(view.ids.reshape(-1)[pixels], kind="stable")]
    found, start, count = np.unique(view.ids.reshape(-1)[pixels], return_index=True, return_counts=True)
    rays, depth = camera.pixel_rays[pixels], view.depth.reshape(-1)[pixels]
    xyz = [(rays[:, k] + rays[:, k + 3] * depth).astype(np.float64) for k in range(3)]
    lows, highs = (np.stack([ufunc.reduceat(x, start) for x in xyz], axis=1) for ufunc in (np.minimum, np.maximum))
    for i, n, low, high in zip(found.tolist(), count.tolist(), lows, highs, strict=True):
        old = seen.get(i)
        if old is None:
            seen[i] = Seen(n, low, high)
        else:
            seen[i] = Seen(old.pixels + n, np.minimum(old.low, low), np.maximum(old.high, high))


def objects_json(room: Scene, seen: Mapping[int, Seen]) -> list[dict[str, Any]]:
    """Describe every object: box of its mesh, box of what was seen of it, and how many pixels that was."""
    entries = []
    for item in room.objects:
        entry: dict[str, Any] = {
            "id": item.id,
            "name": item.name,
            "category": item.name,
            "box_min": _rounded(item.mesh.low),
            "box_max": _rounded(item.mesh.high),
            "room": item.room,
            "attributes": dict(item.attributes),
            "support": item.support,
            "model": item.source,
            "pixels": seen[item.id].pixels if item.id in seen else 0,
        }
        if item.id in seen:
            entry["seen_min"], entry["seen_max"] = _rounded(seen[item.id].low), _rounded(seen[item.id].high)
        entries.append(entry)
    return entries


def scene_json(room: Scene) -> dict[str, Any]:
    """Describe the scene: its rooms as polygons with what covers them, its seed, and the licence of every model."""
    sources = sorted({(o.source, o.licence, o.creator) for o in room.objects})
    return {
        "id": room.id,
        "seed": room.seed,
        "rooms": [_room_json(area) for area in room.rooms],
        "licences": [{"model": s, "licence": licence, "creator": creator} for s, licence, creator in sources],
    }


def _room_json(area: RoomArea) -> dict[str, Any]:
    (x0, y0), (x1, y1) = (_rounded(np.asarray(corner)) for corner in (area.low, area.high))
    polygon = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    entry: dict[str, Any] = {"name": area.name, "polygon": polygon, "height": round(area.height, 4)}
    return entry if area.surfaces is None else entry | {"surfaces": _surfaces_json(area.surfaces)}


def _surfaces_json(surfaces: Surfaces) -> dict[str, Any]:
    return {
        "floor": surfaces.floor,
        "floor_colour": list(surfaces.floor_colour),
        "wall": surfaces.wall,
        "wall_colour": list(surfaces.wall_colour),
    }


def _rounded(values: Floats) -> list[float]:
    return [round(float(v), 4) for v in values]

"""What a data set folder says about a rendered scene: its objects, its room, its licences (DESIGN 5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Floats
from locate3d_ros.data.synthetic.render import Camera, View
from locate3d_ros.data.synthetic.scene import Room


@dataclass
class Seen:
    """What all frames together saw of one object: pixels with depth, and the box of their true points."""

    pixels: int
    low: Floats  # [3]
    high: Floats  # [3]


def note_seen(seen: dict[int, Seen], view: View, camera: Camera, measured: NDArray[np.bool_]) -> None:
    """Add a frame's true points of every object to what was seen of it."""
    rows, columns = np.nonzero(measured & (view.ids > 0))
    rays = camera.rays(columns.astype(np.float64), rows.astype(np.float64))
    xyz = (rays[:, :3] + rays[:, 3:] * view.depth[rows, columns, None]).astype(np.float64)
    ids = view.ids[rows, columns]
    for i in np.unique(ids):
        points = xyz[ids == i]
        low, high = points.min(axis=0), points.max(axis=0)
        if i in seen:
            old = seen[int(i)]
            seen[int(i)] = Seen(old.pixels + len(points), np.minimum(old.low, low), np.maximum(old.high, high))
        else:
            seen[int(i)] = Seen(len(points), low, high)


def objects_json(room: Room, seen: Mapping[int, Seen]) -> list[dict[str, Any]]:
    """Describe every object: box of its mesh, box of what was seen of it, and how many pixels that was."""
    entries = []
    for item in room.objects:
        entry: dict[str, Any] = {
            "id": item.id,
            "name": item.name,
            "category": item.name,
            "box_min": _rounded(item.mesh.low),
            "box_max": _rounded(item.mesh.high),
            "room": room.name,
            "attributes": dict(item.attributes),
            "support": item.support,
            "model": item.source,
            "pixels": seen[item.id].pixels if item.id in seen else 0,
        }
        if item.id in seen:
            entry["seen_min"], entry["seen_max"] = _rounded(seen[item.id].low), _rounded(seen[item.id].high)
        entries.append(entry)
    return entries


def scene_json(room: Room) -> dict[str, Any]:
    """Describe the scene: its room as a polygon, its seed, and the licence of every model in it."""
    w, d = round(room.width, 4), round(room.depth, 4)
    sources = sorted({(o.source, o.licence, o.creator) for o in room.objects})
    return {
        "id": room.name,
        "seed": room.seed,
        "rooms": [{"name": room.name, "polygon": [[0, 0], [w, 0], [w, d], [0, d]], "height": round(room.height, 4)}],
        "licences": [{"model": s, "licence": licence, "creator": creator} for s, licence, creator in sources],
    }


def _rounded(values: Floats) -> list[float]:
    return [round(float(v), 4) for v in values]

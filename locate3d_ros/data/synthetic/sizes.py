"""Which things people call large or small: beside others of the same name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from locate3d_ros.data.synthetic.scene import SceneObject

CLEARLY = 1.35  # times: the largest extent must differ by this from that of every other of its name


def with_sizes(objects: Sequence[SceneObject]) -> tuple[SceneObject, ...]:
    """Mark the one clearly largest and the one clearly smallest of every name."""
    return tuple(replace(o, size=_size(o, objects)) for o in objects)


def _size(item: SceneObject, objects: Sequence[SceneObject]) -> str:
    others = [_extent(o) for o in objects if o.name == item.name and o is not item]
    if not others:
        return ""
    own = _extent(item)
    if own > CLEARLY * max(others):
        return "large"
    return "small" if own * CLEARLY < min(others) else ""


def _extent(item: SceneObject) -> float:
    return float((item.mesh.high - item.mesh.low).max())

"""What a node says about itself on /diagnostics; every message that is not "ok" names the cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from locate3d_ros.nodes.camera_input import CameraInput
from locate3d_ros.nodes.scene_cache import Ready
from locate3d_ros.types import Localization, Status

SILENCE = 3.0
"""Seconds without a message after which a stream counts as dry."""
_FRESH = 10.0  # seconds that a fault is shown after its last occurrence

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)
_REFUSED = (Status.BUSY, Status.TIMEOUT, Status.FAILED)


def to_array(node: Node, statuses: list[DiagnosticStatus]) -> DiagnosticArray:
    """Stamp a node's statuses."""
    array = DiagnosticArray(status=statuses)
    array.header.stamp = node.get_clock().now().to_msg()
    return array


def to_status(node: Node, part: str, level: bytes, message: str, values: Mapping[str, Any]) -> DiagnosticStatus:
    """Return the status of one part of a node."""
    name = node.get_fully_qualified_name()
    pairs = [
        KeyValue(key=key, value=f"{value:.3g}" if isinstance(value, float) else str(value))
        for key, value in values.items()
    ]
    return DiagnosticStatus(name=f"{name}: {part}", hardware_id=name, level=level, message=message, values=pairs)


def camera_health(camera: CameraInput, is_paused: bool) -> tuple[bytes, str]:
    """Return level and message of a camera's input, the first cause in the order of the flow."""
    for topic in (camera.rgb, camera.depth):
        if topic.rate.total == 0:
            return STALE, f"no images on {topic.name}"
        if topic.rate.age > SILENCE:
            return STALE, f"no images on {topic.name} for {topic.rate.age:.0f} s"
    if is_paused:
        return OK, "paused"
    if camera.rgb_info.newest is None:
        return WARN, f"waiting for {camera.rgb_info.topic.name}"
    if camera.pairs.age > SILENCE:
        return WARN, f"stamps of {camera.rgb.name} and {camera.depth.name} differ by more than mapping.sync_slop"
    fault = camera.drops.recent(_FRESH)
    if fault is None:
        return OK, "ok"
    # A fault among frames that arrive in the map is a warning, nothing but faults an error.
    return (WARN if camera.integrated.age < SILENCE else ERROR), fault


def camera_values(camera: CameraInput) -> dict[str, Any]:
    """Return a camera's figures."""
    values: dict[str, Any] = {
        "rgb rate (Hz)": camera.rgb.rate.hertz,
        "depth rate (Hz)": camera.depth.rate.hertz,
        "paired rate (Hz)": camera.pairs.hertz,
        "integrated rate (Hz)": camera.integrated.hertz,
        "integrated": camera.integrated.total,
        "depth/camera_info": "yes" if camera.depth_info.newest is not None else "none: depth counts as registered",
    }
    drops = camera.drops.counts()
    values["dropped"] = sum(drops.values())
    values["TF failures"] = drops.get("no transform", 0)
    return values | {f"dropped: {reason}": count for reason, count in sorted(drops.items())}


def request_health(last: Localization | None, ready: Ready | None) -> tuple[bytes, str]:
    """Return level and message of the requests."""
    if last is not None and last.status in _REFUSED:
        level = ERROR if last.status is Status.FAILED else WARN
        return level, f"last request: {last.status.name}: {last.message}"
    return OK, "ok" if ready is not None else "no map prepared yet"


def request_values(last: Localization | None, ready: Ready | None, pending: int, total: int) -> dict[str, Any]:
    """Return the figures of the requests."""
    values: dict[str, Any] = {"requests": total, "pending": pending}
    if last is not None:
        values |= {"last status": last.status.name, "last seconds": last.seconds}
    if ready is not None:
        values |= {
            "prepared revision": ready.revision,
            "prepared voxels": len(ready.scene.snapshot),
            "preparing took (s)": ready.seconds,
        }
    return values

"""Keeps the scene that was prepared last, for callers that ask the same map again and again."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from locate3d_ros.types import MapSnapshot, PreparedScene

Scene = TypeVar("Scene", bound=PreparedScene)


class NewestScene(Generic[Scene]):
    """Prepares a snapshot once, however many threads ask for it."""

    def __init__(self, prepare: Callable[[MapSnapshot], Scene]) -> None:
        self._prepare = prepare
        self._lock = Lock()
        self._scene: Scene | None = None

    def of(self, snapshot: MapSnapshot) -> Scene:
        """Return the prepared scene of a snapshot, prepared now where it is another one than last time."""
        with self._lock:
            if self._scene is None or self._scene.snapshot is not snapshot:
                self._scene = self._prepare(snapshot)
            return self._scene

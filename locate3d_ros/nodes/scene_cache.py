"""Keeps the newest state of the map prepared for requests, in the background and without haste."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from locate3d_ros.nodes.live_map import MapSource
from locate3d_ros.nodes.worker import describe, yield_to_others
from locate3d_ros.types import Localizer, PreparedScene

_TICK = 0.1  # seconds between two looks at the map


@dataclass(frozen=True)
class Ready:
    """A prepared state of the map."""

    generation: int
    revision: int  # of the map when it was taken
    scene: PreparedScene
    seconds: float  # that preparing took


class SceneCache:
    """Prepares the map anew once it changed and some time has passed; requests use the newest finished state."""

    def __init__(
        self, source: MapSource, localizer: Localizer, min_interval: float, report: Callable[[str], None]
    ) -> None:
        """`report` gets the sentence of an unexpected exception in the background."""
        self._source = source
        self._localizer = localizer
        self._min_interval = min_interval
        self._report = report
        self._ready: Ready | None = None
        self._finished = float("-inf")
        self._preparing = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scene cache", daemon=True)

    def start(self) -> None:
        """Begin to follow the map."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End the background work."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def ready(self) -> Ready | None:
        """The newest finished state, if it is of the present map."""
        ready = self._ready
        return ready if ready is not None and ready.generation == self._source.generation else None

    def scene(self) -> PreparedScene | None:
        """Return the newest finished state, prepared now where there is none; None while the map is empty."""
        ready = self.ready
        if ready is None:
            with self._preparing:
                ready = self.ready or self._prepare()
        return None if ready is None else ready.scene

    def _run(self) -> None:
        is_yielding = False
        while not self._stop.wait(_TICK):
            try:
                if self._is_due():
                    with self._preparing:
                        prepared = self._prepare()
                    if prepared is not None and not is_yielding:
                        # The first state is what requests wait for; from then on mapping has priority.
                        yield_to_others()
                        is_yielding = True
            except Exception as error:  # noqa: BLE001 - the next state of the map gets its chance
                self._finished = time.monotonic()
                self._report(f"preparing the map for requests: {describe(error)}")

    def _is_due(self) -> bool:
        ready = self.ready
        if ready is not None and ready.revision == self._source.revision:
            return False
        return time.monotonic() - self._finished >= self._min_interval

    def _prepare(self) -> Ready | None:
        started = time.monotonic()
        generation, revision = self._source.generation, self._source.revision
        snapshot = self._source.snapshot()
        if len(snapshot) == 0:
            return None
        scene = self._localizer.prepare(snapshot)
        self._finished = time.monotonic()
        self._ready = Ready(generation, revision, scene, self._finished - started)
        return self._ready

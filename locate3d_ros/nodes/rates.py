"""How often something happened, for diagnostics."""

from __future__ import annotations

import threading
import time
from collections import deque

WINDOW = 5.0
"""Seconds over which a rate is measured."""
_MAX_EVENTS = 5_000


class Rate:
    """Counts events and measures their rate over the last seconds. Safe for threads."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self.total = 0
        self._times: deque[float] = deque(maxlen=_MAX_EVENTS)
        self._last = float("-inf")
        self._lock = threading.Lock()

    def count(self) -> None:
        """Note that it happened now."""
        with self._lock:
            self.total += 1
            self._last = time.monotonic()
            self._times.append(self._last)

    @property
    def hertz(self) -> float:
        """Events per second over the last seconds."""
        with self._lock:
            start = time.monotonic() - WINDOW
            while self._times and self._times[0] < start:
                self._times.popleft()
            return len(self._times) / WINDOW

    @property
    def age(self) -> float:
        """Seconds since it last happened; infinite when it never did."""
        return time.monotonic() - self._last

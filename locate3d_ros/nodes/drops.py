"""Frames that cannot be used: dropped, counted by reason, reported now and then."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from locate3d_ros.errors import InputError

WARNING_INTERVAL = 5.0
"""Seconds between two warnings of the same reason."""


class DroppedFrameError(InputError):
    """A frame that cannot be used; `reason` is the short name under which it is counted."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep the reason beside the one line that names topic, reason and mend."""
        super().__init__(message)
        self.reason = reason


class DropCounter:
    """Counts dropped frames by reason and warns at most once per reason and interval. Safe for threads."""

    def __init__(self, warn: Callable[[str], object], interval: float = WARNING_INTERVAL) -> None:
        """Report through `warn`."""
        self._warn = warn
        self._interval = interval
        self._counts: Counter[str] = Counter()
        self._warned: dict[str, float] = {}
        self._last: tuple[float, str] | None = None
        self._lock = threading.Lock()

    def add(self, reason: str, message: str) -> None:
        """Count a frame dropped for a reason; warn unless that happened a moment ago."""
        with self._lock:
            self._counts[reason] += 1
            self._last = (time.monotonic(), message)
            total, now = self._counts[reason], time.monotonic()
            silent = now - self._warned.get(reason, -self._interval) < self._interval
            if not silent:
                self._warned[reason] = now
        if not silent:
            self._warn(f"{message} (frame dropped, {reason}: {total} so far)")

    def count(self, reason: str, count: int = 1) -> None:
        """Count frames dropped for a reason that is no fault: nothing is reported."""
        with self._lock:
            self._counts[reason] += count

    def recent(self, seconds: float) -> str | None:
        """Return the last fault's message unless it happened longer ago."""
        last = self._last
        return last[1] if last is not None and time.monotonic() - last[0] < seconds else None

    def counts(self) -> dict[str, int]:
        """Return how many frames were dropped for each reason so far."""
        with self._lock:
            return dict(self._counts)

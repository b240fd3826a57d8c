"""A thread that works through a bounded queue, newest things first in importance: the oldest is dropped."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

BACKGROUND_NICENESS = 5


class Worker(Generic[Item]):
    """Hands queued items to a function, one at a time, in its own thread.

    An exception of the function is reported and ends nothing: the next item gets its turn.
    """

    def __init__(self, name: str, work: Callable[[Item], None], capacity: int, report: Callable[[str], None]) -> None:
        """Keep `capacity` waiting items at most; `report` gets the sentence of an unexpected exception."""
        self._work = work
        self._capacity = capacity
        self._report = report
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def put(self, item: Item) -> int:
        """Queue an item; return how many old ones had to go for it (0 or 1)."""
        with self._changed:
            self._items.append(item)
            dropped = len(self._items) > self._capacity
            if dropped:
                self._items.popleft()
            self._changed.notify()
        return int(dropped)

    def clear(self) -> None:
        """Forget the items that wait."""
        with self._changed:
            self._items.clear()

    @property
    def depth(self) -> int:
        """How many items wait."""
        with self._changed:
            return len(self._items)

    @property
    def is_stopping(self) -> bool:
        """Whether the thread was told to end; long work looks at it."""
        return self._is_stopping

    def stop(self, timeout: float = 5.0) -> None:
        """End the thread; what it works on is finished first, within `timeout` seconds."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while (item := self._next()) is not None:
            try:
                self._work(item)
            except Exception as error:  # noqa: BLE001 - one bad item must not end the mapping of all later ones
                self._report(describe(error))

    def _next(self) -> Item | None:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._is_stopping)
            return None if self._is_stopping else self._items.popleft()


def yield_to_others() -> None:
    """Let the calling thread, and those that it starts, have the processor when nobody else needs it."""
    # Linux keeps this value per thread; POSIX names the process, hence the odd constant.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICENESS)


def describe(error: BaseException) -> str:
    """Return an exception as one sentence."""
    return f"{type(error).__name__}: {' '.join(str(error).split()) or 'no further detail'}"

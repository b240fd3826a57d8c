"""Pairs colour and depth messages whose stamps nearly agree."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Message = TypeVar("Message")
Stream = Literal["rgb", "depth"]


@dataclass(frozen=True)
class Pair(Generic[Message]):
    """A colour and a depth message of the same moment."""

    rgb: Message
    depth: Message


class Synchronizer(Generic[Message]):
    """Matches two streams by stamp, each message once, as soon as its partner is there. Safe for threads."""

    def __init__(self, slop: float, capacity: int, on_unpaired: Callable[[Stream, int], None]) -> None:
        """Stamps may differ by `slop` seconds; `capacity` messages of each stream wait for a partner.

        `on_unpaired` is told how many messages of a stream were given up.
        """
        self._slop = round(slop * 1e9)
        self._capacity = capacity
        self._on_unpaired = on_unpaired
        self._waiting: dict[Stream, deque[tuple[int, Message]]] = {"rgb": deque(), "depth": deque()}
        self._lock = threading.Lock()

    def add(self, stream: Stream, stamp: int, message: Message) -> Pair[Message] | None:
        """Take a message with its stamp in nanoseconds; return the pair that it completes, if any."""
        other: Stream = "depth" if stream == "rgb" else "rgb"
        with self._lock:
            partner = self._nearest(other, stamp)
            if partner is None:
                given_up = self._keep(stream, stamp, message)
                matched = None
            else:
                matched = self._waiting[other][partner][1]
                # What came before a matched pair finds no partner any more: messages of a stream come in order.
                given_up = {other: self._forget(other, partner), stream: self._forget_before(stream, stamp)}
        for name, count in given_up.items():
            if count:
                self._on_unpaired(name, count)
        if matched is None:
            return None
        return Pair(message, matched) if stream == "rgb" else Pair(matched, message)

    def clear(self) -> None:
        """Forget what waits."""
        with self._lock:
            for waiting in self._waiting.values():
                waiting.clear()

    def _nearest(self, stream: Stream, stamp: int) -> int | None:
        distances = [abs(stamp - other) for other, _ in self._waiting[stream]]
        best = min(range(len(distances)), key=distances.__getitem__, default=None)
        return best if best is not None and distances[best] <= self._slop else None

    def _keep(self, stream: Stream, stamp: int, message: Message) -> dict[Stream, int]:
        waiting = self._waiting[stream]
        waiting.append((stamp, message))
        if len(waiting) <= self._capacity:
            return {}
        waiting.popleft()
        return {stream: 1}

    def _forget(self, stream: Stream, matched: int) -> int:
        for _ in range(matched + 1):
            self._waiting[stream].popleft()
        return matched

    def _forget_before(self, stream: Stream, stamp: int) -> int:
        waiting = self._waiting[stream]
        count = 0
        while waiting and waiting[0][0] < stamp:
            waiting.popleft()
            count += 1
        return count

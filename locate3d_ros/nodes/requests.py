"""Requests for objects: one after another, a few may wait, each within its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, replace

from locate3d_ros.nodes.scene_cache import SceneCache
from locate3d_ros.nodes.worker import Worker, describe
from locate3d_ros.types import Localization, LocalizeOptions, Localizer, MapSnapshot, Status

MAX_PENDING = 4
"""Requests that may wait or be worked on at a time; further ones are told BUSY."""

MAX_TEXT = 2_000
"""Characters of a request; longer ones are no sentences."""


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    text: str
    options: LocalizeOptions
    timeout: float  # seconds


@dataclass(frozen=True)
class Answer:
    """A localization and the state of the map that it is about (None: there was none to ask)."""

    localization: Localization
    snapshot: MapSnapshot | None


@dataclass(frozen=True)
class _Job:
    request: Request
    future: Future[Answer]


class RequestDesk:
    """Answers requests in a thread of its own; every failure is a status and one sentence."""

    def __init__(
        self, scenes: SceneCache, localizer: Localizer, hint: Callable[[], str], report: Callable[[str], None]
    ) -> None:
        """`hint` says how an empty map gets filled; `report` gets unexpected exceptions."""
        self._scenes = scenes
        self._localizer = localizer
        self._hint = hint
        self._report = report
        self._pending = 0
        self._lock = threading.Lock()
        self._worker: Worker[_Job] = Worker("requests", self._work, MAX_PENDING, report)

    def start(self) -> None:
        """Begin to answer."""
        self._worker.start()

    def stop(self) -> None:
        """End the thread."""
        self._worker.stop()

    @property
    def pending(self) -> int:
        """Requests that are not answered yet."""
        return self._pending

    def ask(self, request: Request) -> Answer:
        """Return the answer, or what kept it from coming in time. Blocks; safe for threads."""
        started = time.monotonic()
        answer = self._ask(request)
        seconds = time.monotonic() - started
        return replace(answer, localization=replace(answer.localization, seconds=seconds))

    def _ask(self, request: Request) -> Answer:
        problem = _problem_of(request)
        if problem:
            return _without_map(Status.BAD_REQUEST, problem)
        with self._lock:
            if self._pending >= MAX_PENDING:
                return _without_map(Status.BUSY, f"{self._pending} requests wait already; ask again in a moment")
            self._pending += 1
        job = _Job(request, Future())
        self._worker.put(job)
        try:
            return job.future.result(timeout=request.timeout)
        except FutureTimeoutError:
            job.future.cancel()
            reason = "the map is still being prepared" if self._scenes.ready is None else "others are being answered"
            return _without_map(
                Status.TIMEOUT, f"no answer within {request.timeout:g} s ({reason}); ask again, or allow more time"
            )

    def _work(self, job: _Job) -> None:
        try:
            if job.future.set_running_or_notify_cancel():
                job.future.set_result(self._answer(job.request))
        finally:
            with self._lock:
                self._pending -= 1

    def _answer(self, request: Request) -> Answer:
        try:
            scene = self._scenes.scene()
            if scene is None:
                return _without_map(Status.MAP_EMPTY, f"the map is empty; {self._hint()}")
            return Answer(self._localizer.answer(scene, request.text, request.options), scene.snapshot)
        except Exception as error:  # noqa: BLE001 - the caller gets a status, never an exception
            self._report(f"request {request.text!r}: {describe(error)}")
            return _without_map(Status.FAILED, f"internal error, {describe(error)}; the node's log has the details")


def _problem_of(request: Request) -> str | None:
    if not request.text.strip():
        return "the text is empty; name an object, such as 'the white mug'"
    if len(request.text) > MAX_TEXT:
        return f"the text has {len(request.text)} characters; give {MAX_TEXT} at most"
    return None


def _without_map(status: Status, message: str) -> Answer:
    return Answer(Localization(status, message), None)

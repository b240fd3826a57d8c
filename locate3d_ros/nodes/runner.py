"""Starts nodes, waits for SIGINT or SIGTERM, ends them in order."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.signals import SignalHandlerOptions

from locate3d_ros.errors import InputError
from locate3d_ros.nodes.guard import Spinner
from locate3d_ros.nodes.waiting import ENDING

if TYPE_CHECKING:
    from locate3d_ros.nodes.base_node import BaseNode

THREADS = 8
"""Callback threads of a node: more than requests may wait, so that the next one hears BUSY at once."""


def run(create: Callable[[], Iterable[BaseNode]], arguments: list[str] | None) -> int:
    """Run nodes until a signal: 0 then, 2 with one line for input that a user can mend."""

    def work(told_to_end: threading.Event) -> None:
        with running(create()):
            told_to_end.wait()

    return run_until_signal(work, arguments)


def run_until_signal(work: Callable[[threading.Event], None], arguments: list[str] | None) -> int:
    """Run `work` with ROS initialised; the event is set when a signal tells it to end. Exit statuses as for `run`."""
    told_to_end = ENDING
    told_to_end.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_end.set())
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # noqa: BLE001 - rcl names a bad --ros-args argument or parameter file in many ways
        return _refuse(error)
    try:
        work(told_to_end)
    except (InputError, ParameterException) as error:
        return 0 if told_to_end.is_set() else _refuse(error)
    finally:
        rclpy.try_shutdown()
    return 0


@contextlib.contextmanager
def running(nodes: Iterable[BaseNode]) -> Iterator[None]:
    """Let nodes work while the block runs; each spins in threads of its own, from the moment it is made."""
    started: list[tuple[BaseNode, Spinner]] = []
    try:
        for node in nodes:
            started.append((node, Spinner(node, THREADS)))
            node.start()
        yield
    finally:
        for node, _ in reversed(started):
            node.stop()
        for _, spinner in started:
            spinner.stop()
        for node, _ in started:
            node.destroy_node()


def _refuse(error: Exception) -> int:
    sys.stderr.write(f"{' '.join(str(error).split())}\n")
    return 2

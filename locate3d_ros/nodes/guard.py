"""Callbacks whose exceptions end nothing, and executors that keep spinning."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any

from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node

from locate3d_ros.nodes.worker import describe


def guarded(logger: Any, name: str, callback: Callable[[Any], None]) -> Callable[[Any], None]:  # noqa: ANN401 - RcutilsLogger
    """Return a callback that logs an unexpected exception and returns: one message must not end the node."""

    def call(message: Any) -> None:  # noqa: ANN401 - any message type
        try:
            callback(message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next message gets its turn
            logger.error(f"{name}: {describe(error)}\n{traceback.format_exc()}", throttle_duration_sec=5.0)

    return call


def guarded_timer(logger: Any, name: str, callback: Callable[[], None]) -> Callable[[], None]:  # noqa: ANN401
    """Return a timer's callback that logs an unexpected exception and returns."""
    call = guarded(logger, name, lambda _: callback())
    return lambda: call(None)


def guarded_service(
    logger: Any,  # noqa: ANN401 - RcutilsLogger
    name: str,
    callback: Callable[[Any, Any], None],
    fail: Callable[[Any, str], None],
) -> Callable[[Any, Any], Any]:
    """Return a service's callback; `callback` fills the response, `fail` fills it after an unexpected exception."""

    def call(request: Any, response: Any) -> Any:  # noqa: ANN401 - any service type
        try:
            callback(request, response)
        except Exception as error:  # noqa: BLE001 - a caller always gets an answer
            logger.error(f"{name}: {describe(error)}\n{traceback.format_exc()}")
            fail(response, f"internal error, {describe(error)}; the node's log has the details")
        return response

    return call


class Spinner:
    """Runs a node's callbacks in threads of its own, so that one node's work never holds up another's."""

    def __init__(self, node: Node, threads: int) -> None:
        """Begin to spin."""
        self._node = node
        self._executor = MultiThreadedExecutor(threads, context=node.context)
        self._executor.add_node(node)
        self._is_stopping = False
        self._thread = threading.Thread(target=self._spin, name=f"spin {node.get_name()}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End spinning; callbacks that run are finished first, within some seconds."""
        self._is_stopping = True
        self._executor.wake()
        self._thread.join(5.0)
        self._executor.shutdown(timeout_sec=2.0)

    def _spin(self) -> None:
        while not self._is_stopping and self._node.context.ok():
            try:
                self._executor.spin_once(timeout_sec=0.1)
            except Exception as error:  # noqa: BLE001 - e.g. a string on the wire that is not UTF-8
                if not self._is_stopping:
                    self._node.get_logger().error(
                        f"a message could not be taken: {describe(error)}", throttle_duration_sec=5.0
                    )

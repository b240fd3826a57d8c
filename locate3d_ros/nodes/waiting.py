"""Weight files that are not there yet: a node says so and looks again, so that it need not be started again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from locate3d_ros.weights.store import WeightsError

LOOK_PERIOD = 5.0
"""Seconds between two looks for files that are missing or wrong."""
ENDING = threading.Event()
"""Set once the process is told to end: nothing is waited for any more."""

_T = TypeVar("_T")


def with_weights(make: Callable[[], _T], tell: Callable[[str], None]) -> _T:
    """Return what `make` makes, once its weight files are there and right; `tell` hears at every look what is not.

    Raises InputError for any other wrong input, and WeightsError where the process is told to end meanwhile.
    """
    while True:
        try:
            return make()
        except WeightsError as error:
            tell(str(error))
            if ENDING.wait(LOOK_PERIOD):
                raise

"""Features of one keyframe at a time, in a thread of its own, so that mapping keeps the camera's rate meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from locate3d_ros.nodes.camera_input import CameraInput
from locate3d_ros.nodes.worker import Worker
from locate3d_ros.types import Frame


@dataclass(frozen=True)
class Keyframe:
    """A frame that waits for its features, and the state of the map that it was taken for."""

    frame: Frame
    camera: CameraInput
    generation: int
    corrections: int


class FeatureStage:
    """Takes a keyframe when it is idle, and none otherwise: the next one that comes then is the newest."""

    def __init__(self, work: Callable[[Keyframe], None], report: Callable[[str], None]) -> None:
        """`work` extracts and maps; `report` gets unexpected exceptions."""
        self._work = work
        self._busy = threading.Lock()
        self._worker: Worker[Keyframe] = Worker("features", self._run, 1, report)

    @property
    def is_busy(self) -> bool:
        """Whether a keyframe is being worked on."""
        return self._busy.locked()

    def start(self) -> None:
        """Begin to work."""
        self._worker.start()

    def stop(self) -> None:
        """End the thread."""
        self._worker.stop()

    def offer(self, keyframe: Keyframe) -> bool:
        """Take a keyframe unless another is being worked on; return whether it was taken."""
        if not self._busy.acquire(blocking=False):
            return False
        self._worker.put(keyframe)
        return True

    def _run(self, keyframe: Keyframe) -> None:
        try:
            self._work(keyframe)
        finally:
            self._busy.release()

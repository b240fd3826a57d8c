"""Pictures of a video file, mostly asked for in order."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from locate3d_ros.data.bad_file import BadFileError

_MEND = "copy the recording again"


class VideoFile:
    """Reads the n-th picture by going forward: to seek in a compressed video is slow, and not exact everywhere."""

    def __init__(self, path: Path) -> None:
        """Take the path; the file is opened with the first picture."""
        self._path = path
        self._capture: cv2.VideoCapture | None = None
        self._next = 0

    def read(self, number: int) -> npt.NDArray[np.uint8]:
        """Return picture `number`, from 0, as [H, W, 3] RGB. Raises BadFileError where there is none."""
        if self._capture is None or number < self._next:
            self._capture, self._next = self._opened(), 0
        while self._next < number and self._capture.grab():
            self._next += 1
        there, bgr = self._capture.read() if self._next == number else (False, None)
        self._next += 1
        if not there or bgr is None:
            self._capture = None
            raise BadFileError(self._path, f"no picture {number} in it; {_MEND}")
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)

    def _opened(self) -> cv2.VideoCapture:
        # Stored turns are left alone: the camera's numbers belong to the pictures as the sensor gave them.
        capture = cv2.VideoCapture(str(self._path))
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        if not capture.isOpened():
            raise BadFileError(self._path, f"cannot be opened as a video; {_MEND}")
        return capture

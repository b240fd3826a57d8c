"""Builds the map of a recording."""

from __future__ import annotations

import time
from pathlib import Path

from locate3d_ros.cli.progress import frames_with_progress, tell_skipped
from locate3d_ros.data.recordings import Recording, SkippedFrame
from locate3d_ros.errors import InputError
from locate3d_ros.pipeline import Locate3D


def add_recording(robot: Locate3D, recording: Recording, source: Path) -> float:
    """Add every usable frame, tell which were left out, and return the seconds it took.

    Raises InputError, naming the source, where no frame was usable.
    """
    started = time.monotonic()
    robot.voxel_map.frame_id = recording.frame_id
    added, refused = 0, list[SkippedFrame]()
    for frame in frames_with_progress(recording, "mapping"):
        try:
            robot.add(frame)
            added += 1
        except InputError as error:
            refused.append(SkippedFrame(f"{frame.camera} at {frame.stamp:.3f} s", str(error)))
    if added == 0:
        raise InputError(
            f"{source}: no usable frame; the first of {len(refused)} faults is {refused[0].file}: {refused[0].reason}"
        )
    tell_skipped([*recording.skipped, *refused], len(recording))
    return time.monotonic() - started

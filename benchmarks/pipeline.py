"""Speed and memory of the whole: keyframes into the map, sentences out of it: python benchmarks/pipeline.py.

`keyframe` is feature extraction and map add of one frame; `request` is an answer from a map that did not change since
the last one, `prepare` the first answer after a change. `peak_memory` is the whole process, libraries included.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from common import Case, arguments, emit, log, parser

from locate3d_ros import Locate3D, load_recording
from locate3d_ros.types import Frame

DEMO_ROOM = Path(__file__).resolve().parent.parent / "locate3d_ros" / "data" / "demo_room"
TEXTS = ("the chair next to the table", "a white mug", "the lamp", "a bicycle")


def main() -> None:
    """Map the recording, ask, and print the JSON object."""
    options = parser(__doc__)
    options.add_argument("--recording", type=Path, default=DEMO_ROOM, help="RGB-D recording to map")
    chosen = arguments(__doc__, options)
    robot = Locate3D.create(backend="embedded", device=chosen.device, threads=chosen.threads)
    frames = list(load_recording(chosen.recording))
    keyframes = time_keyframes(robot, frames, chosen.repeats)
    voxels = len(robot.snapshot())
    log(f"{len(frames)} frames, {voxels} voxels, keyframe {statistics.median(keyframes):.0f} ms")
    prepare = milliseconds(lambda: robot.localize(TEXTS[0]))
    requests = [milliseconds(lambda t=text: robot.localize(t)) for _ in range(chosen.repeats) for text in TEXTS]
    log(f"first request {prepare:.0f} ms, then {statistics.median(requests):.0f} ms")
    cases = [
        Case("keyframe", statistics.median(keyframes), "ms"),
        Case("request", statistics.median(requests), "ms"),
        Case("prepare", prepare, "ms"),
        Case("peak_memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB"),
        Case("voxels", voxels, "voxels"),
    ]
    emit("pipeline", chosen, cases)


def time_keyframes(robot: Locate3D, frames: Sequence[Frame], repeats: int) -> list[float]:
    """Map all frames as on a robot, then take the given number of them once more as keyframes, in milliseconds each."""
    for frame in frames:
        robot.add(frame)
    step = max(1, len(frames) // repeats)
    return [milliseconds(lambda f=frame: add_keyframe(robot, f)) for frame in frames[::step][:repeats]]


def add_keyframe(robot: Locate3D, frame: Frame) -> None:
    """Give one frame to the map with features, whatever the keyframe rule says."""
    robot.voxel_map.add(frame, robot.extractor.extract(frame))


def milliseconds(run: Callable[[], object]) -> float:
    """Return the time that one call takes."""
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    main()

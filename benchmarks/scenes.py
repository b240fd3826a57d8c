"""Speed of making synthetic homes: python benchmarks/scenes.py [--repeats N].

`scenes`: whole scenes per second on one core (home, walk, 60 frames of 320 x 240 with all sensor effects, sentences,
files on disk), the median over --repeats homes after the furniture models were read once; `goal` is beside it.
`scenes_cpu`: the same by processor time, which other programs on the machine disturb less.
`home`, `record`: the seconds of its two halves. `triangles`: of the largest home. `models`: seconds to read the
models of one home for the first time, which every process pays once per model.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import cv2
from common import Case, arguments, emit, log

from locate3d_ros.data.synthetic.dataset import make_scene
from locate3d_ros.data.synthetic.home import make_home
from locate3d_ros.data.synthetic.options import DatasetOptions, SceneOptions

GOAL = 0.25  # scenes per second and core


def main() -> None:
    """Make homes and print the JSON object."""
    options = arguments(__doc__)
    cv2.setNumThreads(1)
    totals, busy, homes, sizes, first = [], [], [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        asked = DatasetOptions(Path(scratch), options.repeats, 77, scenes=SceneOptions())
        (Path(scratch) / "scenes").mkdir()
        for index in range(options.repeats):
            started = time.perf_counter()
            sizes.append(make_home([asked.seed, index], "warm", asked.scenes).triangles())
            first.append(time.perf_counter() - started)
            started = time.perf_counter()
            make_home([asked.seed, index], "home", asked.scenes)
            homes.append(time.perf_counter() - started)
            started, worked = time.perf_counter(), time.process_time()
            done = make_scene(asked, index)
            totals.append(time.perf_counter() - started)
            busy.append(time.process_time() - worked)
            log(f"{done.scene_id}: {totals[-1]:.2f} s, of that home {homes[-1]:.2f} s {done.error}")
    total, home = statistics.median(totals), statistics.median(homes)
    cases = [
        Case("scenes", 1.0 / total, "scenes/s", extra={"goal": GOAL}),
        Case("scenes_cpu", 1.0 / statistics.median(busy), "scenes/s", extra={"goal": GOAL}),
        Case("home", home, "s"),
        Case("record", total - home, "s"),
        Case("models", statistics.median(first) - home, "s"),
        Case("triangles", float(max(sizes)), "triangles"),
    ]
    emit("scenes", options, cases)


if __name__ == "__main__":
    main()

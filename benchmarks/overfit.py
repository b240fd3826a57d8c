"""Whether a small model learns four rooms by heart: python benchmarks/overfit.py [--steps 600] [--data DIR].

Four rendered rooms are made and lifted (in --data, where they are kept; else in a folder that goes), and
`locate3d train grounding` learns their sentences without variation. Every --every steps the written model answers the
same sentences as `locate3d evaluate` asks them: `acc25` and `acc50` are the shares that are right at the end,
`acc25_at_N` that after N steps with the training loss beside it.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from common import Case, arguments, emit, log, parser
from lifted_homes import LiftedHomes, coarse

from locate3d_ros.data.synthetic.options import DatasetOptions, SceneOptions
from locate3d_ros.evaluation.evaluate import EvaluationRequest, evaluate
from locate3d_ros.evaluation.summary import Summary
from locate3d_ros.training.config import DataConfig, RunConfig, ScheduleConfig, TrainingConfig
from locate3d_ros.training.run import GROUNDING, train
from locate3d_ros.training.run_folder import METRICS, RunFolder

SCENES = 4
SEED = 8
SPLIT = "train"
ROOMS = SceneOptions(split=SPLIT, min_rooms=1, max_rooms=1, frames=10, sentences=12)
CONFIG = coarse(0.2)


def main() -> None:
    """Make the rooms, train and ask in turns, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("--data", type=Path, help="folder that keeps the rooms")
    options.add_argument("--steps", type=int, default=600)
    options.add_argument("--every", type=int, default=100, help="steps between two measurements")
    options.set_defaults(threads=1)
    parsed = arguments(__doc__, options)
    with tempfile.TemporaryDirectory() as scratch:
        homes = rooms(parsed.data or Path(scratch) / "rooms")
        run = RunFolder(Path(scratch) / "run")
        config = training_config(homes, parsed.steps, parsed.threads)
        cases, seconds = [], 0.0
        for last in range(parsed.every, parsed.steps + 1, parsed.every):
            started = time.perf_counter()
            train(GROUNDING, config, run, last, resumed=last > parsed.every)
            seconds += time.perf_counter() - started
            found = asked(homes, run.path)
            log(f"step {last}: loss {last_loss(run.path):.3f}, {shares(found)}, {seconds:.0f} s of training")
            cases.append(Case(f"acc25_at_{last}", share(found, "acc25"), "share", extra={"loss": last_loss(run.path)}))
        cases += [Case(name, share(found, name), "share", extra={"sentences": found.present}) for name in MEASURED]
        emit("overfit", parsed, [*cases, Case("step", 1e3 * seconds / parsed.steps, "ms")])


MEASURED = ("acc25", "acc50", "mask_iou")


def rooms(folder: Path) -> LiftedHomes:
    """Return the four rooms."""
    return LiftedHomes(DatasetOptions(folder, SCENES, SEED, scenes=ROOMS), CONFIG)


def training_config(homes: LiftedHomes, steps: int, threads: int) -> TrainingConfig:
    """Return a run whose schedule lasts `steps` steps, each of all rooms with some of their sentences."""
    data = DataConfig(data=(str(homes.path),), cache=homes.cache.name, batch=2, sentences=4, overfit=SCENES)
    said = Counter(each.scene_id for each in homes.dataset.expressions(SPLIT))
    per_epoch = -(-sum(-(-count // data.sentences) for count in said.values()) // data.batch)
    schedule = ScheduleConfig(
        epochs=-(-steps // per_epoch),
        frozen_epochs=0,
        learning_rate=1e-3,
        warmup_steps=20,
        ema=0.99,
        norm_steps=steps // 3,
    )
    return TrainingConfig(
        data=data,
        schedule=schedule,
        run=RunConfig(model="smoke", device="cpu", threads=threads, save_every=steps),
    )


def asked(homes: LiftedHomes, model: Path) -> Summary:
    """Let the model answer the sentences that it learns."""
    config = replace(CONFIG, model=str(model))
    request = EvaluationRequest(homes.dataset, SPLIT, config, baselines=False)
    return evaluate(request, lambda _: None).summaries[0]


def share(found: Summary, name: str) -> float:
    """Return a figure of the summary, 0 where there is nothing to measure."""
    return float(getattr(found, name).value or 0.0)


def shares(found: Summary) -> str:
    """Say all measured figures."""
    return ", ".join(f"{name} {share(found, name):.3f}" for name in MEASURED)


def last_loss(run: Path) -> float:
    """Return the loss of the last noted step."""
    return float(json.loads((run / METRICS).read_text().splitlines()[-1])["loss"])


if __name__ == "__main__":
    main()

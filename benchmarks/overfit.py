"""Whether a small model learns four rooms by heart: python benchmarks/overfit.py [--steps 600] [--data DIR].

Four rendered rooms are made and lifted (in --data, where they are kept; else in a folder that goes), and
`locate3d train grounding` learns their sentences without variation. `acc25`, `acc50` and `mask_iou` are what
`locate3d evaluate` says of the written model on the same sentences; `acc25_at_N` is what the run itself measured after
N steps, with the loss of that step beside it.
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
from locate3d_ros.training.config import DataConfig, RunConfig, ScheduleConfig, TrainingConfig, ValidationConfig
from locate3d_ros.training.run import GROUNDING, train
from locate3d_ros.training.run_folder import METRICS, RunFolder

SCENES = 4
MEASURED = ("acc25", "acc50", "mask_iou")
MEASUREMENTS = 10  # of a run, on its way
SEED = 8
SPLIT = "train"
ROOMS = SceneOptions(split=SPLIT, min_rooms=1, max_rooms=1, frames=10, sentences=12)
CONFIG = coarse(0.1)


def main() -> None:
    """Make the rooms, train, ask, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("--data", type=Path, help="folder that keeps the rooms")
    options.add_argument("--steps", type=int, default=600)
    options.set_defaults(threads=1)
    parsed = arguments(__doc__, options)
    with tempfile.TemporaryDirectory() as scratch:
        homes = rooms(parsed.data or Path(scratch) / "rooms")
        run = RunFolder(Path(scratch) / "run")
        started = time.perf_counter()
        train(GROUNDING, training_config(homes, parsed.steps, parsed.threads), run, parsed.steps, resumed=False)
        seconds = time.perf_counter() - started
        curve = noted(run.path)
        found = asked(homes, run.path)
    for case in curve:
        log(f"{case.name}: {case.value:.3f}, loss {case.extra['loss']:.3f}")
    cases = [Case(name, share(found, name), "share", extra={"sentences": found.present}) for name in MEASURED]
    emit("overfit", parsed, [*curve, *cases, Case("training", seconds, "s")])


def rooms(folder: Path) -> LiftedHomes:
    """Return the four rooms."""
    return LiftedHomes(DatasetOptions(folder, SCENES, SEED, scenes=ROOMS), CONFIG)


def training_config(homes: LiftedHomes, steps: int, threads: int) -> TrainingConfig:
    """Return a run whose schedule lasts `steps` steps, each of two rooms with some of their sentences."""
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
        validation=ValidationConfig(val=data.data, val_split=SPLIT, validate_every=max(1, steps // MEASUREMENTS)),
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


def noted(run: Path) -> list[Case]:
    """Return what the run measured on its way."""
    lines = [json.loads(line) for line in (run / METRICS).read_text().splitlines()]
    return [
        Case(f"acc25_at_{line['step']}", line["val_acc25"], "share", extra={"loss": line["loss"]})
        for line in lines
        if "val_acc25" in line
    ]


if __name__ == "__main__":
    main()

"""Whether 3D-JEPA's features tell furniture apart better than what they are made of: python benchmarks/jepa_probe.py.

Rooms are rendered and lifted (in --data, where they are kept; else in a folder that goes), `locate3d train jepa`
pretrains the tiny encoder on the training rooms without any name, and a linear probe then learns the categories of
their furniture from voxels (`voxel_…`) and from the means over an object's voxels (`object_…`). It is measured on rooms
whose furniture models and styles no training room has. `raw`: the lifted features; `random`: the encoder before
training; `jepa`: after it; `both`: raw beside jepa. `value` is the recall of a category, averaged over categories, with
its 95 % interval over rooms; `…_gain` is jepa less raw on the same rooms.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from common import Case, arguments, emit, log, parser
from lifted_homes import LiftedHomes
from linear_probe import Rows, macro_f1, mean_recall, measured, probe
from torch import Tensor

from locate3d_ros.data.synthetic.options import SceneOptions
from locate3d_ros.model.checkpoint import load_encoder
from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.training.config import DataConfig, TrainingConfig
from locate3d_ros.training.presets import TINY, for_pretraining
from locate3d_ros.training.run import JEPA, sources_of, train
from locate3d_ros.training.run_folder import METRICS, RunFolder
from locate3d_ros.training.start import starting_encoder

ROOM = SceneOptions(min_rooms=1, max_rooms=1, frames=20, sentences=2)
TRAIN_SEED, HELD_OUT_SEED = 18, 9018
LEAST_OBJECTS = 4  # of a category, in the training rooms and in the others
LEAST_VOXELS = 4  # of an object
MOST_VOXELS = 24  # of an object, for large things not to be everything


@dataclass(frozen=True)
class Thing:
    """One object of a room."""

    scene: int
    category: str
    features: Mapping[str, Tensor]  # kind of features -> [n, d] of its voxels


def main() -> None:
    """Make the rooms, pretrain, probe, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("--data", type=Path, help="folder that keeps the rooms")
    options.add_argument("--rooms", type=int, default=40, help="rooms to train on")
    options.add_argument("--held-out", type=int, default=20, help="rooms to measure on")
    options.add_argument("--steps", type=int, default=600)
    options.set_defaults(threads=1)
    parsed = arguments(__doc__, options)
    with tempfile.TemporaryDirectory() as scratch:
        folder = parsed.data or Path(scratch)
        rooms = LiftedHomes(folder / "rooms", parsed.rooms, TRAIN_SEED, ROOM)
        others = LiftedHomes(folder / "others", parsed.held_out, HELD_OUT_SEED, replace(ROOM, split="val"))
        run = RunFolder(Path(scratch) / "run")
        config = training_config(rooms, parsed.steps, parsed.threads)
        train(JEPA, config, run, parsed.steps, resumed=False)
        encoders = {"random": untrained(config), "jepa": load_encoder(run.path)}
        watched = json.loads((run.path / METRICS).read_text().splitlines()[-1])
        cases = probed(things(rooms, encoders), things(others, encoders))
    figures = [Case(name, watched[name], "") for name in ("loss", "feature_std", "effective_rank")]
    emit("jepa_probe", parsed, [*cases, *figures])


def training_config(rooms: LiftedHomes, steps: int, threads: int) -> TrainingConfig:
    """Return pretraining of the tiny encoder, a room a step."""
    config = for_pretraining(TINY)
    epochs = -(-steps // len(rooms.dataset.scene_ids()))
    return replace(
        config,
        data=DataConfig(data=(str(rooms.path),), batch=1),
        schedule=replace(config.schedule, epochs=epochs, learning_rate=1e-3, warmup_steps=50, ema=0.99),
        jepa=replace(config.jepa, target_ema=0.99),
        run=replace(config.run, device="cpu", threads=threads, save_every=steps),
    )


def untrained(config: TrainingConfig) -> Encoder3DJepa:
    """Return the encoder that the run began with."""
    torch.manual_seed(config.run.seed)
    return starting_encoder(config.run, sources_of(config)[0].trained_on)[0].eval()


@torch.inference_mode()
def things(homes: LiftedHomes, encoders: Mapping[str, Encoder3DJepa]) -> list[Thing]:
    """Return the objects of all rooms with every kind of features of some of their voxels."""
    found = []
    for number, scene_id in enumerate(homes.dataset.scene_ids()):
        scene = homes.lifted(scene_id)
        snapshot, owners = scene.snapshot, scene.object_ids
        raw = torch.cat([each.float() for each in snapshot.features.values()], dim=1)
        kinds = {"raw": raw}
        for name, encoder in encoders.items():
            kinds[name] = encoder(snapshot.xyz, snapshot.rgb, raw, snapshot.cells.long())
        kinds["both"] = torch.cat((raw, kinds["jepa"]), dim=1)
        for item in homes.dataset.scene(scene_id).objects():
            rows = torch.nonzero(owners == item.id)[:, 0]
            if len(rows) >= LEAST_VOXELS:
                some = rows[torch.linspace(0, len(rows) - 1, min(len(rows), MOST_VOXELS)).long()]
                found.append(Thing(number, item.category, {kind: values[some] for kind, values in kinds.items()}))
    return found


def probed(train_on: Sequence[Thing], measure_on: Sequence[Thing]) -> list[Case]:
    """Probe every kind of features, by voxel and by object."""
    names = common_categories(train_on, measure_on)
    log(f"{len(names)} categories: {', '.join(names)}")
    cases = []
    for unit in ("voxel", "object"):
        predicted: dict[str, Tensor] = {}
        for kind in ("raw", "random", "jepa", "both"):
            fitted, held_out = (rows_of(each, kind, unit, names) for each in (train_on, measure_on))
            predicted[kind] = probe(fitted, held_out, len(names))
            recall = measured(lambda c: mean_recall(c[0]), [predicted[kind]], held_out, len(names))
            f1 = measured(lambda c: macro_f1(c[0]), [predicted[kind]], held_out, len(names))
            log(f"{unit} {kind}: recall {recall.value:.3f} [{recall.low:.3f}, {recall.high:.3f}], F1 {f1.value:.3f}")
            extra = {"low": recall.low, "high": recall.high, "macro_f1": f1.value, "rows": len(held_out.labels)}
            cases.append(Case(f"{unit}_{kind}", recall.value, "recall", extra=extra))
        pair = [predicted["jepa"], predicted["raw"]]
        gain = measured(lambda c: mean_recall(c[0]) - mean_recall(c[1]), pair, held_out, len(names))
        log(f"{unit} gain: {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")
        cases.append(Case(f"{unit}_gain", gain.value, "recall", extra={"low": gain.low, "high": gain.high}))
    return cases


def common_categories(*groups: Sequence[Thing]) -> list[str]:
    """Name the categories with enough objects in every group."""
    counts = [Counter(each.category for each in group) for group in groups]
    return sorted(name for name in counts[0] if all(count[name] >= LEAST_OBJECTS for count in counts))


def rows_of(things: Sequence[Thing], kind: str, unit: str, names: Sequence[str]) -> Rows:
    """Return the rows that are probed: voxels, or the means of objects."""
    place = {name: number for number, name in enumerate(names)}
    parts: dict[str, list[Tensor]] = defaultdict(list)
    for each in things:
        if each.category in place:
            features = each.features[kind]
            features = features if unit == "voxel" else features.mean(dim=0, keepdim=True)
            parts["features"].append(features)
            parts["labels"].append(torch.full((len(features),), place[each.category]))
            parts["scenes"].append(torch.full((len(features),), each.scene))
    return Rows(*(torch.cat(parts[name]) for name in ("features", "labels", "scenes")))


if __name__ == "__main__":
    main()

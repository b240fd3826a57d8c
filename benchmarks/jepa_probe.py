"""Whether 3D-JEPA's features tell furniture apart better than what they are made of.

python benchmarks/jepa_probe.py --train HOMES --held-out OTHERS: two data set folders with lifted scenes
(`locate3d cache`), the second with furniture of other models. `locate3d train jepa` pretrains the tiny encoder on parts
of the training homes without any name. A linear probe then learns the categories of their furniture from voxels
(`voxel_...`) and from the means over an object's voxels (`object_...`), and is measured on the other homes. `raw`: the
lifted features; `averaged`: their means over a voxel and its neighbours; `new`: the encoder before training; `jepa`:
after it; `both`: raw beside jepa. `value` is the recall of a category, averaged over categories, with its 95 % interval
over homes; `..._gain_over_X` is jepa less X on these homes. Every third of the other homes is left out, for the recipe
was chosen on them: --choosing measures on those alone.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from common import Case, arguments, emit, log, parser
from linear_probe import Rows, macro_f1, mean_recall, measured, probe
from torch import Tensor

from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.scene_cache import cached_path, read_cached_scene
from locate3d_ros.model.checkpoint import load_encoder
from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.model.sparse_conv import PairTable
from locate3d_ros.training.config import DataConfig, TrainingConfig
from locate3d_ros.training.presets import TINY, for_pretraining
from locate3d_ros.training.run import JEPA, sources_of, train
from locate3d_ros.training.run_folder import METRICS, RunFolder
from locate3d_ros.training.scene import Voxels
from locate3d_ros.training.scene_source import cache_of
from locate3d_ros.training.start import starting_encoder

PART = 2500  # voxels of a part of a home where features are measured
TRAINED_PART = 1500  # the same in pretraining
FITTED_PARTS, MEASURED_PARTS = 2, 6  # of a home: enough to fit the probe to, and most of the others
LEAST_OBJECTS = 4  # of a category, in the training rooms and in the others
LEAST_VOXELS = 4  # of an object
MOST_VOXELS = 4  # of an object, for large things not to be everything
KINDS = ("raw", "averaged", "new", "jepa", "both")
CHOICE = 3  # every third held-out home has chosen the recipe


@dataclass(frozen=True)
class Thing:
    """One object of a room."""

    scene: int
    category: str
    features: Mapping[str, Tensor]  # kind of features -> [n, d] of its voxels


def main() -> None:
    """Make the rooms, pretrain, probe, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("--train", type=Path, required=True, help="data set folder to train on")
    options.add_argument("--held-out", type=Path, required=True, help="data set folder to measure on")
    options.add_argument("--steps", type=int, default=550, help="of pretraining")
    options.add_argument("--choosing", action="store_true", help="measure on the homes that recipes are chosen on")
    options.set_defaults(threads=1)
    parsed = arguments(__doc__, options)
    with tempfile.TemporaryDirectory() as scratch:
        run = RunFolder(Path(scratch))
        config = training_config(parsed.train, parsed.steps, parsed.threads)
        train(JEPA, config, run, parsed.steps, resumed=False)
        encoders = {"new": untrained(config), "jepa": load_encoder(run.path)}
        watched = json.loads((run.path / METRICS).read_text().splitlines()[-1])
    training, held_out = DatasetFolder(parsed.train), DatasetFolder(parsed.held_out)
    measured_on = [name for i, name in enumerate(held_out.scene_ids()) if (i % CHOICE == 0) == parsed.choosing]
    fitted = things(training, training.scene_ids(), encoders, FITTED_PARTS)
    cases = probed(fitted, things(held_out, measured_on, encoders, MEASURED_PARTS))
    figures = [Case(name, watched[name], "") for name in ("loss", "feature_std", "effective_rank")]
    emit("jepa_probe", parsed, [*cases, *figures])


def training_config(homes: Path, steps: int, threads: int) -> TrainingConfig:
    """Return pretraining of the tiny encoder, a part of a home a step."""
    config = for_pretraining(TINY)
    # The predictor learns alone in the first pass over the homes, and five times as fast as the encoder afterwards.
    schedule = replace(config.schedule, learning_rate=1e-3, encoder_rate=0.2, warmup_steps=20, ema=0.99)
    return replace(
        config,
        data=DataConfig(data=(str(homes),), batch=1),
        augmentation=replace(config.augmentation, max_voxels=TRAINED_PART),
        schedule=replace(schedule, frozen_epochs=1, epochs=max(2, -(-steps // len(DatasetFolder(homes).scene_ids())))),
        run=replace(config.run, device="cpu", threads=threads, save_every=steps),
    )


def untrained(config: TrainingConfig) -> Encoder3DJepa:
    """Return the encoder that the run began with."""
    torch.manual_seed(config.run.seed)
    return starting_encoder(config.run, sources_of(config)[0].trained_on)[0].eval()


@torch.inference_mode()
def things(
    homes: DatasetFolder, scene_ids: Sequence[str], encoders: Mapping[str, Encoder3DJepa], parts: int
) -> list[Thing]:
    """Return objects of parts of these homes with every kind of features of some of their voxels."""
    found = []
    for number, scene_id in enumerate(scene_ids):
        category = {item.id: item.category for item in homes.scene(scene_id).objects()}
        for part in parts_of(homes, scene_id, parts, torch.Generator().manual_seed(number)):
            kinds = {"raw": part.features.float(), "averaged": averaged(part)}
            for name, encoder in encoders.items():
                kinds[name] = encoder(part.xyz, part.rgb, kinds["raw"], part.cells)
            kinds["both"] = torch.cat((kinds["raw"], kinds["jepa"]), dim=1)
            for owner in part.object_ids.unique().tolist():
                rows = torch.nonzero(part.object_ids == owner)[:, 0]
                if owner in category and len(rows) >= LEAST_VOXELS:
                    some = rows[torch.linspace(0, len(rows) - 1, min(len(rows), MOST_VOXELS)).long()]
                    found.append(Thing(number, category[owner], {kind: each[some] for kind, each in kinds.items()}))
    return found


def parts_of(homes: DatasetFolder, scene_id: str, parts: int, generator: torch.Generator) -> Iterator[Voxels]:
    """Give parts of a home around voxels of objects drawn at random; objects that a part cuts in two are named 0."""
    scene = read_cached_scene(cached_path(cache_of(homes.path, ""), scene_id))
    snapshot, owners = scene.snapshot, scene.object_ids
    features = torch.cat(list(snapshot.features.values()), dim=1)
    home = Voxels(snapshot.xyz, snapshot.rgb, features, snapshot.cells.long(), owners, snapshot.voxel_size)
    ids = owners.unique()
    ids = ids[ids > 0]
    for owner in ids[torch.randperm(len(ids), generator=generator)[:parts]].tolist():
        middle = home.xyz[owners == owner].mean(dim=0)
        rows = (home.xyz - middle).square().sum(dim=1).topk(min(PART, len(home)), largest=False).indices
        yield whole_objects(home, home.rows(rows))


def averaged(part: Voxels) -> Tensor:
    """Return the mean features (n, d) of every voxel and of those of its 26 neighbours that there are."""
    around = PairTable.of(part.cells, 3)
    ones = torch.cat((part.features.float(), torch.ones(len(part), 1)), dim=1)
    sums = ones.index_add(0, around.rows_out, ones[around.rows_in])
    return sums[:, :-1] / sums[:, -1:]


def whole_objects(home: Voxels, part: Voxels) -> Voxels:
    """Return the part with the voxels of objects of which it holds less than half named 0."""
    length = int(home.object_ids.max()) + 1
    before, after = (torch.bincount(each.object_ids.long(), minlength=length) for each in (home, part))
    cut = (2 * after < before)[part.object_ids.long()]
    return replace(part, object_ids=part.object_ids.masked_fill(cut, 0))


def probed(train_on: Sequence[Thing], measure_on: Sequence[Thing]) -> list[Case]:
    """Probe every kind of features, by voxel and by object."""
    names = common_categories(train_on, measure_on)
    if len(names) < 2:
        raise InputError(f"{len(names)} categories with {LEAST_OBJECTS} objects in both data sets; give more homes")
    log(f"{len(names)} categories: {', '.join(names)}")
    cases = []
    for unit in ("voxel", "object"):
        predicted: dict[str, Tensor] = {}
        for kind in KINDS:
            fitted, held_out = (rows_of(each, kind, unit, names) for each in (train_on, measure_on))
            predicted[kind] = probe(fitted, held_out, len(names))
            recall = measured(lambda c: mean_recall(c[0]), [predicted[kind]], held_out, len(names))
            f1 = measured(lambda c: macro_f1(c[0]), [predicted[kind]], held_out, len(names))
            log(f"{unit} {kind}: recall {recall.value:.3f} [{recall.low:.3f}, {recall.high:.3f}], F1 {f1.value:.3f}")
            extra = {"low": recall.low, "high": recall.high, "macro_f1": f1.value, "rows": len(held_out.labels)}
            cases.append(Case(f"{unit}_{kind}", recall.value, "recall", extra=extra))
        for other in ("raw", "averaged", "new"):
            pair = [predicted["jepa"], predicted[other]]
            gain = measured(lambda c: mean_recall(c[0]) - mean_recall(c[1]), pair, held_out, len(names))
            log(f"{unit} jepa less {other}: {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")
            extra = {"low": gain.low, "high": gain.high}
            cases.append(Case(f"{unit}_gain_over_{other}", gain.value, "recall", extra=extra))
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

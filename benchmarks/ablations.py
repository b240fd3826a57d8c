"""The paper's claims in small: python benchmarks/ablations.py [--data DIR] [--seeds 0 1 2] [--small].

Furniture is cut out of rendered homes that are made and lifted once (in --data); rooms are put together from it, a
micro model learns their sentences, and is asked in other rooms with other homes' furniture. Every run is one line of
DIR/records.jsonl, and what stands there is not computed again: several processes may share the work by --seeds. The
tables go to DIR/tables.md, the curves to DIR/gradients.png (where matplotlib is installed). docs/ablations.md says what
they show. --small: toy furniture and a few steps, to see that everything works.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from ablation_furniture import SCALES, Furniture, homes, shared, toy_furniture
from ablation_journal import keep, read_records
from ablation_probe import probed
from ablation_report import curves, tables
from ablation_training import (
    CPU,
    JEPA,
    NO_BOXES,
    NO_MASKS,
    Arm,
    Budget,
    Record,
    Run,
    micro,
    pretrain,
    run,
)
from ablation_world import RoomSource
from common import Case, arguments, emit, log, parser

from locate3d_ros.model.checkpoint import WEIGHT_NAMES
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.training.config import JepaConfig
from locate3d_ros.training.words import WordReader

JOINT = "joint"
ARMS = (
    Arm(JOINT),
    Arm("masks alone", losses=NO_BOXES),
    Arm("boxes alone", losses=NO_MASKS),
    Arm("boxes alone after half", masks_until=0.5),
    Arm("masks only match", detached_masks=True),
    Arm("naive", pretrained=JEPA),
    Arm("stage-wise", pretrained=JEPA, frozen=17 / 40, encoder_rate=0.5),
    Arm("frozen", pretrained=JEPA, frozen=1.0),
    Arm("frozen, not pretrained", frozen=1.0),
    Arm("one scale", scales=("fine",)),
    Arm("two scales", scales=("fine", "middle")),
    Arm("no features", scales=()),
)
MASKINGS: dict[str, JepaConfig] = {
    "run": JEPA,
    "random": replace(JEPA, mask="random"),
    "block": replace(JEPA, mask="block"),
    "radius": replace(JEPA, mask="radius"),
    "run, 4 x 2 %": replace(JEPA, mask_share=0.02),
    "run, 4 x 16 %": replace(JEPA, mask_share=0.16),
}
HELD_OUT = 40  # rooms that are asked in
TRAINING = 400


@dataclass(frozen=True)
class World:
    """Where rooms come from, and where files go."""

    furniture: tuple[Furniture, Furniture]  # to train on, and to be asked about
    budget: Budget
    folder: Path
    rooms: tuple[int, int] = (TRAINING, HELD_OUT)

    def sources(self, seed: int, scales: tuple[str, ...] = tuple(SCALES)) -> tuple[RoomSource, RoomSource]:
        """Return training rooms of the seed's own, and the rooms in which every seed is asked."""
        mine, others = self.furniture
        return RoomSource(mine, self.rooms[0], 1 + seed, scales), RoomSource(others, self.rooms[1], 0, scales)

    def encoder(self, config: JepaConfig, seed: int) -> Path:
        """Return the folder of a pretrained encoder; pretrain it where it is not there."""
        name = f"{config.mask}-{config.mask_count}x{config.mask_share:g}-{seed}"
        folder = self.folder / "encoders" / name
        if not (folder / WEIGHT_NAMES[0]).is_file():
            log(f"pretraining {name}")
            pretrain(config, self.sources(seed)[0], self.budget, seed, folder)
        return folder


def main() -> None:
    """Compute what is missing, write tables and curves, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("--data", type=Path, default=Path("build/ablations"), help="folder that keeps everything")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--small", action="store_true")
    options.set_defaults(threads=1)
    parsed = arguments(__doc__, options)
    parsed.data.mkdir(parents=True, exist_ok=True)
    file = parsed.data / "records.jsonl"
    world = small(parsed) if parsed.small else whole(parsed)
    there = {(record.arm, record.seed) for record in read_records(file, Record)}
    keep(file, computed(world, parsed.seeds, there))
    records = read_records(file, Record)
    (parsed.data / "tables.md").write_text(tables(records), encoding="utf-8")
    curves(records, parsed.data / "gradients.png")
    emit("ablations", parsed, cases(records))


def whole(parsed: argparse.Namespace) -> World:
    """Make the homes: two sets from one catalogue of furniture, of which the things are taken that both have."""
    train = homes(parsed.data / "train", 14, 31)
    held_out = homes(parsed.data / "held-out", 6, 32)
    return World(shared(train, held_out), Budget(), parsed.data)


def small(parsed: argparse.Namespace) -> World:
    """Return the least that has everything."""
    return World((toy_furniture(1), toy_furniture(2)), Budget(steps=2, pretraining=2), parsed.data, rooms=(4, 3))


def computed(world: World, seeds: list[int], there: set[tuple[str, int]]) -> Iterator[Record]:
    """Give the records that are not there yet, seed by seed, so that whole tables are there early."""
    reader = WordReader(Locate3DModel(micro(1)), CPU)
    for seed in seeds:
        for arm in ARMS:
            if (arm.name, seed) not in there:
                encoder = world.encoder(arm.pretrained, seed) if arm.pretrained else None
                yield run(arm, world.sources(seed, arm.scales), Run(world.budget, seed, reader, encoder))
        for name, config in MASKINGS.items():
            if (f"probe: {name}", seed) not in there:
                yield probed(f"probe: {name}", world.sources(seed), seed, world.encoder(config, seed))
        if ("probe: not pretrained", seed) not in there:
            yield probed("probe: not pretrained", world.sources(seed), seed, None)


def cases(records: list[Record]) -> list[Case]:
    """Return the mean over seeds of every figure of every arm."""
    found = []
    for arm in dict.fromkeys(record.arm for record in records):
        mine = [record.answers for record in records if record.arm == arm]
        for name in mine[0]:
            values = torch.tensor([answers[name] for answers in mine])
            found.append(Case(f"{arm}: {name}", float(values.mean()), "share", extra={"seeds": len(mine)}))
    return found


if __name__ == "__main__":
    main()

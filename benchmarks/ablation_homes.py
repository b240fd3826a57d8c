"""Rooms, furniture and styles never seen, on whole homes: python benchmarks/ablation_homes.py [--data DIR] [--small].

Whether sentences are answered better where a model is told of the rooms that a map has (one trained without, frozen, a
small head beside it), how much worse a model names and finds furniture that it was not trained on (half of it against
the other half), and whether floors and walls matter to that (half of the styles). Homes are made, lifted and measured
once (in --data, or taken from --homes and --held-out). Every run is one line of DIR/homes.jsonl,
and what stands there is not computed again. The tables go to DIR/homes.md; docs/ablations.md says what they show.
--small: two steps on two homes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import ablation_rooms
from ablation_homes_report import (
    HALF_ARMS,
    ROOM_ARMS,
    SEGMENTATION,
    SHIPPED_ALONE,
    STYLE_ARMS,
    TOLD_WHICH,
    Record,
    tables,
)
from ablation_homes_world import Budget, World, room_figures, room_questions, with_questions
from ablation_journal import keep, read_records
from ablation_names import Course
from ablation_report import interval
from ablation_styles import THINGS, Styles
from common import Case, arguments, emit, log, parser
from lifted_homes import LiftedHomes

from locate3d_ros.config import Config
from locate3d_ros.data.synthetic.options import PRESETS, DatasetOptions
from locate3d_ros.errors import InputError
from locate3d_ros.model.proposal_checkpoint import load_proposal_checkpoint
from locate3d_ros.model.proposal_decoder import ProposalDecoder

WITHOUT_ROOMS = Path(__file__).parent / "decoder_without_rooms"  # docs/ablations.md says how it was trained
HOMES, SENTENCES = 72, 160
ROOM_HOMES = 36  # training homes that the head is trained on
UNTRAINED = (SHIPPED_ALONE, TOLD_WHICH)
ROOMS, NAMES, SMALL = Budget(400, 1e-3, homes=4), Budget(300, 2e-3, homes=2), Budget(2, 1e-3, homes=1, looked_at=8)


def main() -> None:
    """Compute what is missing, write the tables, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("--data", type=Path, default=Path("build/ablations"), help="folder that keeps everything")
    options.add_argument("--homes", type=Path, help="lifted homes with split train, instead of ones in --data")
    options.add_argument("--held-out", type=Path, help="lifted homes with split val, likewise")
    options.add_argument("--model", type=Path, default=WITHOUT_ROOMS, help="model that is told of rooms")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options.add_argument("--small", action="store_true", help="a few steps")
    options.set_defaults(threads=1)
    parsed = arguments(__doc__, options)
    parsed.data.mkdir(parents=True, exist_ok=True)
    file = parsed.data / "homes.jsonl"
    there = {(record.arm, record.seed) for record in read_records(file, Record)}
    keep(file, computed(parsed, there))
    records = read_records(file, Record)
    (parsed.data / "homes.md").write_text(tables(records), encoding="utf-8")
    emit("ablation_homes", parsed, cases(records))


def computed(parsed: argparse.Namespace, there: set[tuple[str, int]]) -> Iterator[Record]:
    """Give the records that are not there yet."""
    seeded = [(arm, seed) for seed in parsed.seeds for arm in (*ROOM_ARMS, *HALF_ARMS, *STYLE_ARMS)]
    wanted = [(SEGMENTATION, 0), *((arm, 0) for arm in UNTRAINED), *seeded]
    missing = [each for each in wanted if each not in there]
    if not missing:
        return
    train = World.of(parsed.homes or made(parsed.data / "homes", "train-tiny"), "train")
    held_out = World.of(parsed.held_out or made(parsed.data / "val-small", "val-small"), "val")
    naming, pairing = ([each for each in missing if each[0] in arms] for arms in (HALF_ARMS, STYLE_ARMS))
    styles = Styles.dealt(train) if pairing else None  # first, for homes that do not tell are refused
    if (SEGMENTATION, 0) in missing:
        yield Record(SEGMENTATION, 0, {"train": room_figures(train), "val": room_figures(held_out)})
    yield from told(parsed, train, held_out, [each for each in missing if each[0] in (*UNTRAINED, *ROOM_ARMS)])
    if naming or pairing:
        course = Course.of(train, SMALL if parsed.small else NAMES)
        yield from halved(course, naming)
        if styles:
            yield from styled(course, styles, pairing, 1 if parsed.small else THINGS)


def told(
    parsed: argparse.Namespace, train: World, held_out: World, missing: Sequence[tuple[str, int]]
) -> Iterator[Record]:
    """Train heads that are told of rooms beside a frozen decoder; ask about homes with other furniture."""
    if not missing:
        return
    budget = SMALL if parsed.small else ROOMS
    decoder = told_of_none(parsed.model)
    log("asking the frozen decoder")
    learnt = ablation_rooms.frozen(decoder, with_questions(train, ROOM_HOMES), train, lambda _: (), budget.looked_at)
    asked = ablation_rooms.frozen(decoder, held_out.homes, held_out, held_out.kinds, budget.looked_at)
    questions = ablation_rooms.frozen(decoder, room_questions(held_out), held_out, lambda _: (), budget.looked_at)
    for arm, seed in missing:
        head = None if arm in UNTRAINED else ablation_rooms.trained(decoder, learnt, arm, seed, budget)
        homes = {"sentences": asked, "questions": questions, "training": learnt}
        yield Record(arm, seed, {name: ablation_rooms.graded(head, each, arm) for name, each in homes.items()})


def told_of_none(model: Path) -> ProposalDecoder:
    """Load a decoder that knows no rooms yet. Raises InputError for a model without one."""
    for member in load_proposal_checkpoint(model).members:
        if member.rooms is None:
            return member
    raise InputError(f"{model}: was trained with rooms; give --model one that was not")


def halved(course: Course, missing: Sequence[tuple[str, int]]) -> Iterator[Record]:
    """Train new models to name half of the furniture; ask about both halves in homes that were not trained on."""
    for arm, seed in missing:
        figures = course.figures(course.learnt[HALF_ARMS[arm]], course.half, seed)
        yield Record(arm, seed, {"things": figures})


def styled(course: Course, styles: Styles, missing: Sequence[tuple[str, int]], least: int) -> Iterator[Record]:
    """Do so in rooms of half of the styles alone, in homes with so many things in them; ask about rooms of both."""

    def group(home: str, number: int) -> str:
        return f"{course.half(home, number)}, styles {styles.around(home, number)}"

    learnt = {
        arm: styles.homes(course.learnt[half], style, least)
        for arm, (half, style) in STYLE_ARMS.items()
        if arm in {each for each, _ in missing}
    }
    for arm, seed in missing:
        homes = learnt[arm]
        things = sum(len(homes.scene(name).truth.ids) for name in homes.expressions)
        size = {"n homes": float(len(homes.expressions)), "n things": float(things)}
        yield Record(arm, seed, {"trained on": size, "things": course.figures(homes, group, seed)})


def made(folder: Path, name: str) -> Path:
    """Make and lift the homes of a preset, but for what is there. Raises InputError where one cannot be made."""
    preset = PRESETS[name]
    scenes = preset.scenes if preset.scenes.split == "val" else replace(preset.scenes, sentences=SENTENCES)
    asked = DatasetOptions(folder, min(HOMES, preset.count), preset.seed, scenes=scenes)
    return LiftedHomes(asked, Config(threads=1, device="cpu")).path


def cases(records: list[Record]) -> list[Case]:
    """Return the mean over seeds of every figure of every arm."""
    found = []
    for arm in dict.fromkeys(record.arm for record in records):
        mine = [record for record in records if record.arm == arm]
        for where, figures in mine[0].answers.items():
            for name in (each for each in figures if not each.startswith(("home ", "n home "))):
                mean, _ = interval([record.answers[where][name] for record in mine])
                unit = "count" if name.startswith("n ") else "share"
                found.append(Case(f"{arm}: {where}: {name}", mean, unit, extra={"seeds": len(mine)}))
    return found


if __name__ == "__main__":
    main()

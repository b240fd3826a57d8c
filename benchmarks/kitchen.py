"""Grounding on a real recording: python benchmarks/kitchen.py [--half dev|held_out] [--data FOLDER].

The boxes and sentences of kitchen_annotations.json were made by hand from the pictures, without running the package.
A request counts as a hit where the best instance of its answer overlaps a box of its targets by an IoU of at least
0.25 (0.5); a refused request is a miss. `forced` takes the best guess without a score threshold. `chance` draws an
annotated object's box at random. Intervals: 95 % bootstrap over sentences.
Tune on --half dev only; --half held_out is for reports.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from common import Case, arguments, emit, log, parser

from locate3d_ros import Locate3D, load_recording
from locate3d_ros.build import AUTO
from locate3d_ros.geometry.boxes import box_iou, box_tensor
from locate3d_ros.types import Box, Instance, LocalizeOptions, Status

HERE = Path(__file__).resolve().parent
ANNOTATIONS = HERE / "kitchen_annotations.json"
RESAMPLES = 2000
KINDS = ("class", "attribute", "relation")


@dataclass(frozen=True)
class Expression:
    """One sentence and the boxes that answer it; none where the thing is absent."""

    text: str
    kind: str
    near_miss: bool  # absent, but the scene has the class or the place
    targets: tuple[Box, ...]


@dataclass(frozen=True)
class Outcome:
    """What one sentence got."""

    expression: Expression
    found: bool
    iou: float  # of the answer's best instance; 0 where refused or absent
    forced_iou: float  # of the best guess without a threshold
    score: float  # of the best guess; 0 where there is none
    seconds: float


def main() -> int:
    """Build the map, ask every sentence, print the table and the JSON object."""
    options = parser(__doc__)
    options.add_argument("--half", choices=("dev", "held_out"), help="ask only this half; default: both")
    options.add_argument("--model", default=AUTO, help="what answers")
    options.add_argument("--data", type=Path, default=default_folder(), help="the recording's folder")
    parsed = arguments(__doc__, options)
    if not parsed.data.is_dir():
        log(f"{parsed.data}: recording not found; give --data FOLDER or set LOCATE3D_TEST_DATA to its parent folder")
        return 2
    boxes, expressions = read_annotations(parsed.half)
    robot = Locate3D.create(device=parsed.device, threads=parsed.threads, model=parsed.model)
    mapping_seconds = build_map(robot, parsed.data)
    robot.localize("warm up")  # the first request pays for what depends on the scene alone
    outcomes = [ask(robot, expression) for expression in expressions]
    cases = summary(outcomes, boxes)
    for line in table(cases):
        log(line)
    emit("kitchen", parsed, [*cases, Case("map_seconds", mapping_seconds, "s")])
    return 0


def default_folder() -> Path:
    """Return the recording's place: in $LOCATE3D_TEST_DATA, else beside the repository."""
    return Path(os.environ.get("LOCATE3D_TEST_DATA", HERE.parent.parent / "shared")) / "kitchen"


def read_annotations(half: str | None) -> tuple[dict[int, Box], list[Expression]]:
    """Return all annotated boxes by id and the sentences of one half (None: of both)."""
    described = json.loads(ANNOTATIONS.read_text())
    boxes = {item["id"]: Box(tuple(item["box_min"]), tuple(item["box_max"])) for item in described["objects"]}
    expressions = [
        Expression(
            item["text"], item["kind"], item.get("near_miss", False), tuple(boxes[i] for i in item["target_ids"])
        )
        for item in described["expressions"]
        if half in (None, item["half"])
    ]
    return boxes, expressions


def build_map(robot: Locate3D, folder: Path) -> float:
    """Integrate every frame and return the seconds it took."""
    begin = time.perf_counter()
    for count, frame in enumerate(load_recording(folder), start=1):
        robot.add(frame)
        if count % 20 == 0:
            log(f"mapped {count} frames")
    return time.perf_counter() - begin


def ask(robot: Locate3D, expression: Expression) -> Outcome:
    """Ask one sentence as a user would, and, where it was refused, for the best guess."""
    begin = time.perf_counter()
    answer = robot.localize(expression.text)
    seconds = time.perf_counter() - begin
    found = answer.status is Status.FOUND
    instances = answer.instances
    if not found:
        instances = robot.localize(expression.text, LocalizeOptions(min_score=0.0, max_instances=1)).instances
    guess = instances[0] if instances else None
    iou = overlap(guess, expression.targets)
    return Outcome(expression, found, iou if found else 0.0, iou, guess.score if guess else 0.0, seconds)


def overlap(instance: Instance | None, targets: tuple[Box, ...]) -> float:
    """Return the best IoU of an instance's box with any target; 0 without either."""
    if instance is None or not targets:
        return 0.0
    return float(box_iou(box_tensor(instance.box)[None], torch.stack([box_tensor(box) for box in targets])).max())


def summary(outcomes: list[Outcome], boxes: dict[int, Box]) -> list[Case]:
    """Return every figure with its interval."""
    present = [outcome for outcome in outcomes if outcome.expression.targets]
    absent = [outcome for outcome in outcomes if not outcome.expression.targets]
    cases = [
        share(f"acc{level}", [outcome.iou >= level / 100 for outcome in present], chance(present, boxes, level))
        for level in (25, 50)
    ]
    for kind in KINDS:
        chosen = [outcome for outcome in present if outcome.expression.kind == kind]
        cases += [
            share(
                f"acc{level}_{kind}", [outcome.iou >= level / 100 for outcome in chosen], chance(chosen, boxes, level)
            )
            for level in (25, 50)
        ]
    cases += [
        share(f"acc{level}_forced", [outcome.forced_iou >= level / 100 for outcome in present]) for level in (25, 50)
    ]
    cases.append(share("answered_present", [outcome.found for outcome in present]))
    cases.append(share("refused_absent", [not outcome.found for outcome in absent]))
    for name, near in (("plain", False), ("near_miss", True)):
        chosen = [outcome for outcome in absent if outcome.expression.near_miss == near]
        cases.append(share(f"refused_{name}", [not outcome.found for outcome in chosen]))
    cases.append(auroc([outcome.score for outcome in present], [outcome.score for outcome in absent]))
    cases.append(Case("request", float(np.median([outcome.seconds for outcome in outcomes])), "s"))
    return cases


def share(name: str, hits: list[bool], chance_share: float | None = None) -> Case:
    """Return a share in percent with n, its interval and what chance reaches."""
    values = np.array(hits, dtype=np.float64) * 100
    draws = np.random.default_rng(0).choice(values, (RESAMPLES, len(values))).mean(axis=1)
    extra = {"n": float(len(values)), **interval(draws)}
    if chance_share is not None:
        extra["chance"] = round(100 * chance_share, 2)
    return Case(name, float(values.mean()), "%", extra=extra)


def auroc(present: list[float], absent: list[float]) -> Case:
    """Return how well the score of the best guess tells present from absent things; 0.5 is chance."""
    wins = np.sign(np.subtract.outer(np.array(present), np.array(absent))) / 2 + 0.5  # a tie is half a win
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(RESAMPLES):
        rows, columns = (generator.integers(0, size, size) for size in wins.shape)
        draws.append(wins[np.ix_(rows, columns)].mean())
    return Case("auroc", float(wins.mean()), "", extra={"n": float(sum(wins.shape)), **interval(np.array(draws))})


def interval(draws: np.ndarray) -> dict[str, float]:
    """Return the 95 % bootstrap interval of resampled values."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"low": round(float(low), 3), "high": round(float(high), 3)}


def chance(outcomes: list[Outcome], boxes: dict[int, Box], level: int) -> float:
    """Return the expected share of hits of an annotated object's box drawn at random."""
    drawn = torch.stack([box_tensor(box) for box in boxes.values()])
    hits = [
        (box_iou(drawn, torch.stack([box_tensor(box) for box in outcome.expression.targets])) >= level / 100)
        .any(dim=1)
        .float()
        .mean()
        for outcome in outcomes
    ]
    return float(torch.stack(hits).mean())


def table(cases: list[Case]) -> list[str]:
    """Return the figures as lines of text."""
    lines = [f"{'figure':<20}{'value':>9}  {'95 % interval':<18}{'n':>5}{'chance':>9}"]
    for case in cases:
        extra = case.extra
        bounds = f"[{extra['low']:.2f}, {extra['high']:.2f}]" if "low" in extra else ""
        count = f"{extra['n']:.0f}" if "n" in extra else ""
        by_chance = f"{extra['chance']:.1f}" if "chance" in extra else ""
        lines.append(f"{case.name:<20}{case.value:>9.3g}  {bounds:<18}{count:>5}{by_chance:>9}")
    return lines


if __name__ == "__main__":
    sys.exit(main())

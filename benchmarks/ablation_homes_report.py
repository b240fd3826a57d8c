"""Tables of the ablations on whole homes, from their records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ablation_report import seeds_of, told
from numpy.typing import NDArray

SEGMENTATION = "segmentation"
SHIPPED_ALONE = "the model alone"
TOLD_WHICH = "told which room is meant"
ROOM_ARMS = ("no rooms", "rooms", "true rooms")
ASKED = {
    "class": "class", "attribute": "attribute", "relation": "relation", "room": "room",
    "room, twin elsewhere": "of these with a twin elsewhere", "all": "all",
}  # fmt: skip
HALF_ARMS = {"half A": "A", "half B": "B"}  # half of the furniture
OTHER = {"A": "B", "B": "A"}
STYLE_ARMS = {f"half {half}, styles {style}": (half, style) for half in OTHER for style in OTHER}
STYLES = ("own styles", "other styles")
FURNITURE = ("own half", "furniture that both halves have", "other half")
DRAWS = 4000  # of homes, for an interval
PAIRS = {
    "precision": "precision",
    "recall": "recall",
    "alone": "precision of one room for all",
    "exact": "number right",
}


@dataclass(frozen=True)
class Record:
    """What is kept of a run: figures by what was asked."""

    arm: str
    seed: int
    answers: dict[str, dict[str, float]]


Found = dict[tuple[str, int], dict[str, dict[str, float]]]


def tables(records: Sequence[Record]) -> str:
    """Return all tables as Markdown."""
    found = {(record.arm, record.seed): record.answers for record in records}
    parts = (segmentation_lines, room_lines, half_lines, style_lines)
    return "\n".join(line for part in parts for line in part(found)) + "\n"


def segmentation_lines(found: Found) -> list[str]:
    """Return the table of the rooms that are found, in per cent."""
    lines = [
        "## Rooms that are found",
        "",
        f"| homes | {' | '.join(PAIRS.values())} |",
        "|---" * (1 + len(PAIRS)) + "|",
    ]
    for where, figures in found.get((SEGMENTATION, 0), {}).items():
        lines.append(f"| {where} | {' | '.join(f'{100 * figures[name]:.1f}' for name in PAIRS)} |")
    return [*lines, ""]


def room_lines(found: Found) -> list[str]:
    """Return the table of arms that are told of rooms, with differences from the one that is not, seed by seed."""
    heads = [*ASKED.values(), "questions about rooms"]
    lines = ["## Told of rooms", "", f"| | seeds | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
    base = {seed: room_figures(found[ROOM_ARMS[0], seed]) for seed in seeds_of(ROOM_ARMS[0], found)}
    for arm in (SHIPPED_ALONE, *ROOM_ARMS, TOLD_WHICH):
        mine = {seed: room_figures(found[arm, seed]) for seed in seeds_of(arm, found)}
        if mine:
            lines.append(row(arm, [list(column) for column in zip(*mine.values(), strict=True)]))
        both = [seed for seed in mine if seed in base] if arm in ROOM_ARMS[1:] else []
        if both:
            less = [[mine[seed][column] - base[seed][column] for seed in both] for column in range(len(heads))]
            lines.append(row(f"{arm}, less {ROOM_ARMS[0]}", less, sign="+"))
    return [*lines, "", *over_homes(found), ""]


def over_homes(found: Found) -> list[str]:
    """Say what questions gain by rooms, with an interval over homes, of the means over seeds."""
    lines = []
    for base in (ROOM_ARMS[0], SHIPPED_ALONE):
        told_of, without = (right_by_home(arm, found) for arm in (ROOM_ARMS[1], base))
        gains = [(told_of[home][0] - without[home][0], told_of[home][1]) for home in told_of if home in without]
        if gains:
            mean, low, high = (100 * value for value in resampled(np.array(gains)))
            lines.append(f"Questions, rooms less {base}, over homes: {mean:+.1f} [{low:.1f}, {high:.1f}]")
    return lines


def right_by_home(arm: str, found: Found) -> dict[str, tuple[float, float]]:
    """Return how many questions about each home are answered rightly (mean over seeds), and how many there are."""
    runs = [found[arm, seed]["questions"] for seed in seeds_of(arm, found)]
    counts = {name.removeprefix("n "): count for name, count in (runs[0] if runs else {}).items() if "n home" in name}
    return {home: (count * sum(run[home] for run in runs) / len(runs), count) for home, count in counts.items()}


def resampled(gains: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the gain (sum of the first column by that of the second) and its 95 % interval by drawing homes anew."""
    rng = np.random.default_rng(0)
    drawn = gains[rng.integers(len(gains), size=(DRAWS, len(gains)))].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    return float(gains[:, 0].sum() / gains[:, 1].sum()), float(low), float(high)


def room_figures(answers: dict[str, dict[str, float]]) -> list[float]:
    """Return the figures of a row of the table of rooms."""
    return [answers["sentences"].get(kind, float("nan")) for kind in ASKED] + [answers["questions"]["all"]]


def half_lines(found: Found) -> list[str]:
    """Return the table of halves of the furniture: own, other, and how much less the other is, seed by seed."""
    whose = ("own half", "other half", "other less own")
    heads = [f"{what}, {which}" for what in ("named", "found") for which in whose]
    lines = ["## Half of the furniture", "", f"| | seeds | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
    seeds = {arm: seeds_of(arm, found) for arm in HALF_ARMS}
    rows = {arm: [half_figures(arm, found[arm, seed]) for seed in seeds[arm]] for arm in HALF_ARMS}
    both = [
        [sum(pair) / 2 for pair in zip(*(half_figures(arm, found[arm, seed]) for arm in HALF_ARMS), strict=True)]
        for seed in seeds["half A"]
        if seed in seeds["half B"]
    ]
    for name, mine in (*((f"trained on {arm}", each) for arm, each in rows.items()), ("mean of both ways", both)):
        if mine:
            lines.append(row(name, [list(column) for column in zip(*mine, strict=True)], signed={2, 5}))
    return [*lines, ""]


def half_figures(arm: str, answers: dict[str, dict[str, float]]) -> list[float]:
    """Return the figures of a row of the table of halves."""
    own = HALF_ARMS[arm]
    figures = []
    for what in ("named", "found"):
        mine, theirs = (answers["things"].get(f"{what} {half}", float("nan")) for half in (own, OTHER[own]))
        figures += [mine, theirs, theirs - mine]
    return figures


def style_lines(found: Found) -> list[str]:
    """Return the tables of halves of furniture and styles: the mean of the four pairings, and its differences."""
    heads = [f"{what}, {which}" for what in ("named", "found") for which in (*STYLES, "other less own")]
    lines = ["## Half of the furniture in half of the styles", ""]
    lines += [f"| | seeds | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
    seeds = sorted(set.intersection(*(set(seeds_of(arm, found)) for arm in STYLE_ARMS)))
    shares = {what: [style_shares(what, seed, found) for seed in seeds] for what in ("named", "found")}
    if not seeds:
        return [*lines, ""]
    for whose in FURNITURE:
        columns = []
        for each in shares.values():
            own, other = ([run[whose, styles] for run in each] for styles in STYLES)
            columns += [own, other, [there - here for here, there in zip(own, other, strict=True)]]
        lines.append(row(whose, columns, signed={2, 5}))
    base = FURNITURE[0], STYLES[0]
    lines += ["", f"| less {', '.join(base)} | seeds | named | found |", "|---" * 4 + "|"]
    for other in ((FURNITURE[2], STYLES[0]), (FURNITURE[0], STYLES[1]), (FURNITURE[2], STYLES[1])):
        less = [[run[other] - run[base] for run in each] for each in shares.values()]
        lines.append(row(", ".join(other), less, sign="+"))
    return [*lines, ""]


def style_shares(what: str, seed: int, found: Found) -> dict[tuple[str, str], float]:
    """Return how much is right by whose furniture it is and in whose styles, as means over the pairings of a seed."""
    right: dict[tuple[str, str], list[float]] = defaultdict(list)
    for arm, (half, style) in STYLE_ARMS.items():
        things = found[arm, seed]["things"]
        for whose, furniture in zip(FURNITURE, (half, "neither", OTHER[half]), strict=True):
            for where, styles in zip(STYLES, (style, OTHER[style]), strict=True):
                right[whose, where].append(things.get(f"{what} {furniture}, styles {styles}", float("nan")))
    return {group: sum(shares) / len(shares) for group, shares in right.items()}


def row(name: str, columns: Sequence[Sequence[float]], sign: str = "", signed: Sequence[int] | set[int] = ()) -> str:
    """Return a row with mean and interval of every column."""
    cells = [told(values, "+" if place in signed else sign) for place, values in enumerate(columns)]
    return f"| {name} | {len(columns[0])} | {' | '.join(cells)} |"

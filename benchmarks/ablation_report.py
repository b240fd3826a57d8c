"""Tables and curves of the ablations, from their records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ablation_training import Record
from common import log
from scipy.stats import t

COLUMNS = {
    "acc25_head": "Acc@25, head's box",
    "acc25_mask": "Acc@25, mask's box",
    "mask_iou": "mask IoU",
    "on_thing_head": "right thing, head's box",
    "on_thing_mask": "right thing, mask",
}
PARTS = ("encoder", "decoder", "mask_head", "word_head", "box_head")
CURVES = ("joint", "masks alone", "boxes alone")


@dataclass(frozen=True)
class Table:
    """Which arms stand together; differences are taken from the first."""

    title: str
    arms: tuple[str, ...]
    compared: tuple[str, ...]  # figures whose difference from the first arm is told


TABLES = (
    Table(
        "Masks and boxes",
        ("joint", "masks alone", "boxes alone", "boxes alone after half", "masks only match"),
        ("acc25_head", "on_thing_head", "on_thing_mask"),
    ),
    Table("Pretraining", ("joint", "naive"), ("mask_iou", "on_thing_mask")),
    Table(
        "Fine-tuning",
        ("joint", "naive", "stage-wise", "frozen", "frozen, not pretrained"),
        ("mask_iou", "on_thing_mask"),
    ),
    Table("Features", ("joint", "two scales", "one scale", "no features"), ("mask_iou", "on_thing_mask")),
)
PROBES = ("run", "random", "block", "radius", "run, 4 x 2 %", "run, 4 x 16 %", "not pretrained")


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and half of Student's 95 % interval over seeds; infinite for one seed."""
    rows = np.array(values)
    if len(rows) < 2:
        return float(rows.mean()), float("inf")
    half = t.ppf(0.975, len(rows) - 1) * rows.std(ddof=1) / len(rows) ** 0.5
    return float(rows.mean()), float(half)


def tables(records: Sequence[Record]) -> str:
    """Return all tables as Markdown."""
    found = {(record.arm, record.seed): record.answers for record in records}
    parts = [lines for table in TABLES for lines in table_lines(table, found)]
    return "\n".join([*parts, *probe_lines(found)]) + "\n"


Found = dict[tuple[str, int], dict[str, float]]


def table_lines(table: Table, found: Found) -> list[str]:
    """Return a table with a row for each arm, in per cent."""
    heads = [*COLUMNS.values(), *(f"{COLUMNS[name]}, less {table.arms[0]}" for name in table.compared)]
    lines = [f"## {table.title}", "", f"| | seeds | {' | '.join(heads)} |", "|---|---|" + "---|" * len(heads)]
    for arm in table.arms:
        seeds = seeds_of(arm, found)
        if not seeds:
            continue
        cells = [told([found[arm, seed][name] for seed in seeds]) for name in COLUMNS]
        pairs = [seed for seed in seeds if (table.arms[0], seed) in found] if arm != table.arms[0] else []
        for name in table.compared:
            less = [found[arm, seed][name] - found[table.arms[0], seed][name] for seed in pairs]
            cells.append(told(less, sign="+") if less else "")
        lines.append(f"| {arm} | {len(seeds)} | {' | '.join(cells)} |")
    return [*lines, ""]


def probe_lines(found: Found) -> list[str]:
    """Return the table of maskings."""
    lines = ["## Masking", "", "| | seeds | recall of a linear probe | less not pretrained |", "|---|---|---|---|"]
    base = f"probe: {PROBES[-1]}"
    for name in PROBES:
        arm = f"probe: {name}"
        seeds = seeds_of(arm, found)
        if not seeds:
            continue
        less = [found[arm, s]["recall"] - found[base, s]["recall"] for s in seeds if (base, s) in found]
        cell = told(less, sign="+") if less and arm != base else ""
        lines.append(f"| {name} | {len(seeds)} | {told([found[arm, s]['recall'] for s in seeds])} | {cell} |")
    return lines


def seeds_of(arm: str, found: Iterable[tuple[str, int]]) -> list[int]:
    """Return the seeds that an arm was computed with."""
    return sorted(seed for name, seed in found if name == arm)


def told(values: Sequence[float], sign: str = "") -> str:
    """Return mean and interval in per cent."""
    mean, half = interval(values)
    return f"{100 * mean:{sign}.1f}" + (f" ± {100 * half:.1f}" if half < float("inf") else "")


def curves(records: Sequence[Record], file: Path) -> None:
    """Draw the length of the gradient of every part over training."""
    try:
        import matplotlib as mpl
    except ImportError:
        log("no curves: pip install matplotlib")
        return
    mpl.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(CURVES), figsize=(11, 3.4), sharey=True, layout="constrained")
    for axis, arm in zip(axes, CURVES, strict=True):
        for colour, part in enumerate(PARTS):
            steps, mean = gradients([record for record in records if record.arm == arm], part)
            if any(mean):
                axis.semilogy(steps, mean, f"C{colour}", label=part.replace("_", " "))
        axis.set(title=arm, xlabel="step")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("length of the gradient")
    axes[0].legend(fontsize=8)
    figure.savefig(file, dpi=90)


def gradients(records: Sequence[Record], part: str) -> tuple[list[int], list[float]]:
    """Return steps and the geometric mean over seeds of the length of a part's gradient before clipping."""
    rows = [[unclipped(line, part) for line in record.curve] for record in records]
    steps = [int(line["step"]) for line in records[0].curve] if records else []
    mean = np.exp(np.log(np.maximum(rows, 1e-12)).mean(axis=0)) if rows else np.zeros(0)
    return steps, [float(value) if value > 1e-11 else 0.0 for value in mean]


def unclipped(line: dict[str, float], part: str) -> float:
    """Undo the clipping of the whole gradient to length 1."""
    return line[f"gradient_{part}"] * max(1.0, line["gradient"])

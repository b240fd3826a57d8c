"""An evaluation as JSON (schema locate3d/evaluation@1, DESIGN 5.5) and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from locate3d_ros.evaluation.evaluate import Evaluation
from locate3d_ros.evaluation.summary import Figure, Group, Summary

SCHEMA = "locate3d/evaluation@1"
_DIGITS = 4
_FIGURES = ("acc25", "acc50", "mask_iou", "found25", "answered", "refused", "refusal_auroc")


def evaluation_json(evaluation: Evaluation) -> str:
    """Return the evaluation as one JSON object: the model's figures, and those of the baselines below them."""
    model, *baselines = evaluation.summaries
    entries = {
        "schema": SCHEMA,
        "dataset": evaluation.dataset,
        "split": evaluation.split,
        "scenes": evaluation.scenes,
        "seed": evaluation.seed,
        **_summary_json(model),
        "baselines": {baseline.name: _summary_json(baseline) for baseline in baselines},
        "peak_memory_mb": round(evaluation.peak_memory_mb, 1),
    }
    return json.dumps(entries, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def evaluation_markdown(evaluation: Evaluation) -> str:
    """Return the evaluation as Markdown tables."""
    model = evaluation.summaries[0]
    lines = [
        f"# {evaluation.dataset}, split {evaluation.split}",
        "",
        f"{evaluation.scenes} scenes, {model.n} sentences, {model.present} of them about things that are there; seed "
        f"{evaluation.seed}. Percentages with 95 % intervals.",
        "",
        *markdown_table(COLUMNS, [summary_row(summary) for summary in evaluation.summaries]),
        "",
        f"Acc@25 and Acc@50: the best guess, whatever its score. Found: answered with a score of {model.min_score:g} "
        "or more, and right at IoU 0.25. Refused: requests about absent things that are not answered.",
        "",
    ]
    for title, groups in (("kind", model.by_kind), ("distractors", model.by_distractors)):
        rows = [[name, str(g.n), percent(g.acc25), percent(g.acc50)] for name, g in groups.items()]
        lines += [*markdown_table([title, "sentences", f"{model.name}: Acc@25", "Acc@50"], rows), ""]
    lines.append(f"Peak memory {evaluation.peak_memory_mb:.0f} MB.")
    return "\n".join(lines) + "\n"


COLUMNS = ("", "Acc@25", "Acc@50", "mask IoU", "found", "refused", "AUROC", "request (median, p95)", "prepare")


def summary_row(summary: Summary) -> list[str]:
    """Return the cells of one contestant, in the order of COLUMNS."""
    auroc = summary.refusal_auroc
    return [
        summary.name,
        percent(summary.acc25),
        percent(summary.acc50),
        percent(summary.mask_iou),
        percent(summary.found25),
        percent(summary.refused),
        "–" if auroc.value is None else f"{auroc.value:.2f}" + _bounds(auroc, 1.0, 2),
        f"{1000 * summary.seconds_per_request:.0f} ms, {1000 * summary.seconds_p95:.0f} ms",
        f"{summary.seconds_to_prepare:.1f} s",
    ]


def percent(figure: Figure) -> str:
    """Return a share in percent with its interval."""
    return "–" if figure.value is None else f"{100 * figure.value:.1f} %" + _bounds(figure, 100.0, 1)


def markdown_table(heads: tuple[str, ...] | list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a table; bars in cells are escaped."""
    return [
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * len(heads),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
    ]


def _bounds(figure: Figure, factor: float, digits: int) -> str:
    if figure.interval is None:
        return ""
    low, high = (factor * bound for bound in figure.interval)
    return f" [{low:.{digits}f}, {high:.{digits}f}]"


def _summary_json(summary: Summary) -> dict[str, object]:
    figures: dict[str, Figure] = {name: getattr(summary, name) for name in _FIGURES}
    return {
        "model": summary.name,
        "n": summary.n,
        "n_present": summary.present,
        **{name: _number(figure.value) for name, figure in figures.items()},
        "by_kind": _groups(summary.by_kind),
        "by_distractors": _groups(summary.by_distractors),
        "interval95": {name: _interval(figure) for name, figure in figures.items()},
        "min_score": summary.min_score,
        "refusal_roc": [{k: round(v, _DIGITS) for k, v in asdict(point).items()} for point in summary.refusal_roc],
        "seconds_per_request": round(summary.seconds_per_request, 5),
        "seconds_per_request_p95": round(summary.seconds_p95, 5),
        "seconds_to_prepare": round(summary.seconds_to_prepare, 3),
    }


def _groups(groups: Mapping[str, Group]) -> dict[str, object]:
    return {
        name: {
            "n": group.n,
            "acc25": _number(group.acc25.value),
            "acc50": _number(group.acc50.value),
            "interval95": {"acc25": _interval(group.acc25), "acc50": _interval(group.acc50)},
        }
        for name, group in groups.items()
    }


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _interval(figure: Figure) -> list[float] | None:
    return None if figure.interval is None else [round(bound, _DIGITS) for bound in figure.interval]

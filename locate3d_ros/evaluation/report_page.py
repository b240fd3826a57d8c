"""An evaluation as one HTML page with everything in it: tables, the refusal curve, the best and the worst answers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import cv2

from locate3d_ros.evaluation.evaluate import Evaluation
from locate3d_ros.evaluation.gallery import Case
from locate3d_ros.evaluation.measures import RefusalPoint
from locate3d_ros.evaluation.report_text import COLUMNS, percent, summary_row
from locate3d_ros.evaluation.summary import Group, Summary

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .3rem .8rem; border-bottom: 1px solid #ddd }
td, th { text-align: left }
tbody tr:first-child { font-weight: 600 } figure { margin: 0 } figcaption { font-size: 13px }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 1rem }
.cases img { width: 100% }
"""
_SIDE, _MARGIN = 280, 40  # pixels of the curve's square and of the room for its labels


def evaluation_page(evaluation: Evaluation) -> str:
    """Return the page."""
    model = evaluation.summaries[0]
    title = escape(f"{evaluation.dataset}, split {evaluation.split}: {model.name}")
    parts = [
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>",
        f"<p>{evaluation.scenes} scenes, {model.n} sentences, {model.present} of them about things that are there. "
        f"Seed {evaluation.seed}. Peak memory {evaluation.peak_memory_mb:.0f} MB. Brackets are 95 % intervals.</p>",
        _table(COLUMNS, [summary_row(summary) for summary in evaluation.summaries]),
        f"<p>Acc: the best guess, whatever its score. Found: answered with a score of {model.min_score:g} or more, and "
        "right at IoU 0.25. Refused: requests about absent things that are not answered.</p>",
        _groups("kind", model.by_kind),
        _groups("distractors", model.by_distractors),
        _curve(model),
        _cases("Best answers", evaluation.gallery.best),
        _cases("Worst answers", evaluation.gallery.worst),
        _cases("Surest answers about things that are not there", evaluation.gallery.invented),
        "</body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _groups(title: str, groups: dict[str, Group]) -> str:
    rows = [[name, str(group.n), percent(group.acc25), percent(group.acc50)] for name, group in groups.items()]
    return _table([title, "sentences", "Acc@25", "Acc@50"], rows) if rows else ""


def _curve(model: Summary) -> str:
    """Draw the refusal curve as SVG; nothing where there is none."""
    if not model.refusal_roc:
        return ""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(_place, model.refusal_roc))
    low, high = _MARGIN, _MARGIN + _SIDE
    size = _SIDE + 2 * _MARGIN
    return (
        f"<h2>Refusing</h2><p>AUROC {model.refusal_auroc.value or 0.0:.3f}; the dashed line is chance.</p>"
        f'<svg width="{size}" height="{size}" role="img" font-size="12">'
        f'<rect x="{low}" y="{low}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#999"/>'
        f'<line x1="{low}" y1="{high}" x2="{high}" y2="{low}" stroke="#999" stroke-dasharray="4"/>'
        f'<polyline points="{low},{high} {points}" fill="none" stroke="#2e86de" stroke-width="2"/>'
        f'<text x="{low}" y="{high + 20}">absent things answered: 0 to 100 %</text>'
        f'<text x="{low}" y="{low - 10}">present things answered: 0 to 100 %</text></svg>'
    )


def _place(point: RefusalPoint) -> tuple[float, float]:
    return _MARGIN + _SIDE * point.answered_absent, _MARGIN + _SIDE * (1.0 - point.answered_present)


def _cases(title: str, cases: Sequence[Case]) -> str:
    if not cases:
        return ""
    figures = "".join(_figure(case) for case in cases)
    return f'<h2>{title}</h2><p>Red: the answer. Green: the truth.</p><div class="cases">{figures}</div>'


def _figure(case: Case) -> str:
    question, score = case.outcome.question, case.outcome.score
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(case.image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    source = base64.b64encode(jpeg.tobytes()).decode("ascii")
    facts = [f"IoU {case.outcome.iou:.2f}"] if question.present else ["is not there"]
    facts += [] if score is None else [f"score {score:.2f}"]
    caption = (
        f"<b>{escape(question.text)}</b><br>{escape(question.scene_id)}, {escape(question.kind)}: {', '.join(facts)}"
    )
    alt = escape(question.text, quote=True)
    return f'<figure><img alt="{alt}" src="data:image/jpeg;base64,{source}"><figcaption>{caption}</figcaption></figure>'

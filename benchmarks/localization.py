"""Answers of the similarity localizer on annotated scenes: python benchmarks/localization.py DATASET [--maps DIR].

DATASET is a folder of scenes with ground truth, as the scene generator writes them. `acc25` and `acc50`: share of
sentences about something that is there whose best instance has a box IoU of at least 0.25 (0.5); `random` beside
it: that of a random proposal. `found25`: the same with the default `min_score`, where a refusal is no answer.
`refused`: share of sentences about something absent that are refused. `recall…`: the best of all proposals, the limit
of any choice among them. Maps are kept in --maps and taken from there the next time.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from common import Case, arguments, emit, log, parser

from locate3d_ros.config import Config, LocalizationConfig
from locate3d_ros.evaluation.grounded_scenes import Expression, GroundedScene, map_scene, read_scenes
from locate3d_ros.features.embedded import EmbeddedClassHead, EmbeddedExtractor
from locate3d_ros.geometry.boxes import box_iou, box_tensor
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.similarity import SimilarityLocalizer
from locate3d_ros.model.text import MiniLm
from locate3d_ros.types import LocalizeOptions, MapSnapshot, Status


@dataclass(frozen=True)
class Outcome:
    """One sentence and its answer."""

    expression: Expression
    iou: float  # of the best instance, whatever its score; 0 for absent things
    score: float  # of that instance
    random: float  # share of proposals with IoU >= 0.25
    seconds: float


@dataclass(frozen=True)
class SceneResult:
    """All answers about one scene."""

    outcomes: list[Outcome]
    recall: torch.Tensor  # [n] best IoU of any proposal, per object
    seconds: float  # to prepare


def main() -> None:
    """Answer every sentence of the data set and print the JSON object."""
    options = parser(__doc__)
    options.add_argument("dataset", type=Path)
    options.add_argument("--maps", type=Path, help="folder that keeps the maps")
    parsed = arguments(__doc__, options)
    if parsed.maps is not None:
        parsed.maps.mkdir(parents=True, exist_ok=True)
    device = torch.device(parsed.device)
    extractor = EmbeddedExtractor(Config().quality, device)
    config = LocalizationConfig()
    localizer = SimilarityLocalizer(MiniLm(device), EmbeddedClassHead(device), config)
    results = []
    for scene in read_scenes(parsed.dataset):
        results.append(evaluate(localizer, scene, map_scene(scene, extractor, parsed.maps)))
        log(f"{scene.name}: {len(scene.expressions)} sentences, prepared in {results[-1].seconds:.1f} s")
    emit("localization", parsed, cases(results, config.min_score))


def evaluate(localizer: SimilarityLocalizer, scene: GroundedScene, snapshot: MapSnapshot) -> SceneResult:
    """Answer the sentences about one scene."""
    start = time.perf_counter()
    prepared = localizer.prepare(snapshot)
    seconds = time.perf_counter() - start
    outcomes = [outcome(localizer, prepared, expression) for expression in scene.expressions]
    overlap = box_iou(scene.objects, proposal_boxes(prepared))
    return SceneResult(
        outcomes, overlap.max(dim=1).values if len(prepared) else overlap.new_zeros(len(overlap)), seconds
    )


def outcome(localizer: SimilarityLocalizer, prepared: SimilarityScene, expression: Expression) -> Outcome:
    """Answer one sentence without refusing, so that ranking and refusal can both be read off."""
    answer = localizer.answer(prepared, expression.text, LocalizeOptions(0.0, 1))
    if answer.status is not Status.FOUND or len(expression.targets) == 0:
        score = answer.best.score if answer.instances else 0.0
        return Outcome(expression, 0.0, score, 0.0, answer.seconds)
    iou = box_iou(box_tensor(answer.best.box)[None], expression.targets).max().item()
    chance = (box_iou(proposal_boxes(prepared), expression.targets).max(dim=1).values >= 0.25).float().mean().item()
    return Outcome(expression, iou, answer.best.score, chance, answer.seconds)


def proposal_boxes(prepared: SimilarityScene) -> torch.Tensor:
    """Return the proposals' boxes (P, 6) as float32."""
    return torch.from_numpy(prepared.proposals.boxes)


def cases(results: list[SceneResult], min_score: float) -> list[Case]:
    """Sum up all scenes."""
    outcomes = [each for result in results for each in result.outcomes]
    present = [each for each in outcomes if len(each.expression.targets)]
    absent = [each for each in outcomes if len(each.expression.targets) == 0]
    recall = torch.cat([result.recall for result in results])
    found = []
    for kind in sorted({each.expression.kind for each in present}):
        group = [each for each in present if each.expression.kind == kind]
        found.append(Case(f"acc25_{kind}", accuracy(group, 0.25), "share", extra={"sentences": len(group)}))
    return [
        Case("acc25", accuracy(present, 0.25), "share", extra={"random": mean([each.random for each in present])}),
        Case("acc50", accuracy(present, 0.5), "share", extra={"sentences": len(present)}),
        *found,
        Case("found25", mean([each.iou >= 0.25 and each.score >= min_score for each in present]), "share"),
        Case("refused", mean([each.score < min_score for each in absent]), "share", extra={"sentences": len(absent)}),
        Case("recall25", (recall >= 0.25).float().mean().item(), "share", extra={"objects": len(recall)}),
        Case("recall50", (recall >= 0.5).float().mean().item(), "share"),
        Case("recall_iou", recall.mean().item(), "IoU"),
        Case("prepare", statistics.median(result.seconds for result in results), "s"),
        Case("answer", statistics.median(each.seconds for each in outcomes), "s"),
    ]


def accuracy(outcomes: list[Outcome], iou: float) -> float:
    """Return the share of answers whose box overlaps the target's at least so much."""
    return mean([each.iou >= iou for each in outcomes])


def mean(values: list[float] | list[bool]) -> float:
    """Return the mean, 0 of nothing."""
    return float(sum(values)) / len(values) if values else 0.0


if __name__ == "__main__":
    main()

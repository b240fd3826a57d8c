"""Fit the weights of the similarity localizer: python tools/calibrate_similarity.py DATASET... [--maps DIR].

Each DATASET is a folder of annotated rooms as the scene generator renders them; the sentences about them fit few
numbers, near a prior that says what each kind of evidence is worth by itself:
1. the ranking weights, so that a softmax over a scene's proposals puts its mass on boxes that overlap the target;
2. the calibration, so that the score is the probability that the best proposal is right (logistic regression; more
   evidence never lowers a score).
Rooms whose number ends in one of --held-out are measured, not fitted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logsumexp

from locate3d_ros.config import Config
from locate3d_ros.evaluation.grounded_scenes import GroundedScene, map_scene, read_scenes
from locate3d_ros.features.embedded import EmbeddedClassHead, EmbeddedExtractor
from locate3d_ros.files import write_file
from locate3d_ros.geometry.boxes import box_iou
from locate3d_ros.localization.calibration import CALIBRATION_NAMES, calibration_features
from locate3d_ros.localization.combination import (
    WEIGHTS_FILE,
    CalibrationWeights,
    NounWeights,
    RankWeights,
    SimilarityWeights,
)
from locate3d_ros.localization.phrase_scores import RANK_NAMES, rank_features
from locate3d_ros.localization.query import parse
from locate3d_ros.localization.request_scores import RequestScorer
from locate3d_ros.localization.scene import SimilarityScene, prepare_scene
from locate3d_ros.localization.vocabulary import Vocabulary
from locate3d_ros.model.text import MiniLm

NOUN = NounWeights(evidence=0.7, size=0.5, support=0.5)
PRIOR = RankWeights(
    evidence=1.0, place=0.3, size=0.7, support=0.5, posterior=1.0, colour=1.2, relation=1.2, order=1.0,
    isolation=2.2, contrast=1.1, filling=0.3,
)  # fmt: skip
PRIOR_STRENGTH = 0.1  # per squared difference of a weight, against nats per sentence
RIDGE = 0.01  # per squared weight of the calibration, against nats per sentence
ABSENT_SHARE = 1 / 6  # of the requests that the score is calibrated for: rooms come with more than people ask for
RIGHT = 0.25  # box IoU from which an answer is right
FREE = ("bias", "trust")  # calibration weights that may be negative
LEAST = {"relation": 0.25, "colour": 0.8}  # a thing of another colour, or elsewhere, is another thing
PACKAGE = Path(__file__).resolve().parent.parent / "locate3d_ros" / "localization"

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """One sentence about one scene: what the two models read, and the truth."""

    rank: Values  # [P, F]
    calibration: Values  # [C] of the best proposal
    best: int
    iou: Values  # [P] with the target
    kind: str
    held_out: bool

    @property
    def present(self) -> bool:
        """Whether the sentence is about something that can be found among the proposals."""
        return bool(self.iou.max(initial=0.0) >= RIGHT)

    @property
    def right(self) -> bool:
        """Whether the best proposal is right."""
        return bool(self.iou[self.best] >= RIGHT)


def samples(
    scenes: list[tuple[GroundedScene, SimilarityScene]], vocabulary: Vocabulary, weights: SimilarityWeights, held: str
) -> Iterator[Sample]:
    """Score every sentence with the weights so far."""
    for scene, prepared in scenes:
        scorer = RequestScorer(prepared, vocabulary, weights)
        boxes = torch.from_numpy(prepared.proposals.boxes)
        for expression in scene.expressions:
            scores = scorer.score(parse(expression.text).target).target
            best = int(scores.total.argmax())
            iou = box_iou(boxes, expression.targets)
            yield Sample(
                rank=rank_features(prepared, scores).astype(np.float64),
                calibration=calibration_features(scores)[best],
                best=best,
                iou=iou.max(dim=1).values.double().numpy() if len(expression.targets) else np.zeros(len(boxes)),
                kind=expression.kind,
                held_out=scene.name[-1] in held,
            )


def fit_rank(fitted: list[Sample]) -> RankWeights:
    """Maximise the softmax mass, weighed by IoU, on the target's proposals."""
    prior = np.array([getattr(PRIOR, name) for name in RANK_NAMES])
    gains = [np.where(sample.iou >= RIGHT, sample.iou, 0.0) for sample in fitted]

    def loss(weights: Values) -> tuple[float, Values]:
        total = PRIOR_STRENGTH * float(((weights - prior) ** 2).sum())
        slope = 2.0 * PRIOR_STRENGTH * (weights - prior)
        for sample, gain in zip(fitted, gains, strict=True):
            logarithm = log_softmax(sample.rank @ weights)
            mass = logsumexp(logarithm[gain > 0], b=gain[gain > 0])
            wanted = np.exp(logarithm - mass) * gain
            total -= mass / len(fitted)
            slope -= (wanted - np.exp(logarithm)) @ sample.rank / len(fitted)
        return total, slope

    found = _minimum(loss, prior, [(0.0, None)] * len(prior))
    return RankWeights(**dict(zip(RANK_NAMES, found, strict=True)))


def fit_calibration(fitted: list[Sample]) -> CalibrationWeights:
    """Fit the logistic model of the best proposal being right."""
    features = np.stack([sample.calibration for sample in fitted])
    right = np.array([sample.right for sample in fitted], dtype=np.float64)
    absent = np.array([sample.kind == "absent" for sample in fitted])
    mass = np.where(absent, ABSENT_SHARE / max(absent.sum(), 1), (1.0 - ABSENT_SHARE) / max((~absent).sum(), 1))

    def loss(weights: Values) -> tuple[float, Values]:
        logits = features @ weights
        nats = mass @ (np.logaddexp(0.0, logits) - right * logits) + RIDGE * (weights[1:] ** 2).sum()
        slope = features.T @ (mass * (expit(logits) - right))
        slope[1:] += 2.0 * RIDGE * weights[1:]
        return float(nats), slope

    bounds = [(None, None) if name in FREE else (LEAST.get(name, 0.0), None) for name in CALIBRATION_NAMES]
    found = _minimum(loss, np.zeros(len(CALIBRATION_NAMES)), bounds)
    return CalibrationWeights(**dict(zip(CALIBRATION_NAMES, found, strict=True)))


def _minimum(
    loss: Callable[[Values], tuple[float, Values]], start: Values, bounds: Sequence[tuple[float | None, float | None]]
) -> list[float]:
    result = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return [round(float(value), 4) for value in result.x]


def figures(measured: list[Sample], weights: CalibrationWeights) -> dict[str, float]:
    """Return the share of right answers, and of refusals at several scores."""
    vector = np.array([getattr(weights, name) for name in CALIBRATION_NAMES])
    score = np.array([expit(sample.calibration @ vector) for sample in measured])
    right = np.array([sample.right for sample in measured])
    absent = np.array([sample.kind == "absent" for sample in measured])
    table = {"sentences": float(len(measured)), "acc25": float(right[~absent].mean())}
    for limit in (0.3, 0.4, 0.45, 0.5, 0.55, 0.6):
        table[f"found25_at_{limit}"] = float((right & (score >= limit))[~absent].mean())
        table[f"refused_at_{limit}"] = float((score < limit)[absent].mean())
    return {name: round(value, 3) for name, value in table.items()}


def main() -> None:
    """Prepare the scenes, fit, measure and write."""
    options = _options()
    device = torch.device("cpu")
    extractor, head = EmbeddedExtractor(Config().quality, device), EmbeddedClassHead(device)
    vocabulary = Vocabulary(MiniLm(device), head)
    zero = CalibrationWeights(**dict.fromkeys(CALIBRATION_NAMES, 0.0))
    prior = SimilarityWeights(NOUN, PRIOR, zero)
    scenes = []
    for scene in (scene for dataset in options.datasets for scene in read_scenes(dataset)):
        scenes.append((scene, prepare_scene(map_scene(scene, extractor, options.maps), vocabulary, head, prior)))
        print(f"{scene.name}: {len(scenes[-1][1])} proposals, {len(scene.expressions)} sentences", flush=True)
    first = list(samples(scenes, vocabulary, prior, options.held_out))
    rank = fit_rank([sample for sample in first if sample.present and not sample.held_out])
    second = list(samples(scenes, vocabulary, SimilarityWeights(NOUN, rank, zero), options.held_out))
    calibration = fit_calibration([sample for sample in second if not sample.held_out])
    parts = {"fitted": False, "held out": True}
    measured = {
        name: figures([sample for sample in second if sample.held_out == held], calibration)
        for name, held in parts.items()
        if any(sample.held_out == held for sample in second)
    }
    print(json.dumps(measured, indent=1))
    made = {"rooms": [scene.name for scene, _ in scenes], "held_out": options.held_out, "figures": measured}
    table = {"noun": asdict(NOUN), "rank": asdict(rank), "calibration": asdict(calibration), "made_from": made}
    write_file(options.output, (json.dumps(table, indent=1) + "\n").encode())
    print(f"{options.output}: {len(fields(rank)) + len(fields(calibration))} weights")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--maps", type=Path, help="folder that keeps the maps for the next time")
    parser.add_argument("--held-out", default="", help="last digits of the rooms that are measured only, as in 789")
    parser.add_argument("--output", type=Path, default=PACKAGE / WEIGHTS_FILE)
    return parser.parse_args()


if __name__ == "__main__":
    main()

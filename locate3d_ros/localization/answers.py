"""From scores to a reply: which proposals are the answer, and one sentence about it."""

from __future__ import annotations

from locate3d_ros.localization.calibration import calibrated
from locate3d_ros.localization.combination import SimilarityWeights
from locate3d_ros.localization.instances import Candidate, instance_of
from locate3d_ros.localization.query_types import NounPhrase, Query
from locate3d_ros.localization.request_scores import RequestScores
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.structure import structure_regions
from locate3d_ros.localization.suppression import distinct_best, same_thing
from locate3d_ros.types import Localization, LocalizeOptions, Role, Status

SURE = 0.9  # score of floor, walls and ceiling: planes this large are little else
EQUALLY_GOOD = 0.9  # share of the best score above which another answer is as good


def answer_structure(scene: SimilarityScene, query: Query, options: LocalizeOptions) -> Localization:
    """Answer a request for floor, wall or ceiling."""
    regions = structure_regions(scene, query.target.head)[: options.max_instances]
    if not regions:
        return Localization(Status.NOT_FOUND, f"no {query.target.head} was seen")
    candidates = [Candidate(points, SURE, query.target.text, Role.TARGET) for points in regions]
    return Localization(Status.FOUND, "", tuple(instance_of(scene, candidate) for candidate in candidates))


def answer_things(
    scene: SimilarityScene, query: Query, scores: RequestScores, weights: SimilarityWeights, options: LocalizeOptions
) -> Localization:
    """Answer a request for things among the proposals."""
    probability = calibrated(scores.target, weights.calibration)
    ranked = distinct_best(scores.target.total, scene.proposals.boxes, options.max_instances)
    best = float(probability[ranked[0]])
    if best < options.min_score:
        return Localization(Status.NOT_FOUND, _nothing_like(query.target, best, options.min_score))
    good = [row for row in ranked if probability[row] >= max(options.min_score, EQUALLY_GOOD * best)]
    targets = [_candidate(scene, row, float(probability[row]), query.target.text, Role.TARGET) for row in good]
    targets.sort(key=lambda candidate: -candidate.score)
    anchors = _anchors(scene, scores, good[0])[: options.max_instances - len(targets)]
    message = f"{len(good)} equally good answers" if len(good) > 1 else ""
    return Localization(Status.FOUND, message, tuple(instance_of(scene, each) for each in targets + anchors))


def _candidate(scene: SimilarityScene, row: int, score: float, phrase: str, role: Role) -> Candidate:
    return Candidate(scene.proposals.groups[row], score, phrase, role)


def _anchors(scene: SimilarityScene, scores: RequestScores, target: int) -> list[Candidate]:
    """Return the likeliest place of each anchor that is not the target itself."""
    boxes, found = scene.proposals.boxes, []
    for anchor in scores.anchors:
        apart = [
            (place, row) for place, row in enumerate(anchor.rows) if not same_thing(boxes[target], boxes[[row]])[0]
        ]
        found += [
            _candidate(scene, row, float(anchor.weights[place]), anchor.phrase.text, Role.ANCHOR)
            for place, row in apart[:1]
        ]
    return found


def _nothing_like(phrase: NounPhrase, best: float, min_score: float) -> str:
    return f"nothing is surely {phrase.text!r}: the best candidate scored {best:.2f}, below {min_score:.2f}"

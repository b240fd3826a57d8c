"""Answers requests with the proposal decoder: geometry proposes regions, a trained model chooses among them.

The model knows the furniture that it was trained on. What the similarity localizer reads off a classifier of a
thousand classes and a table of sizes is weaker, but knows other things too: its log-probabilities are added.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.localization.answers import EQUALLY_GOOD, answer_structure
from locate3d_ros.localization.consensus import expected_overlap
from locate3d_ros.localization.instances import Candidate, instance_of
from locate3d_ros.localization.newest_scene import NewestScene
from locate3d_ros.localization.proposal_measures import ProposalMeasures, measure_pairs, measure_proposals
from locate3d_ros.localization.proposal_points import GLANCED
from locate3d_ros.localization.query import parse
from locate3d_ros.localization.query_types import Query
from locate3d_ros.localization.refine import refined
from locate3d_ros.localization.request_scores import viewpoint_words_ignored
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.similarity import EMPTY, NO_OBJECT, NO_VIEWPOINT, SimilarityLocalizer
from locate3d_ros.localization.structure import STRUCTURE_WORDS
from locate3d_ros.localization.suppression import distinct_best, same_thing, sure_iou, thinned_best
from locate3d_ros.types import Box, Instance, Localization, LocalizeOptions, MapSnapshot, PreparedScene, Role, Status

Values = NDArray[np.float32]

MAX_IOU = 0.6  # of two proposals that are looked at
LEVEL = 0.05  # of a rotation's entries from none, up to which boxes may be shifted in the map's axes
NAMED = 0.3  # probability from which a proposal is shown as an anchor


class Chosen(Protocol):
    """What a model says one sentence means among n proposals."""

    @property
    def logits(self) -> Tensor:
        """Of each proposal [n], given that one is meant."""

    @property
    def present(self) -> float:
        """Logit of there being such a thing."""

    @property
    def anchors(self) -> tuple[Tensor, ...]:
        """Probability of each proposal [n], for every anchor that the sentence names."""

    @property
    def phrases(self) -> tuple[tuple[int, int], ...]:
        """The characters [start, end) of the anchors' words."""


class ProposalModel(Protocol):
    """A trained model that chooses among proposals."""

    @property
    def name(self) -> str:
        """The model's name, as replies record it."""

    @property
    def feature_dim(self) -> int:
        """The channels of a map's features."""

    @property
    def count(self) -> int:
        """How many proposals are looked at."""

    @property
    def similarity_weight(self) -> float:
        """What the similarity localizer's log-probabilities count beside the model's logits."""

    @property
    def reads_rooms(self) -> bool:
        """Whether the model is told which proposals are in the same room."""

    def require_map(self, snapshot: MapSnapshot) -> None:
        """Refuse a map with other features than those of the training. Raises InputError."""

    def embed(self, features: Tensor, meaning: Tensor, shape: Tensor, points: Tensor) -> Tensor:
        """Embed proposals -> (p, …), from any number of points of each."""

    def things(self, embedded: Tensor) -> Tensor:
        """Say how much each embedded proposal looks like a thing (p,)."""

    def encode(self, embedded: Tensor, pairs: Tensor) -> Any:  # noqa: ANN401 - opaque, but for its `box_shift`
        """Put some embedded proposals (n, …) into their context; pairs (n, n, 26)."""

    def choose(self, scene: Any, text: str) -> Chosen:  # noqa: ANN401 - what encode returned
        """Say what a sentence means."""


@dataclass(frozen=True)
class ProposalScene:
    """A prepared map state (implements `PreparedScene`)."""

    proposed: SimilarityScene
    rows: Tensor  # [n] of its proposals that are looked at
    encoding: Any
    boxes: Tensor  # [n, 6] map frame, metres, as the model corrects them
    overlaps: Tensor  # [n, n] IoU of these with one another
    refusal: str = ""  # why the model cannot read this map

    @property
    def snapshot(self) -> MapSnapshot:
        """The state of the map that it describes."""
        return self.proposed.snapshot


class ProposalLocalizer:
    """Implements `Localizer` with a trained model; safe to call from several threads."""

    def __init__(self, model: ProposalModel, proposer: SimilarityLocalizer, fallback: bool = False) -> None:
        """Take the model, and what proposes the regions; with `fallback` this answers where the model cannot."""
        self._model, self._proposer, self._fallback = model, proposer, fallback
        self._newest = NewestScene(self.prepare)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def prepare(self, snapshot: MapSnapshot) -> ProposalScene:
        """Propose regions, measure and encode them. A map that the model cannot read is noted, not raised."""
        return self.encode(self._proposer.prepare(snapshot))

    def encode(self, proposed: SimilarityScene) -> ProposalScene:
        """Prepare a scene whose regions are proposed already."""
        nothing = ProposalScene(proposed, torch.zeros(0, dtype=torch.long), None, torch.zeros(0, 6), torch.zeros(0, 0))
        try:
            self._model.require_map(proposed.snapshot)
        except InputError as error:
            return replace(nothing, refusal=str(error))
        if len(proposed) == 0:
            return nothing
        model, head = self._model, self._proposer.head
        measures = measure_proposals(proposed, head, model.feature_dim, model.reads_rooms)
        features, meaning, shape, points = measures.features, measures.meaning, measures.shape, measures.points
        things = model.things(model.embed(features, meaning, shape, points[:, :GLANCED]))
        rows = thinned_best(things, measures.boxes_map, model.count, MAX_IOU)
        pairs = measure_pairs(measures.boxes[rows], measures.viewpoint, measures.rooms[rows])
        encoding = model.encode(model.embed(features[rows], meaning[rows], shape[rows], points[rows]), pairs)
        boxes = _corrected(measures, rows, encoding.box_shift, proposed)
        return ProposalScene(proposed, rows, encoding, boxes, sure_iou(boxes, boxes))

    def localize(self, snapshot: MapSnapshot, text: str, options: LocalizeOptions) -> Localization:
        """Answer from the prepared scene of this snapshot, prepared now where it is another one than last time."""
        return self.answer(self._newest.of(snapshot), text, options)

    def answer(self, scene: PreparedScene, text: str, options: LocalizeOptions) -> Localization:
        """Answer one request; every failure is a status and one sentence."""
        started = time.perf_counter()
        if not isinstance(scene, ProposalScene):
            raise TypeError(f"answer: a scene of {type(scene).__name__}; prepare it with this localizer")
        result = self._answer(scene, text, options)
        return replace(result, revision=scene.snapshot.revision, seconds=time.perf_counter() - started)

    def _answer(self, scene: ProposalScene, text: str, options: LocalizeOptions) -> Localization:
        try:
            query = parse(text)
        except InputError as error:
            return Localization(Status.BAD_REQUEST, str(error))
        if scene.refusal and self._fallback:
            answer = self._proposer.answer(scene.proposed, text, options)
            note = f"answered by {self._proposer.name}, as {scene.refusal}"
            return replace(answer, message="; ".join(filter(None, (answer.message, note))))
        if scene.refusal:
            return Localization(Status.FAILED, scene.refusal)
        if len(scene.snapshot) == 0:
            return Localization(Status.MAP_EMPTY, EMPTY)
        notes = [NO_VIEWPOINT] if viewpoint_words_ignored(scene.proposed, query) else []
        result = self._found(scene, query, options)
        return replace(result, message="; ".join(filter(None, (result.message, *notes))))

    def _found(self, scene: ProposalScene, query: Query, options: LocalizeOptions) -> Localization:
        if query.target.head in STRUCTURE_WORDS:
            return answer_structure(scene.proposed, query, options)
        if len(scene.rows) == 0:
            return Localization(Status.NOT_FOUND, NO_OBJECT)
        chosen = self._model.choose(scene.encoding, query.text)
        present = float(expit(chosen.present))
        if present < options.min_score:
            return Localization(Status.NOT_FOUND, _doubtful(query, present, options.min_score))
        similarity = self._proposer.log_probability(scene.proposed, query)[scene.rows.numpy()]
        logits = chosen.logits + self._model.similarity_weight * torch.from_numpy(similarity).float()
        expected = expected_overlap(logits, scene.overlaps).numpy()
        answer = _reply(scene, query, chosen, (expected, present), options)
        return refined(answer, scene.snapshot) if options.refine else answer


def _reply(
    scene: ProposalScene, query: Query, chosen: Chosen, sure: tuple[Values, float], options: LocalizeOptions
) -> Localization:
    """Answer by the overlap to expect of each proposal and the probability of there being such a thing."""
    expected, present = sure
    ranked = distinct_best(expected, scene.boxes.numpy(), options.max_instances)
    best = float(expected[ranked[0]])
    good = [row for row in ranked if expected[row] >= EQUALLY_GOOD * best]
    scores = [present * float(expected[row]) / best for row in good]
    targets = [
        _instance(scene, row, score, query.target.text, Role.TARGET) for row, score in zip(good, scores, strict=True)
    ]
    anchors = _anchors(scene, query.text, chosen, good[0])[: options.max_instances - len(targets)]
    message = f"{len(good)} equally good answers" if len(good) > 1 else ""
    return Localization(Status.FOUND, message, (*targets, *anchors))


def _anchors(scene: ProposalScene, text: str, chosen: Chosen, target: int) -> list[Instance]:
    """Return the likeliest place of each anchor that is not the target itself."""
    boxes, found = scene.boxes.numpy(), []
    for probability, (start, end) in zip(chosen.anchors, chosen.phrases, strict=True):
        apart = np.where(same_thing(boxes[target], boxes), 0.0, probability.numpy())
        row = int(apart.argmax())
        if apart[row] >= NAMED:
            found.append(_instance(scene, row, float(apart[row]), text[start:end], Role.ANCHOR))
    return found


def _instance(scene: ProposalScene, row: int, score: float, phrase: str, role: Role) -> Instance:
    points = scene.proposed.proposals.groups[int(scene.rows[row])]
    x0, y0, z0, x1, y1, z1 = scene.boxes[row].tolist()
    instance = instance_of(scene.proposed, Candidate(points, score, phrase, role))
    return replace(instance, box=Box((x0, y0, z0), (x1, y1, z1)))


def _corrected(measures: ProposalMeasures, rows: Tensor, shift: Tensor, proposed: SimilarityScene) -> Tensor:
    """Shift the boxes' corners as the model says, where the map's axes are those that it learnt in."""
    boxes = measures.boxes_map[rows]
    if np.abs(proposed.R_upright_map - np.eye(3)).max() > LEVEL:
        return boxes
    return shifted(boxes, shift)


def shifted(boxes: Tensor, shift: Tensor) -> Tensor:
    """Shift the corners of boxes (n, 6) by (n, 6) half edges."""
    half = (boxes[:, 3:] - boxes[:, :3]).clamp(min=0.02) / 2
    moved = boxes + shift * half.repeat(1, 2)
    return torch.cat((torch.minimum(moved[:, :3], moved[:, 3:]), torch.maximum(moved[:, :3], moved[:, 3:])), dim=1)


def _doubtful(query: Query, present: float, min_score: float) -> str:
    return f"{query.target.text!r} is hardly here: with a probability of {present:.2f}, below {min_score:.2f}"

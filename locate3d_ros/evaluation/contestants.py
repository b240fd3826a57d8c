"""Who is measured: a localizer, and what chance and the best choice would reach with the same proposals."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.questions import Question
from locate3d_ros.geometry.boxes import box_iou
from locate3d_ros.localization.instances import Candidate, instance_of
from locate3d_ros.localization.newest_scene import NewestScene
from locate3d_ros.localization.regions import region_boxes
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.similarity import SimilarityLocalizer
from locate3d_ros.types import Instance, LocalizeOptions, Localizer, MapSnapshot, PreparedScene, Role, Status

LEVELS = (0.25, 0.5)  # box IoU from which an answer is right: Acc@25, Acc@50


@dataclass(frozen=True)
class Guess:
    """The best answer to a question, however little it scores."""

    instance: Instance | None  # None: nothing at all
    score: float | None  # 0 without an instance; None: this contestant gives no scores
    chances: tuple[float, float] | None = None  # of IoU >= 0.25 and 0.5 where the instance was drawn; None: it was not


class Contestant(Protocol):
    """Answers questions about one scene after another."""

    @property
    def name(self) -> str:
        """What the tables call it."""

    def prepare(self, snapshot: MapSnapshot) -> None:
        """Take the scene that the next questions are about."""

    def guess(self, question: Question) -> Guess:
        """Answer one question; only the oracle looks at more than the text."""


class LocalizerContestant:
    """A localizer, made to answer whatever the score."""

    def __init__(self, localizer: Localizer, prepare: Callable[[MapSnapshot], PreparedScene] | None = None) -> None:
        """Take the localizer; `prepare` in place of its own shares prepared scenes with others."""
        self._localizer = localizer
        self._prepare = prepare or localizer.prepare
        self._scene: PreparedScene | None = None

    @property
    def name(self) -> str:
        """The localizer's name."""
        return self._localizer.name

    def prepare(self, snapshot: MapSnapshot) -> None:
        """Prepare the scene."""
        self._scene = self._prepare(snapshot)

    def guess(self, question: Question) -> Guess:
        """Answer. Raises InputError where the localizer cannot read the scene's map at all."""
        if self._scene is None:
            raise RuntimeError("guess: no scene was prepared")
        answer = self._localizer.answer(self._scene, question.text, LocalizeOptions(min_score=0.0, max_instances=1))
        if answer.status is Status.FAILED:
            raise InputError(f"scene {question.scene_id}: {self.name} cannot answer: {answer.message}")
        if not answer.instances:
            return Guess(None, 0.0)
        return Guess(answer.best, answer.best.score)


class Proposals:
    """The proposals of the newest scene, found once for all who choose among them."""

    def __init__(self, localizer: SimilarityLocalizer) -> None:
        """Take the localizer whose proposals they are."""
        self._newest = NewestScene(localizer.prepare)
        self._boxes: tuple[MapSnapshot, Tensor] | None = None

    def of(self, snapshot: MapSnapshot) -> SimilarityScene:
        """Return the prepared scene."""
        return self._newest.of(snapshot)

    def overlaps(self, scene: SimilarityScene, question: Question) -> Tensor:
        """Return each proposal's best IoU [P] with a target."""
        return box_iou(self._map_boxes(scene), question.boxes).max(dim=1).values

    def _map_boxes(self, scene: SimilarityScene) -> Tensor:
        """Return the proposals' boxes [P, 6] in the map frame."""
        if self._boxes is None or self._boxes[0] is not scene.snapshot:
            found = region_boxes(scene.proposals.groups, scene.cloud.xyz, scene.snapshot.fine.voxel_size)
            self._boxes = (scene.snapshot, torch.from_numpy(found))
        return self._boxes[1]


class RandomCluster:
    """Any proposal, each as likely as the other: what chance reaches."""

    name = "random cluster"

    def __init__(self, proposals: Proposals, seed: int) -> None:
        """Take the proposals; the draws depend on the seed, the scene and the sentence alone."""
        self._proposals = proposals
        self._seed = seed
        self._scene: SimilarityScene | None = None

    def prepare(self, snapshot: MapSnapshot) -> None:
        """Take the scene."""
        self._scene = self._proposals.of(snapshot)

    def guess(self, question: Question) -> Guess:
        """Draw, and say how likely a draw is right: one draw alone would make a poor estimate of chance."""
        if not self._scene:
            return Guess(None, None)
        drawn = np.random.default_rng([self._seed, zlib.crc32(f"{question.scene_id}\n{question.text}".encode())])
        guess = _proposal(self._scene, int(drawn.integers(len(self._scene))), question)
        if not question.present:
            return guess
        overlaps = self._proposals.overlaps(self._scene, question)
        chances = tuple(float((overlaps >= level).float().mean()) for level in LEVELS)
        return replace(guess, chances=(chances[0], chances[1]))


class OracleCluster:
    """The proposal nearest to the truth: the most that any choice among them can reach."""

    name = "oracle cluster"

    def __init__(self, proposals: Proposals) -> None:
        """Take the proposals."""
        self._proposals = proposals
        self._scene: SimilarityScene | None = None

    def prepare(self, snapshot: MapSnapshot) -> None:
        """Take the scene."""
        self._scene = self._proposals.of(snapshot)

    def guess(self, question: Question) -> Guess:
        """Look at the answer, and choose."""
        if not self._scene or not question.present:
            return Guess(None, None)
        return _proposal(self._scene, int(self._proposals.overlaps(self._scene, question).argmax()), question)


def _proposal(scene: SimilarityScene, row: int, question: Question) -> Guess:
    points = scene.proposals.groups[row]
    return Guess(instance_of(scene, Candidate(points, 0.0, question.text, Role.TARGET)), None)

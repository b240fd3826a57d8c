"""Answers requests without a trained decoder: proposals, and how well class, size, place and words fit them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.config import LocalizationConfig
from locate3d_ros.errors import InputError
from locate3d_ros.localization.answers import answer_structure, answer_things
from locate3d_ros.localization.calibration import log_calibrated
from locate3d_ros.localization.combination import load_weights
from locate3d_ros.localization.encoders import ClassHead, TextEncoder
from locate3d_ros.localization.newest_scene import NewestScene
from locate3d_ros.localization.query import parse
from locate3d_ros.localization.query_types import Query
from locate3d_ros.localization.refine import refined
from locate3d_ros.localization.request_scores import RequestScorer, viewpoint_words_ignored
from locate3d_ros.localization.scene import SimilarityScene, prepare_scene
from locate3d_ros.localization.structure import STRUCTURE_WORDS
from locate3d_ros.localization.vocabulary import Vocabulary
from locate3d_ros.types import Localization, LocalizeOptions, MapSnapshot, PreparedScene, Status

EMPTY = "the map is empty: no frame with valid depth and a pose has arrived"
NO_OBJECT = "the map shows no object yet, only planes or scattered points"
NO_VIEWPOINT = "words about the viewpoint are ignored, for no camera pose is known"


class SimilarityLocalizer:
    """Chooses among 3D proposals (implements `Localizer`); safe to call from several threads."""

    def __init__(self, text_encoder: TextEncoder, class_head: ClassHead, config: LocalizationConfig) -> None:
        """Take the parts; `config` gives the options of requests that name none."""
        self.head = class_head
        self._config = config
        self._vocabulary = Vocabulary(text_encoder, class_head)
        self._weights = load_weights()
        self._newest = NewestScene(self.prepare)

    @property
    def name(self) -> str:
        """The localizer's name, as replies record it."""
        return "similarity"

    def prepare(self, snapshot: MapSnapshot) -> SimilarityScene:
        """Find and measure the proposals of a map state."""
        return prepare_scene(snapshot, self._vocabulary, self.head, self._weights)

    def localize(self, snapshot: MapSnapshot, text: str, options: LocalizeOptions) -> Localization:
        """Answer from the prepared scene of this snapshot, prepared now where it is another one than last time."""
        return self.answer(self._newest.of(snapshot), text, options)

    def answer(self, scene: PreparedScene, text: str, options: LocalizeOptions) -> Localization:
        """Answer one request; every failure is a status and one sentence."""
        started = time.perf_counter()
        if not isinstance(scene, SimilarityScene):
            raise TypeError(f"answer: a scene of {type(scene).__name__}; prepare it with this localizer")
        result = self._answer(scene, text, options)
        return replace(result, revision=scene.snapshot.revision, seconds=time.perf_counter() - started)

    def log_probability(self, scene: SimilarityScene, query: Query) -> NDArray[np.float64]:
        """Return the logarithm of the probability [P] that each proposal is meant, for whoever chooses among them."""
        scores = RequestScorer(scene, self._vocabulary, self._weights).score(query.target)
        return log_calibrated(scores.target, self._weights.calibration)

    def _answer(self, scene: SimilarityScene, text: str, options: LocalizeOptions) -> Localization:
        try:
            query = parse(text)
        except InputError as error:
            return Localization(Status.BAD_REQUEST, str(error))
        if len(scene.snapshot) == 0:
            return Localization(Status.MAP_EMPTY, EMPTY)
        notes = []
        if viewpoint_words_ignored(scene, query):
            notes.append(NO_VIEWPOINT)
        result = self._found(scene, query, options)
        return replace(result, message="; ".join(filter(None, (result.message, *notes))))

    def _found(self, scene: SimilarityScene, query: Query, options: LocalizeOptions) -> Localization:
        if query.target.head in STRUCTURE_WORDS:
            return answer_structure(scene, query, options)
        if len(scene) == 0:
            return Localization(Status.NOT_FOUND, NO_OBJECT)
        scores = RequestScorer(scene, self._vocabulary, self._weights).score(query.target)
        answer = answer_things(scene, query, scores, self._weights, options)
        return refined(answer, scene.snapshot) if options.refine else answer

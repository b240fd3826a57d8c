from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_scene import ToyBox, ToyClassHead, toy_snapshot

from locate3d_ros.config import LocalizationConfig
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.boxes import box_iou, box_tensor
from locate3d_ros.localization import proposal_measures
from locate3d_ros.localization.proposal_localizer import ProposalLocalizer, shifted
from locate3d_ros.localization.proposal_measures import measure_pairs, measure_proposals
from locate3d_ros.localization.proposal_points import POINTS
from locate3d_ros.localization.query import parse
from locate3d_ros.localization.similarity import SimilarityLocalizer
from locate3d_ros.localization.suppression import thinned_best
from locate3d_ros.model.text import MiniLm
from locate3d_ros.types import LocalizeOptions, Role, Status

OPTIONS = LocalizeOptions(min_score=0.4, max_instances=5)
DESK = ToyBox((1.0, 1.0, 0.0), (2.2, 1.7, 0.74), (0.5, 0.35, 0.2), "desk")
MUG = ToyBox((1.2, 1.2, 0.74), (1.3, 1.3, 0.84), (0.9, 0.1, 0.1), "coffee mug")
WARDROBE = ToyBox((3.0, 3.2, 0.0), (4.0, 3.8, 2.0), (0.8, 0.7, 0.5), "wardrobe")
ROOM = (DESK, MUG, WARDROBE)


@dataclass(frozen=True)
class FakeEncoding:
    boxes: torch.Tensor  # [n, 6] of what is looked at
    box_shift: torch.Tensor


@dataclass(frozen=True)
class FakeChoice:
    logits: torch.Tensor
    present: float
    anchors: tuple[torch.Tensor, ...]
    phrases: tuple[tuple[int, int], ...]


class FakeModel:
    """Means the proposal nearest to a box, and anchors likewise; says how sure it is."""

    name, feature_dim, count, reads_rooms = "fake", 8, 120, False

    def __init__(self, target=MUG, present=9.0, anchors=(), shift=0.0, refuses=False, similarity_weight=1.0):
        self.target, self.present, self.anchors, self.shift, self.refuses = target, present, anchors, shift, refuses
        self.similarity_weight = similarity_weight
        self.embedded = []

    def require_map(self, snapshot):  # noqa: ARG002 - the protocol
        if self.refuses:
            raise InputError("model: trained on other features")

    def embed(self, features, meaning, shape, points):
        self.embedded.append((features, meaning, shape, points))
        return shape

    def things(self, embedded):
        return embedded[:, 3]

    def encode(self, embedded, pairs):
        self.pairs = pairs
        return FakeEncoding(embedded, torch.full((len(embedded), 6), self.shift))

    def choose(self, encoding, text):  # noqa: ARG002 - the protocol
        near = [self._nearness(box) for box, _ in ((self.target, ""), *self.anchors)]
        spans = tuple((text.index(word), text.index(word) + len(word)) for _, word in self.anchors)
        return FakeChoice(100 * near[0], self.present, tuple(each.softmax(dim=0) for each in near[1:]), spans)

    def see(self, scene):
        self.seen = scene.boxes

    def _nearness(self, box):
        return 8 * box_iou(self.seen, box.tensor[None])[:, 0]


@pytest.fixture(scope="module")
def proposer():
    encoder = MiniLm(torch.device("cpu"))
    return SimilarityLocalizer(encoder, ToyClassHead(encoder), LocalizationConfig())


@pytest.fixture(scope="module")
def proposed(proposer):
    return proposer.prepare(toy_snapshot(ROOM))


def asked(proposer, proposed, model, text, options=OPTIONS):
    localizer = ProposalLocalizer(model, proposer)
    scene = localizer.encode(proposed)
    model.see(scene)
    return localizer.answer(scene, text, options)


def iou(instance, box):
    return box_iou(box_tensor(instance.box)[None], box.tensor[None]).item()


def test_chosen_proposal_is_the_answer(proposer, proposed):
    answer = asked(proposer, proposed, FakeModel(WARDROBE), "the wardrobe")
    assert answer.status is Status.FOUND
    assert answer.best.role is Role.TARGET
    assert answer.best.phrase == "wardrobe" or answer.best.phrase == "the wardrobe"
    assert answer.best.score > 0.9
    assert iou(answer.best, WARDROBE) > 0.5
    assert answer.best.mask.any()
    assert len(answer.best.xyz) > 0


def test_anchor_of_the_sentence_is_shown_with_its_words(proposer, proposed):
    answer = asked(proposer, proposed, FakeModel(MUG, anchors=((DESK, "desk"),)), "the mug on the desk")
    anchors = [each for each in answer.instances if each.role is Role.ANCHOR]
    assert [each.phrase for each in anchors] == ["desk"]
    assert iou(anchors[0], DESK) > 0.5


def test_thing_that_is_hardly_there_is_not_found(proposer, proposed):
    answer = asked(proposer, proposed, FakeModel(present=-9.0), "a bicycle")
    assert answer.status is Status.NOT_FOUND
    assert "bicycle" in answer.message


def test_floor_is_answered_without_the_model(proposer, proposed):
    answer = asked(proposer, proposed, FakeModel(present=-9.0), "the floor")
    assert answer.status is Status.FOUND
    assert answer.best.box.max[2] < 0.1


def test_boxes_are_corrected_by_the_model(proposer, proposed):
    plain, moved = (
        asked(proposer, proposed, FakeModel(WARDROBE, shift=shift), "the wardrobe").best.box for shift in (0.0, 0.1)
    )
    half = np.array(plain.size) / 2
    np.testing.assert_allclose(moved.min, plain.min + 0.1 * half, atol=1e-4)
    np.testing.assert_allclose(moved.max, plain.max + 0.1 * half, atol=1e-4)


def test_map_that_the_model_cannot_read_is_a_failure_with_the_reason(proposer, proposed):
    localizer = ProposalLocalizer(FakeModel(refuses=True), proposer)
    answer = localizer.answer(localizer.encode(proposed), "the mug", OPTIONS)
    assert answer.status is Status.FAILED
    assert answer.message == "model: trained on other features"


def test_map_that_the_model_cannot_read_is_answered_by_similarity_where_that_may(proposer, proposed):
    localizer = ProposalLocalizer(FakeModel(WARDROBE, refuses=True), proposer, fallback=True)
    answer = localizer.answer(localizer.encode(proposed), "the desk", OPTIONS)
    assert answer.status is Status.FOUND
    assert iou(answer.best, DESK) > 0.5
    assert answer.message == "answered by similarity, as model: trained on other features"


def test_similarity_counts_as_much_as_its_weight_says(proposer, proposed):
    best = [asked(proposer, proposed, FakeModel(WARDROBE, similarity_weight=w), "the desk").best for w in (0.0, 1e4)]
    assert iou(best[0], WARDROBE) > 0.5
    assert iou(best[1], DESK) > 0.5


def test_similarity_counts_by_the_probability_that_its_own_replies_give(proposer, proposed):
    query = parse("the red mug")
    replied = proposer.answer(proposed, query.text, replace(OPTIONS, min_score=0.0)).best
    assert np.exp(proposer.log_probability(proposed, query).max()) == pytest.approx(replied.score)


def test_empty_map_and_empty_text_are_said(proposer, proposed):
    localizer = ProposalLocalizer(FakeModel(), proposer)
    assert localizer.localize(toy_snapshot((), floor=0.0), "a mug", OPTIONS).status is Status.MAP_EMPTY
    assert localizer.answer(localizer.encode(proposed), "  ", OPTIONS).status is Status.BAD_REQUEST


def test_scene_of_another_localizer_is_refused(proposer, proposed):
    with pytest.raises(TypeError, match="SimilarityScene"):
        ProposalLocalizer(FakeModel(), proposer).answer(proposed, "the mug", OPTIONS)


def test_map_without_features_is_measured_with_zeros(proposer):
    snapshot = toy_snapshot(ROOM)
    bare = replace(snapshot, has_features=torch.zeros(len(snapshot), dtype=torch.bool))
    scene = proposer.prepare(bare)
    measures = measure_proposals(scene, proposer.head, 8)
    assert measures.features.shape == (len(scene), 8)
    assert not measures.features.any()
    assert not measures.meaning.any()
    assert not measures.shape[:, -2].any()


def test_measures_have_the_widths_that_the_decoder_reads(proposer, proposed):
    measures = measure_proposals(proposed, proposer.head, 8)
    assert measures.shape.shape == (len(proposed), 31)
    assert measures.meaning.shape == (len(proposed), 384)
    assert torch.isfinite(measures.shape).all()
    assert measures.rooms.shape == (len(proposed),)
    assert measures.points.shape == (len(proposed), POINTS, 9)
    assert measure_pairs(measures.boxes[:4], measures.viewpoint, measures.rooms[:4]).shape == (4, 4, 26)


def test_only_a_model_that_reads_rooms_has_them_found(proposer, proposed, monkeypatch):
    asked_for = []
    found = proposal_measures.find_rooms
    monkeypatch.setattr(proposal_measures, "find_rooms", lambda *given: asked_for.append(given) or found(*given))
    model = FakeModel()
    ProposalLocalizer(model, proposer).encode(proposed)
    assert not asked_for
    model.reads_rooms = True
    ProposalLocalizer(model, proposer).encode(proposed)
    assert len(asked_for) == 1


edges = st.floats(0.05, 2.0)
places = st.floats(-5.0, 5.0)
boxes_of_three = st.lists(st.tuples(places, places, places, edges, edges, edges), min_size=3, max_size=3)


@given(boxes_of_three, places, places, st.booleans())
def test_pairs_are_the_same_wherever_the_room_lies(rows, east, north, viewed):
    low = torch.tensor([row[:3] for row in rows])
    boxes = torch.cat((low, low + torch.tensor([row[3:] for row in rows])), dim=1)
    viewpoint = torch.eye(4)
    viewpoint[:3, :3] = torch.tensor([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    viewpoint[:3, 3] = torch.tensor([-9.0, 0.3, 1.4])
    moved_view = viewpoint.clone()
    moved_view[:2, 3] += torch.tensor([east, north])
    shift = torch.tensor([east, north, 0.0, east, north, 0.0])
    rooms = torch.tensor([1, 1, 2])
    here = measure_pairs(boxes, viewpoint if viewed else None, rooms)
    there = measure_pairs(boxes + shift, moved_view if viewed else None, rooms)
    # Steps at contact and at "the same thing" may flip where rounding decides.
    assert float(((here - there).abs() > 1e-2).float().mean()) < 0.1


@given(st.integers(0, 40), st.integers(1, 10), st.integers(0, 1000))
def test_thinned_best_are_the_best_and_apart(count, wanted, seed):
    generator = torch.Generator().manual_seed(seed)
    low = 3 * torch.rand(count, 3, generator=generator)
    boxes = torch.cat((low, low + 0.2 + torch.rand(count, 3, generator=generator)), dim=1)
    scores = torch.randn(count, generator=generator)
    rows = thinned_best(scores, boxes, wanted, 0.3)
    assert len(rows) <= wanted
    assert len(set(rows.tolist())) == len(rows)
    if count:
        assert rows[0] == scores.argmax()
        apart = box_iou(boxes[rows], boxes[rows]) - torch.eye(len(rows))
        assert float(apart.max()) <= 0.3
        assert bool((scores[rows].diff() <= 0).all())


def test_shifted_boxes_keep_their_corners_in_order():
    box = torch.tensor([[0.0, 0.0, 0.0, 1.0, 2.0, 4.0]])
    np.testing.assert_allclose(shifted(box, torch.zeros(1, 6)), box)
    out = shifted(box, torch.tensor([[0.2, 0.0, 0.0, -0.2, 0.0, 9.0]]))
    np.testing.assert_allclose(out, [[0.1, 0.0, 0.0, 0.9, 2.0, 22.0]], rtol=1e-6)
    assert bool((shifted(box, torch.tensor([[5.0, 0.0, 0.0, -5.0, 0.0, 0.0]]))[:, :3] <= out[:, 3:]).all())

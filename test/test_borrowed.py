from __future__ import annotations

import torch
from training_runs import measured

from locate3d_ros.data.annotations import GroundedExpression, Span
from locate3d_ros.model.proposal_embedding import ProposalInput
from locate3d_ros.training.borrowed import Borrower
from locate3d_ros.training.proposal_scenes import ProposalSample, ProposalTruth

CATEGORIES = {"mug": 0, "cup": 1, "sofa": 2, "desk": 3}
# A mug is much like a cup; everything else is unlike.
VECTORS = torch.tensor([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
MUG = GroundedExpression("the mug", ("the", "mug"), (Span((1,), (1,)),), (1,), "a", "class")
DESK = GroundedExpression("the desk", ("the", "desk"), (Span((1,), (2,)),), (2,), "a", "class")
MUG_ON_DESK = GroundedExpression(
    "the mug on the desk",
    ("the", "mug", "on", "the", "desk"),
    (Span((1,), (1,)), Span((4,), (2,))),
    (1,),
    "a",
    "relation",
)
ABSENT = GroundedExpression("the bicycle", ("the", "bicycle"), (), (), "a", "absent")


def scene_of(name: str, categories: tuple[str, ...], *expressions: GroundedExpression) -> ProposalSample:
    measures = measured({}, 0)
    count = len(categories)
    truth = ProposalTruth(
        tuple(range(1, count + 1)), categories, torch.rand(count, 6), torch.zeros(24, count), torch.zeros(24, count)
    )
    proposals = ProposalInput(measures.features, measures.meaning, measures.shape, measures.points)
    return ProposalSample(name, measures.boxes, measures.boxes_map, proposals, measures.rooms, None, truth, expressions)


def borrowed_by(sample: ProposalSample, lender: ProposalSample, count: int = 9) -> list[str]:
    lent = Borrower(CATEGORIES, VECTORS).borrow([lender, sample], count)[1]
    assert lent.expressions[: len(sample.expressions)] == sample.expressions
    added = lent.expressions[len(sample.expressions) :]
    assert all(not each.target_ids and not each.spans and each.scene_id == sample.scene_id for each in added)
    return sorted(each.text for each in added)


def test_what_a_scene_has_nothing_like_is_borrowed():
    lender = scene_of("a", ("mug", "desk"), MUG, DESK, MUG_ON_DESK)
    assert borrowed_by(scene_of("b", ("sofa",)), lender) == ["the desk", "the mug", "the mug on the desk"]


def test_what_a_scene_has_something_like_is_not():
    lender = scene_of("a", ("mug", "desk"), MUG, DESK, MUG_ON_DESK)
    assert borrowed_by(scene_of("b", ("sofa", "cup")), lender) == ["the desk"]


def test_what_was_absent_there_may_be_here():
    assert borrowed_by(scene_of("b", ("sofa",)), scene_of("a", ("mug",), ABSENT)) == []


def test_no_more_are_borrowed_than_wanted():
    lender = scene_of("a", ("mug", "desk"), MUG, DESK, MUG_ON_DESK)
    assert len(borrowed_by(scene_of("b", ("sofa",)), lender, count=2)) == 2


def test_nothing_is_borrowed_from_another_part_of_the_same_scene():
    part = scene_of("a", ("sofa",))
    assert borrowed_by(part, scene_of("a", ("mug", "desk"), MUG)) == []

"""Spatial relations as geometry: everyday scenes, symmetry, and what no relation may depend on."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locate3d_ros.localization.lexicon.kinds import RelationKind
from locate3d_ros.localization.relations import VIEWER_KINDS, between_score, box_gap, corner_score, relation_score

PAIR_KINDS = sorted(set(RelationKind) - {RelationKind.BETWEEN}, key=lambda kind: kind.value)
SYMMETRIC = [RelationKind.NEXT_TO, RelationKind.OPPOSITE, RelationKind.AGAINST]

TABLE = (0.0, 0.0, 0.0, 1.2, 0.8, 0.75)
MUG_ON_TABLE = (0.5, 0.3, 0.75, 0.6, 0.4, 0.85)
BIN_UNDER_TABLE = (0.4, 0.2, 0.0, 0.7, 0.5, 0.4)
CHAIR_BESIDE = (1.3, 0.2, 0.0, 1.8, 0.7, 0.9)
PLANT_FAR = (4.0, 3.0, 0.0, 4.4, 3.4, 0.8)
LAMP_ABOVE = (0.4, 0.2, 1.5, 0.8, 0.6, 1.8)
SCENE = (MUG_ON_TABLE, BIN_UNDER_TABLE, CHAIR_BESIDE, PLANT_FAR, LAMP_ABOVE)
NAMES = ("mug", "bin", "chair", "plant", "lamp")

edges = st.tuples(*[st.floats(0.05, 1.5)] * 3)
places = st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(0, 2))
box = st.builds(lambda place, edge: (*place, *(p + e for p, e in zip(place, edge, strict=True))), places, edges)


def tensor(*boxes):
    return torch.tensor(boxes, dtype=torch.float32)


def camera_at(x, y, yaw):
    """Return T_map_camera of a level camera that looks along the yaw angle."""
    forward = (math.cos(yaw), math.sin(yaw), 0.0)
    right = (math.sin(yaw), -math.cos(yaw), 0.0)
    T = torch.eye(4, dtype=torch.float64)
    T[:3, :3] = torch.tensor([right, (0.0, 0.0, -1.0), forward], dtype=torch.float64).T
    T[:3, 3] = torch.tensor([x, y, 1.2], dtype=torch.float64)
    return T


@pytest.mark.parametrize(
    ("kind", "fits"),
    [
        (RelationKind.ON, {"mug"}),
        (RelationKind.UNDER, {"bin"}),
        (RelationKind.ABOVE, {"mug", "lamp"}),
        (RelationKind.IN, {"bin"}),
        (RelationKind.NEXT_TO, {"mug", "bin", "chair", "lamp"}),
        (RelationKind.FARTHEST, {"plant"}),
    ],
)
def test_everyday_scene_is_read_right(kind, fits):
    scores = relation_score(kind, tensor(*SCENE), tensor(TABLE))[:, 0]
    assert {name for name, score in zip(NAMES, scores.tolist(), strict=True) if score > 0.4} == fits


def test_nearest_of_things_away_from_the_anchor_is_the_nearer_one():
    scores = relation_score(RelationKind.NEAREST, tensor(CHAIR_BESIDE, PLANT_FAR), tensor(TABLE))[:, 0]
    assert scores[0] == 1.0
    assert scores[1] < 0.1


def test_book_stands_on_a_shelf_and_picture_hangs_on_a_wall():
    shelf, book = (0.0, 0.0, 0.0, 0.9, 0.3, 1.8), (0.3, 0.05, 0.9, 0.35, 0.25, 1.15)
    wall, picture = (0.0, 2.0, 0.0, 4.0, 2.05, 2.5), (1.0, 1.95, 1.4, 1.6, 1.99, 1.9)
    assert relation_score(RelationKind.ON, tensor(book), tensor(shelf)) > 0.5
    assert relation_score(RelationKind.ON, tensor(picture), tensor(wall)) > 0.5


def test_viewer_sees_left_right_front_and_behind():
    anchor = (-0.1, -0.1, 0.0, 0.1, 0.1, 0.5)
    around = {"right": (0.0, -0.8), "left": (0.0, 0.8), "behind": (0.8, 0.0), "front": (-0.8, 0.0)}
    boxes = tensor(*[(x - 0.1, y - 0.1, 0.0, x + 0.1, y + 0.1, 0.5) for x, y in around.values()])
    kinds = [RelationKind.RIGHT_OF, RelationKind.LEFT_OF, RelationKind.BEHIND, RelationKind.IN_FRONT_OF]
    for row, kind in enumerate(kinds):
        scores = relation_score(kind, boxes, tensor(anchor), camera_at(-3.0, 0.0, 0.0))[:, 0]
        assert int(scores.argmax()) == row
        assert scores[row] > 0.5
        assert scores.sum() - scores[row] < 0.1


@pytest.mark.parametrize("kind", sorted(VIEWER_KINDS, key=lambda kind: kind.value))
def test_without_a_viewpoint_viewer_relations_say_nothing(kind):
    assert relation_score(kind, tensor(*SCENE), tensor(TABLE)).unique().tolist() == [0.5]


def test_between_needs_its_own_call():
    with pytest.raises(ValueError, match="between_score"):
        relation_score(RelationKind.BETWEEN, tensor(TABLE), tensor(TABLE))


def test_between_prefers_the_middle_and_refuses_the_ends():
    ends = tensor((0, 0, 0, 0.4, 0.4, 1), (4, 0, 0, 4.4, 0.4, 1))
    boxes = tensor((2, 0, 0, 2.4, 0.4, 1), (2, 3, 0, 2.4, 3.4, 1), (6, 0, 0, 6.4, 0.4, 1), (0, 0, 0, 0.4, 0.4, 1))
    scores = between_score(boxes, ends[:1], ends[1:])[:, 0, 0]
    assert scores[0] > 0.9
    assert scores[1:].max() < 0.2
    assert between_score(boxes, ends, ends).shape == (4, 2, 2)


@settings(deadline=None)
@given(box, box, box)
def test_between_does_not_ask_which_anchor_comes_first(a, b, c):
    one = between_score(tensor(a), tensor(b), tensor(c))[0, 0, 0]
    other = between_score(tensor(a), tensor(c), tensor(b))[0, 0, 0]
    torch.testing.assert_close(one, other, atol=1e-4, rtol=0.0)


def test_corner_is_where_two_walls_meet():
    room = torch.tensor([0.0, 0.0, 0.0, 5.0, 4.0, 2.5])
    scores = corner_score(tensor((4.5, 3.5, 0, 5, 4, 1), (2, 3.5, 0, 2.5, 4, 1), (2, 2, 0, 2.5, 2.5, 1)), room)
    assert scores[0] > 0.9
    assert scores[1] < 0.2
    assert scores[2] < scores[1]


@pytest.mark.parametrize("kind", SYMMETRIC)
@settings(deadline=None)
@given(a=box, b=box)
def test_symmetric_relations_hold_both_ways(kind, a, b):
    forth, back = relation_score(kind, tensor(a), tensor(b)), relation_score(kind, tensor(b), tensor(a))
    torch.testing.assert_close(forth, back, atol=1e-5, rtol=0.0)


@settings(deadline=None)
@given(box, box, st.floats(-3, 3))
def test_mirror_swaps_left_and_right(a, b, x):
    def mirrored(low_high):
        x0, y0, z0, x1, y1, z1 = low_high
        return (x0, -y1, z0, x1, -y0, z1)

    left = relation_score(RelationKind.LEFT_OF, tensor(a), tensor(b), camera_at(x, 5.0, -math.pi / 2))
    seen = camera_at(x, -5.0, math.pi / 2)
    right = relation_score(RelationKind.RIGHT_OF, tensor(mirrored(a)), tensor(mirrored(b)), seen)
    torch.testing.assert_close(left, right, atol=2e-3, rtol=0.0)


def moved(boxes, shift, turns):
    """Turn boxes (n, 6) by quarter turns about z, then shift them in plan."""
    for _ in range(turns):
        x0, y0, z0, x1, y1, z1 = boxes.unbind(dim=1)
        boxes = torch.stack((-y1, x0, z0, -y0, x1, z1), dim=1)
    return boxes + torch.tensor([*shift, 0.0, *shift, 0.0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9), st.tuples(st.floats(-5, 5), st.floats(-5, 5)), st.integers(0, 3))
def test_moving_and_turning_the_map_changes_nothing(seed, shift, turns):
    low = torch.rand(9, 3, generator=torch.Generator().manual_seed(seed)) * 2
    boxes = torch.cat((low, low + 0.1 + torch.rand(9, 3, generator=torch.Generator().manual_seed(seed + 99))), dim=1)
    x, y, yaw = -6.0, 1.0, 0.2
    before_view = camera_at(x, y, yaw)
    for _ in range(turns):
        x, y, yaw = -y, x, yaw + math.pi / 2
    after_view = camera_at(x + shift[0], y + shift[1], yaw)
    for kind in PAIR_KINDS:
        before = relation_score(kind, boxes[:6], boxes[6:], before_view)
        after = relation_score(kind, moved(boxes[:6], shift, turns), moved(boxes[6:], shift, turns), after_view)
        torch.testing.assert_close(before, after, atol=2e-3, rtol=0.0)


@settings(deadline=None)
@given(st.floats(0.0, 3.0), st.floats(0.02, 2.0))
def test_next_to_falls_with_the_gap(gap, more):
    boxes = tensor(*[(1.2 + g, 0.0, 0.0, 1.7 + g, 0.5, 0.9) for g in (gap, gap + more)])
    scores = relation_score(RelationKind.NEXT_TO, boxes, tensor(TABLE))[:, 0]
    assert scores[0] >= scores[1]


@settings(deadline=None)
@given(st.lists(box, max_size=4), st.lists(box, max_size=3))
def test_scores_are_in_range_for_any_boxes(boxes, anchors):
    first, second = torch.tensor(boxes).reshape(-1, 6), torch.tensor(anchors).reshape(-1, 6)
    for kind in PAIR_KINDS:
        scores = relation_score(kind, first, second, camera_at(0.0, 0.0, 0.0))
        assert scores.shape == (len(boxes), len(anchors))
        assert bool(((scores >= 0) & (scores <= 1)).all())


def test_flat_and_empty_boxes_give_finite_scores():
    flat = tensor((1, 1, 1, 1, 1, 1), (0, 0, 0, 2, 2, 0))
    for kind in PAIR_KINDS:
        assert bool(torch.isfinite(relation_score(kind, flat, flat, camera_at(1.0, 1.0, 0.0))).all())


def test_gap_is_zero_for_overlap_and_straight_otherwise():
    assert box_gap(tensor(TABLE), tensor(BIN_UNDER_TABLE)).item() == 0.0
    assert box_gap(tensor((0, 0, 0, 1, 1, 1)), tensor((4, 5, 0, 5, 6, 1))).item() == pytest.approx(5.0)


@pytest.mark.parametrize("kind", PAIR_KINDS)
def test_thing_does_not_lie_so_to_itself(kind):
    scores = relation_score(kind, tensor(TABLE), tensor(TABLE), camera_at(-3.0, 0.0, 0.0))
    assert scores.item() < 0.01 or kind is RelationKind.FARTHEST

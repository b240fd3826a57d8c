"""Poses between samples, stamps that belong together, and the TF tree."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locate3d_ros.data.recordings.pose_track import PoseTrack, associate, slerp
from locate3d_ros.data.recordings.transform_tree import TransformTree
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import invert_transform, matrix_from_quaternion, rotation_angle

component = st.floats(-1, 1)
quaternions = st.tuples(component, component, component, component).filter(lambda q: sum(v * v for v in q) > 0.01)
positions = st.tuples(*[st.floats(-10, 10)] * 3)
stamps = st.lists(st.floats(0, 2), max_size=12).map(sorted)


@given(quaternions, quaternions, st.floats(0, 1))
@settings(deadline=None)
def test_slerp_turns_by_its_share_of_the_shorter_arc(a, b, share):
    origin = (0.0, 0.0, 0.0)
    T_a, T_b, T_between = (matrix_from_quaternion(origin, q) for q in (a, b, slerp(a, b, share)))
    whole = rotation_angle(invert_transform(T_a) @ T_b)
    assert rotation_angle(invert_transform(T_a) @ T_between) == pytest.approx(share * whole, abs=1e-5)
    assert rotation_angle(invert_transform(T_between) @ T_b) == pytest.approx((1 - share) * whole, abs=1e-5)


@given(stamps, stamps, st.floats(0, 0.5))
@settings(deadline=None)
def test_associated_stamps_are_near_and_used_once(a, b, limit):
    pairs = associate(a, b, limit)
    assert all(abs(a[i] - b[j]) <= limit + 1e-12 for i, j in pairs.items())
    assert len(set(pairs.values())) == len(pairs)
    # Nothing that could still be paired is left over.
    free_a, free_b = set(range(len(a))) - set(pairs), set(range(len(b))) - set(pairs.values())
    assert not any(abs(a[i] - b[j]) < limit - 1e-12 for i in free_a for j in free_b)


@given(st.permutations([0.0, 1.0, 2.0, 3.0, 4.0]), st.floats(0, 4))
@settings(deadline=None)
def test_track_of_a_steady_motion_is_right_whatever_the_order_of_its_samples(order, stamp):
    track = PoseTrack(max_gap=1.5)
    for t in order:
        track.add(t, (2 * t, 0.0, -t), (0.0, 0.0, math.sin(t / 4), math.cos(t / 4)))
    T = track.at(stamp)
    assert T[:3, 3].tolist() == pytest.approx([2 * stamp, 0.0, -stamp], abs=1e-9)
    assert rotation_angle(T) == pytest.approx(stamp / 2, abs=1e-6)


def test_later_sample_of_the_same_stamp_wins():
    track = PoseTrack(max_gap=1.0)
    for x in (1.0, 2.0):
        track.add(5.0, (x, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    assert len(track) == 1
    assert track.at(5.0)[0, 3] == 2.0


def test_track_is_neither_extrapolated_nor_bridged_over_gaps():
    track = PoseTrack(max_gap=1.0)
    with pytest.raises(InputError, match="no samples"):
        track.at(0.0)
    for t in (0.0, 3.0):
        track.add(t, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    for stamp, reason in ((-0.1, "known from 0.000 to 3.000 s"), (3.1, "known from"), (1.0, "gap of 3.00 s")):
        with pytest.raises(InputError, match=reason):
            track.at(stamp)


@pytest.mark.parametrize("bad", [(math.nan, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 0.0), (math.inf, 0.0, 0.0, 1.0)])
def test_sample_that_is_no_rotation_is_refused(bad):
    with pytest.raises(InputError, match="quaternion"):
        PoseTrack(max_gap=1.0).add(0.0, (0.0, 0.0, 0.0), bad)


@given(positions, quaternions, positions, quaternions)
@settings(deadline=None)
def test_lookup_joins_branches_of_the_tree(xyz_a, q_a, xyz_b, q_b):
    tree = TransformTree()
    tree.add_static("base", "color", xyz_a, q_a)
    tree.add_static("base", "depth", xyz_b, q_b)
    T_base_color, T_base_depth = matrix_from_quaternion(xyz_a, q_a), matrix_from_quaternion(xyz_b, q_b)
    expected = invert_transform(T_base_color) @ T_base_depth
    assert torch.allclose(tree.lookup("color", "depth", 0.0), expected, atol=1e-9)
    assert torch.allclose(tree.lookup("base", "depth", 0.0), T_base_depth, atol=1e-9)
    assert torch.allclose(tree.lookup("depth", "base", 0.0), invert_transform(T_base_depth), atol=1e-9)


def test_unconnected_circular_and_unknown_frames_are_named():
    tree = TransformTree()
    still = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    tree.add_static("map", "camera", *still)
    tree.add_static("other", "arm", *still)
    with pytest.raises(InputError, match="'arm' to 'map': TF does not connect them"):
        tree.lookup("map", "arm", 0.0)
    with pytest.raises(InputError, match="'lens' is not in TF"):
        tree.fixed_frame("lens")
    tree.add_static("camera", "map", *still)
    with pytest.raises(InputError, match="circle"):
        tree.fixed_frame("camera")


@pytest.mark.parametrize(
    ("chain", "fixed"),
    [
        (("map", "odom", "base"), "map"),
        (("odom", "base"), "odom"),
        (("earth", "map", "odom"), "map"),
        (("hall",), "hall"),
    ],
)
def test_fixed_frame_is_map_else_odom_else_the_root(chain, fixed):
    tree = TransformTree()
    for parent, child in zip(chain, (*chain[1:], "camera"), strict=True):
        tree.add_static(parent, child, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    assert tree.fixed_frame("camera") == fixed

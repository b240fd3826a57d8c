"""The TF contract: stamped, interpolated, bounded in time and memory, never an assumed identity."""

import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import rotation_angle
from locate3d_ros.nodes import transform_buffer
from locate3d_ros.nodes.transform_buffer import Sample, TransformBuffer, TransformUnavailableError, interpolate

SECOND = 1_000_000_000


def sample(x=0.0, yaw=0.0):
    return Sample(np.array([x, 0.0, 0.0]), np.array([0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)]))


@pytest.fixture
def buffer():
    """map <- odom moves along x at 1 m/s and turns at 0.1 rad/s from 100 s to 102 s; odom <- camera is fixed."""
    buffer = TransformBuffer()
    for second in (100, 101, 102):
        buffer.add("map", "odom", second * SECOND, sample(second - 100.0, 0.1 * (second - 100)), False)
    buffer.add("odom", "camera", 0, sample(0.5), True)
    return buffer


def test_a_pose_between_two_samples_is_interpolated(buffer):
    found = buffer.lookup("map", "odom", int(100.25 * SECOND))
    assert found.T_target_source[0, 3].item() == pytest.approx(0.25)
    assert rotation_angle(found.T_target_source) == pytest.approx(0.025)


def test_a_chain_goes_through_static_and_moving_frames_both_ways(buffer):
    T_map_camera = buffer.lookup("map", "camera", 101 * SECOND).T_target_source
    assert T_map_camera[:2, 3].tolist() == pytest.approx([1 + 0.5 * math.cos(0.1), 0.5 * math.sin(0.1)])
    T_camera_map = buffer.lookup("camera", "map", 101 * SECOND).T_target_source
    assert torch.allclose(T_map_camera @ T_camera_map, torch.eye(4, dtype=torch.float64), atol=1e-12)


def test_siblings_meet_at_their_common_parent(buffer):
    buffer.add("odom", "lidar", 0, sample(2.0), True)
    assert buffer.lookup("lidar", "camera", 1).T_target_source[0, 3].item() == pytest.approx(-1.5)


def test_the_newest_common_moment_is_taken_without_a_stamp(buffer):
    found = buffer.lookup("map", "camera", None)
    assert found.stamp == 102 * SECOND
    assert buffer.lookup("odom", "camera", None).stamp is None


@pytest.mark.parametrize("seconds", [99.9, 102.1])
def test_nothing_is_extrapolated_and_the_failure_names_frames_stamp_and_range(buffer, seconds):
    with pytest.raises(TransformUnavailableError) as caught:
        buffer.lookup("map", "camera", int(seconds * SECOND))
    for word in ("map <- camera", f"{seconds:.3f}", "map <- odom", "100.000", "102.000"):
        assert word in str(caught.value)


@pytest.mark.parametrize(("target", "source"), [("map", "nobody"), ("nobody", "camera"), ("nobody", "nobody")])
def test_unknown_frames_are_never_taken_for_identity(buffer, target, source):
    with pytest.raises(TransformUnavailableError, match="nobody"):
        buffer.lookup(target, source, 101 * SECOND)


def test_two_trees_are_reported_as_not_connected(buffer):
    buffer.add("other_map", "other", 0, sample(), True)
    with pytest.raises(TransformUnavailableError, match="not connected"):
        buffer.lookup("map", "other", 101 * SECOND)


@pytest.mark.parametrize(
    ("parent", "child"), [("camera", "map"), ("camera", "camera"), ("camera", "odom"), ("", "camera"), ("map", "")]
)
def test_loops_and_empty_names_are_refused_and_change_nothing(buffer, parent, child):
    with pytest.raises(InputError):
        buffer.add(parent, child, 101 * SECOND, sample(), False)
    assert buffer.lookup("map", "camera", 101 * SECOND).T_target_source[0, 3].item() > 1


@pytest.mark.parametrize(
    ("translation", "xyzw"),
    [((math.nan, 0, 0), (0, 0, 0, 1)), ((0, 0, 0), (math.nan, 0, 0, 1)), ((0, 0, 0), (0, 0, 0, 0))],
)
def test_a_transform_that_is_none_is_refused(buffer, translation, xyzw):
    with pytest.raises(InputError, match="unit quaternion"):
        buffer.add("map", "odom", 101 * SECOND, Sample(np.array(translation, float), np.array(xyzw, float)), False)
    assert buffer.lookup("map", "odom", 101 * SECOND).T_target_source[0, 3].item() == pytest.approx(1)


def test_ten_seconds_are_kept_and_no_more(buffer):
    for second in range(103, 125):
        buffer.add("map", "odom", second * SECOND, sample(second - 100.0), False)
    with pytest.raises(TransformUnavailableError):
        buffer.lookup("map", "odom", 113 * SECOND)
    assert buffer.lookup("map", "odom", 115 * SECOND).T_target_source[0, 3].item() == pytest.approx(15)


def test_late_samples_find_their_place(buffer):
    buffer.add("map", "odom", int(100.5 * SECOND), sample(9.0), False)
    assert buffer.lookup("map", "odom", int(100.5 * SECOND)).T_target_source[0, 3].item() == pytest.approx(9)


def test_time_that_jumps_back_starts_a_new_history(buffer):
    buffer.add("map", "odom", 50 * SECOND, sample(7.0), False)
    with pytest.raises(TransformUnavailableError):
        buffer.lookup("map", "odom", 101 * SECOND)
    assert buffer.lookup("map", "odom", 50 * SECOND).T_target_source[0, 3].item() == pytest.approx(7)


def test_clear_forgets_what_moves_and_keeps_what_is_fixed(buffer):
    buffer.clear()
    assert buffer.lookup("odom", "camera", 1).T_target_source[0, 3].item() == pytest.approx(0.5)
    with pytest.raises(TransformUnavailableError):
        buffer.lookup("map", "odom", 101 * SECOND)


def test_a_flood_of_frames_is_bounded(buffer, monkeypatch):
    monkeypatch.setattr(transform_buffer, "MAX_FRAMES", 5)
    for number in range(3):
        buffer.add("map", f"frame{number}", 0, sample(), True)
    with pytest.raises(InputError, match="more than 5 frames"):
        buffer.add("map", "one too many", 0, sample(), True)


angles = st.floats(-3.0, 3.0)


@settings(max_examples=50, deadline=None)
@given(angles, angles, st.floats(0, 1))
def test_rotation_is_interpolated_at_even_speed_along_the_shorter_way(first, second, share):
    found = interpolate(sample(0.0, first), sample(1.0, second), share)
    shortest = math.remainder(second - first, 2 * math.pi)
    yaw = 2 * math.atan2(found.xyzw[2], found.xyzw[3])
    assert abs(math.remainder(yaw - (first + share * shortest), 2 * math.pi)) < 1e-6
    assert np.linalg.norm(found.xyzw) == pytest.approx(1)
    assert found.translation[0] == pytest.approx(share)


def test_waiting_ends_as_soon_as_the_transform_is_there_and_at_the_deadline_otherwise(buffer):
    from locate3d_ros.nodes.transforms import wait_for_transform

    started = time.monotonic()
    wait_for_transform(buffer, "map", "camera", 101 * SECOND, started + 5)
    assert time.monotonic() - started < 1
    with pytest.raises(TransformUnavailableError, match="103"):
        wait_for_transform(buffer, "map", "camera", 103 * SECOND, time.monotonic() + 0.05)

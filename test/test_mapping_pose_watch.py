"""When a change of map <- odom is a correction, a new frame or nothing; and where a corrected way puts submaps."""

from __future__ import annotations

import pytest
import torch
from mapping_scenes import PLAIN, FixedExtractor, empty_map, make_features, make_frame
from test_mapping_submaps import shift

from locate3d_ros.mapping.anchored_map import AnchoredMap
from locate3d_ros.mapping.pose_watch import JumpKind, JumpLimits, JumpWatch, PoseHistory, places_on_path

HERE = torch.zeros(3, dtype=torch.float64)
LIMITS = JumpLimits(translation=0.1, rotation=0.05, reset=3.0)


def kinds(changes, position=HERE):
    watch = JumpWatch(LIMITS)
    return [watch.look(stamp, T, position).kind for stamp, T in changes]


def test_what_changes_slowly_is_followed_and_no_correction():
    assert set(kinds([(0.1 * i, shift(0.005 * i)) for i in range(60)])) == {JumpKind.NONE}


def test_a_jump_is_a_correction_once_also_when_it_is_spread_over_frames():
    stand = [(0.1 * i, shift(0.0)) for i in range(5)]
    assert kinds([*stand, (0.5, shift(0.3)), (0.6, shift(0.3))])[-2:] == [JumpKind.CORRECTION, JumpKind.NONE]
    assert kinds([*stand, (0.5, shift(0.06)), (0.6, shift(0.12)), (0.7, shift(0.12))])[-3:] == [
        JumpKind.NONE,
        JumpKind.CORRECTION,
        JumpKind.NONE,
    ]


def test_the_jump_is_what_the_newest_pose_was_wrong_by():
    watch = JumpWatch(LIMITS)
    before, after = shift(1.0, 2.0, turn=30), shift(1.2, 2.0, turn=33)
    watch.look(0.0, before, HERE)
    jump = watch.look(0.1, after, HERE)
    torch.testing.assert_close(jump.T_new_old @ before, after)


def test_a_turn_counts_by_what_it_does_at_the_robot():
    turn = shift(0.0, turn=2.0)  # 0.035 rad: below the limit, but 0.7 m at 20 m
    assert kinds([(0.0, shift(0.0)), (0.1, turn)]) == [JumpKind.NONE] * 2
    far = torch.tensor([20.0, 0.0, 0.0], dtype=torch.float64)
    assert kinds([(0.0, shift(0.0)), (0.1, turn)], far)[-1] is JumpKind.CORRECTION


def test_a_reset_lasts_until_the_old_frame_is_back():
    watch = JumpWatch(LIMITS)
    found = [
        watch.look(stamp, shift(x), HERE).kind
        for stamp, x in [(0.0, 0.0), (0.1, 50.0), (5.0, 50.0), (6.0, 50.1), (7.0, 0.5), (7.1, 0.5)]
    ]
    assert found == [JumpKind.NONE, *[JumpKind.RESET] * 3, JumpKind.CORRECTION, JumpKind.NONE]
    watch.look(8.0, shift(90.0), HERE)
    assert watch.is_lost
    watch.forget()
    assert not watch.is_lost
    assert watch.look(9.0, shift(90.0), HERE).kind is JumpKind.NONE


def test_time_that_is_set_back_is_no_jump():
    assert kinds([(100.0, shift(0.0)), (3.0, shift(0.5))])[-1] is JumpKind.NONE


def test_the_way_is_known_between_its_poses_and_nowhere_else():
    history = PoseHistory()
    for i in range(20):
        history.note(0.1 * i, shift(0.1 * i))
    inside, outside, near = history.at([0.55, 9.0, 2.0])
    torch.testing.assert_close(inside, shift(0.55))
    assert outside is None
    torch.testing.assert_close(near, shift(1.9))
    history.note(-5.0, shift(0.0))
    assert history.at([1.0]) == [None]


@pytest.mark.parametrize("sparse", [1, 4])
def test_a_corrected_way_puts_submaps_where_it_says(sparse):
    amap, history, path = AnchoredMap(empty_map(), PLAIN, FixedExtractor(), 0.5), PoseHistory(), []
    for i in range(12):
        stamp, drifted = 1.0 + 0.2 * i, shift(0.2 * i, 0.05 * i)
        amap.add(make_frame(i, T_map_camera=drifted, stamp=stamp), make_features(i))
        history.note(stamp, drifted)
        if i % sparse == 0:
            path.append((stamp, shift(0.2 * i)))
    places = places_on_path(amap.submaps, history, path)
    assert len(places) >= len(amap.submaps) - 1  # the first may be right already
    amap.correct(places)
    for submap in amap.submaps:
        middle = (submap.first + submap.last) / 2
        drift = 0.25 * (middle - 1.0)
        assert submap.T_map_part[1, 3].item() == pytest.approx(-drift, abs=0.06 * sparse)
    assert places_on_path(amap.submaps, history, path) == {}
    assert places_on_path(amap.submaps, PoseHistory(), path) == {}

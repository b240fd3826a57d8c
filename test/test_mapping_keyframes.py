"""Which frames bring features, and which thumbnails stay."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from mapping_scenes import PLAIN, empty_map, make_features, make_frame, pose

from locate3d_ros.config import MappingConfig
from locate3d_ros.errors import InputError
from locate3d_ros.mapping.keyframes import KeyframeRule
from locate3d_ros.types import Intrinsics

RULE = MappingConfig(keyframe_translation=0.15, keyframe_rotation=0.2, keyframe_interval=5.0)


def moved(x=0.0, angle=0.0):
    T = torch.eye(4, dtype=torch.float64)
    T[0, 0] = T[1, 1] = math.cos(angle)
    T[1, 0], T[0, 1] = math.sin(angle), -math.sin(angle)
    T[0, 3] = x
    return T


@pytest.mark.parametrize(
    ("x", "angle", "seconds", "accepted"),
    [
        (0.0, 0.0, 0.1, False),
        (0.14, 0.19, 4.9, False),
        (0.16, 0.0, 0.1, True),
        (0.0, 0.21, 0.1, True),
        (0.0, -0.21, 0.1, True),
        (0.0, 0.0, 5.0, True),
        (0.0, 0.0, -1.0, True),
    ],
)
def test_second_frame_is_a_keyframe_when_it_moved_turned_waited_or_went_back(x, angle, seconds, accepted):
    rule = KeyframeRule(RULE)
    assert rule.accept(make_frame(1, T_map_camera=moved(), stamp=10.0))
    assert rule.accept(make_frame(1, T_map_camera=moved(x, angle), stamp=10.0 + seconds)) is accepted


def test_movement_counts_from_the_last_keyframe():
    rule = KeyframeRule(RULE)
    frames = [make_frame(1, T_map_camera=moved(0.06 * i), stamp=0.1 * i) for i in range(7)]
    assert [rule.accept(frame) for frame in frames] == [True, False, False, True, False, False, True]


def test_cameras_are_judged_apart():
    rule = KeyframeRule(RULE)
    assert rule.accept(make_frame(1, T_map_camera=moved(), camera="front"))
    assert rule.accept(make_frame(1, T_map_camera=moved(), camera="rear"))
    assert not rule.accept(make_frame(1, T_map_camera=moved(), camera="front"))


def test_stamps_that_go_back_start_over_even_before_a_refused_frame():
    rule = KeyframeRule(RULE)
    frame = make_frame(1, T_map_camera=moved(), stamp=0.0)
    decisions = [rule.accept(replace(frame, stamp=stamp)) for stamp in (0.0, 3.0, 1.0, 2.0)]
    assert decisions == [True, False, True, False]


def test_reset_forgets_every_camera():
    rule = KeyframeRule(RULE)
    frame = make_frame(1, T_map_camera=moved())
    assert rule.accept(frame)
    rule.reset()
    assert rule.accept(frame)


def test_bad_pose_is_refused_and_not_remembered():
    rule = KeyframeRule(RULE)
    with pytest.raises(InputError, match="nan"):
        rule.accept(make_frame(1, T_map_camera=torch.full((4, 4), math.nan).double()))
    assert rule.accept(make_frame(1))


def views_after(config, positions):
    voxel_map = empty_map(config)
    for i, x in enumerate(positions):
        frame = make_frame(1, T_map_camera=moved(x), stamp=float(i))
        voxel_map.add(frame, make_features(1))
    return [view.T_map_camera[0, 3].item() for view in voxel_map.snapshot().views]


def test_views_spread_over_the_trajectory_and_keep_the_newest():
    positions = [0.0, 1.0, 2.0, 2.01, 2.02, 2.03]
    kept = views_after(replace(PLAIN, max_views=4), positions)
    assert len(kept) == 4
    assert kept[:2] == [0.0, 1.0]
    assert kept[3] == 2.03


@pytest.mark.parametrize("config", [replace(PLAIN, max_views=0), replace(PLAIN, store_views=False)])
def test_no_views_are_kept_where_none_are_wanted(config):
    assert views_after(config, [0.0, 1.0]) == []


def test_frames_without_features_leave_no_view():
    voxel_map = empty_map()
    voxel_map.add(make_frame(1))
    assert voxel_map.snapshot().views == ()


def test_thumbnail_shows_the_frame_with_its_camera_and_depth():
    camera = Intrinsics(500.0, 500.0, 319.5, 239.5, 640, 480)
    rgb = torch.zeros(480, 640, 3, dtype=torch.uint8)
    rgb[:240, :320] = torch.tensor([200, 100, 50], dtype=torch.uint8)
    depth = torch.zeros(480, 640)
    depth[:240] = 2.0
    frame = make_frame(1, camera, rgb=rgb, depth=depth, T_map_camera=pose(3), stamp=7.0, camera="head")
    voxel_map = empty_map()
    voxel_map.add(frame, make_features(1, camera))
    (view,) = voxel_map.snapshot().views
    assert (view.stamp, view.camera) == (7.0, "head")
    assert (view.intrinsics.width, view.intrinsics.height, view.intrinsics.fx) == (320, 240, 250.0)
    assert view.rgb[0, 0].tolist() == [200, 100, 50]
    assert view.rgb[-1, -1].tolist() == [0, 0, 0]
    assert view.depth[:120].unique().tolist() == [2.0]
    assert view.depth[120:].unique().tolist() == [0.0]
    torch.testing.assert_close(view.T_map_camera, pose(3))


def test_much_that_is_new_to_the_map_makes_the_next_frame_a_keyframe():
    rule = KeyframeRule(replace(RULE, keyframe_newly_seen=0.25))
    frame = make_frame(1, T_map_camera=moved())
    for share, accepted in ((0.2, False), (0.3, True), (0.1, False)):
        rule.accept(frame)
        rule.note(frame, share)
        assert rule.accept(replace(frame, stamp=frame.stamp + 0.1)) is accepted


def test_map_says_which_share_of_a_frame_it_did_not_know():
    voxel_map = empty_map()
    flat = make_frame(1, T_map_camera=moved(), depth=torch.full((18, 24), 1.0))
    voxel_map.add(flat)
    assert voxel_map.newly_seen == 1.0
    voxel_map.add(flat)
    assert voxel_map.newly_seen == 0.0
    half = flat.depth.clone()
    half[:, :12] = 2.0
    voxel_map.add(replace(flat, depth=half))
    assert 0.3 < voxel_map.newly_seen < 0.9
    voxel_map.add(replace(flat, depth=torch.zeros(18, 24)))
    assert voxel_map.newly_seen == 0.0


def test_frame_that_is_due_stays_due_until_one_is_taken():
    rule = KeyframeRule(RULE)
    frames = [make_frame(1, T_map_camera=moved(0.2 * i), stamp=0.1 * i) for i in range(3)]
    assert [rule.is_due(frame) for frame in frames] == [True, True, True]
    rule.take(frames[2])
    assert not rule.is_due(replace(frames[2], stamp=0.3))
    assert rule.is_due(replace(frames[2], stamp=0.1))
    assert rule.is_due(replace(frames[2], stamp=0.2))

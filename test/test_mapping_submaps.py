"""Corrections of the past: submaps move, what they leave and reach is merged anew, the rest of the map stays."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mapping_scenes import PLAIN, FixedExtractor, empty_map, make_features, make_frame, pose
from scipy.spatial import cKDTree

import locate3d_ros
from locate3d_ros.config import MappingConfig
from locate3d_ros.data.recordings import load_recording
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import fraction_of_transform, invert_transform
from locate3d_ros.mapping.anchored_map import AnchoredMap
from locate3d_ros.mapping.submaps import BASE, MAX_SUBMAPS
from locate3d_ros.types import FrameFeatures, TokenTable

IDENTITY = torch.eye(4, dtype=torch.float64)


def shift(x, y=0.0, z=0.0, turn=0.0):
    """A transform: a turn about z in degrees, then a translation in metres."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return torch.tensor([[c, -s, 0, x], [s, c, 0, y], [0, 0, 1, z], [0, 0, 0, 1]], dtype=torch.float64)


def anchored(config=PLAIN, length=1.0):
    return AnchoredMap(empty_map(config), config, FixedExtractor(), length)


def frame_at(x, stamp, **changes):
    """A random scene seen from x metres along the way."""
    return make_frame(int(stamp), T_map_camera=shift(x), stamp=stamp, **changes)


def walk(amap, places):
    for number, x in enumerate(places):
        amap.add(frame_at(x, number + 1.0), make_features(number + 1))


def share_within(a, b, distance):
    """The share of a's voxels that have one of b's within a distance, metres."""
    return float((cKDTree(b.xyz.numpy()).query(a.xyz.numpy())[0] <= distance).mean())


@pytest.fixture(scope="module")
def drive():
    """A rendered room, walked through: frames, one token each, and the way to each of them as a share of the whole."""
    root = Path(locate3d_ros.__file__).parent
    frames = list(load_recording(root / "data" / "demo_room" / "recording"))[::2]
    position = torch.stack([frame.T_map_camera[:3, 3] for frame in frames])
    steps = torch.linalg.vector_norm(position[1:] - position[:-1], dim=1)
    way = torch.cat((torch.zeros(1, dtype=torch.float64), steps.cumsum(0)))
    return frames, (way / way[-1]).tolist()


def mapped(frames, drift, length):
    """The map of frames whose poses are off by `drift`, one transform each."""
    config, amap = MappingConfig(), anchored(MappingConfig(), length)
    for frame, T in zip(frames, drift, strict=True):
        height, width = frame.rgb.shape[:2]
        index, weight = torch.zeros(height, width, 1, dtype=torch.int32), torch.ones(height, width, 1)
        tables = [TokenTable(slot.name, torch.ones(1, slot.width), index, weight) for slot in FixedExtractor().slots]
        amap.add(replace(frame, T_map_camera=T @ frame.T_map_camera), FrameFeatures(tuple(tables)))
    assert config.voxel_size == 0.05
    return amap


DRIFT = shift(0.35, -0.2, 0.05, turn=6.0)


@pytest.fixture(scope="module")
def true_map(drive):
    return mapped(drive[0], [IDENTITY] * len(drive[0]), 0.0).snapshot()


@pytest.mark.parametrize("how", ["jump", "poses"])
def test_a_drifted_map_is_mended_to_within_a_voxel(drive, true_map, how):
    frames, shares = drive
    drift = [fraction_of_transform(DRIFT, share) for share in shares]
    amap = mapped(frames, drift, 2.0)
    assert share_within(amap.snapshot(), true_map, 0.05) < 0.8
    if how == "jump":
        assert amap.correct_jump(invert_transform(DRIFT)) > 3
    else:
        error = {frame.stamp: T for frame, T in zip(frames, drift, strict=True)}
        middle = {each.id: each.stamps[len(each.stamps) // 2] for each in amap.submaps}
        amap.correct({number: invert_transform(error[stamp]) for number, stamp in middle.items()})
    mended = amap.snapshot()
    assert share_within(mended, true_map, 0.05) >= 0.95
    assert share_within(true_map, mended, 0.05) >= 0.95
    assert mended.has_features.float().mean() > 0.99
    wrong = [
        torch.linalg.vector_norm((a.T_map_camera - b.T_map_camera)[:3, 3])
        for a, b in zip(
            sorted(mended.views, key=lambda view: view.stamp)[-3:],
            sorted(true_map.views, key=lambda view: view.stamp)[-3:],
            strict=True,
        )
    ]
    assert max(wrong) < 0.1


def test_what_moves_back_and_forth_does_not_wear_off():
    amap = anchored()
    walk(amap, [0.0, 0.4, 0.8])
    before = amap.snapshot()
    for step in range(5):
        amap.correct({1: pose(step)})
    amap.correct({1: IDENTITY})
    after = amap.snapshot()
    assert set(map(tuple, after.cells.tolist())) == set(map(tuple, before.cells.tolist()))
    assert after.weight.sum().item() == pytest.approx(before.weight.sum().item())


def test_only_what_moves_changes():
    amap = anchored()
    walk(amap, [0.0, 0.5, 1.0, 21.0, 21.5])  # the second submap is far from the first
    first, second = [each.id for each in amap.submaps][0], [each.id for each in amap.submaps][-1]
    assert first != second
    before = amap.snapshot()
    amap.correct({second: shift(0.0, 3.0)})
    after = amap.snapshot()
    rows = {tuple(cell): i for i, cell in enumerate(after.cells.tolist())}
    stay = [(i, rows[tuple(cell)]) for i, cell in enumerate(before.cells.tolist()) if cell[0] * 0.05 < 8]
    old, new = np.array(stay).T
    assert len(old) > 100
    for name in ("xyz", "rgb", "weight", "last_seen"):
        assert torch.equal(getattr(before, name)[old], getattr(after, name)[new]), name
    assert torch.equal(before.features["image"][old], after.features["image"][new])
    assert after.revision > before.revision
    assert not any(cell[0] * 0.05 > 14 and cell[1] * 0.05 < -4 for cell in after.cells.tolist())


def test_what_the_map_has_lost_is_not_brought_back():
    amap = anchored()
    walk(amap, [0.0, 0.5])
    amap.restore(replace(amap.snapshot(), revision=0))
    assert [each.id for each in amap.submaps] == [BASE]
    walk(amap, [30.0])
    amap._map.clear()  # as if it had been seen through since
    amap.correct({each.id: shift(5.0) for each in amap.submaps})
    assert len(amap) == 0


def test_a_jump_moves_the_end_most_and_what_was_settled_not_at_all():
    amap = anchored()
    walk(amap, [0.0, 1.1, 2.2])
    assert amap.correct_jump(shift(0.0, 0.2)) > 0
    settled = {each.id: each.T_map_part for each in amap.submaps}
    for number, x in enumerate([3.3, 4.4, 5.5]):
        amap.add(frame_at(x, 10.0 + number), make_features(number))
    amap.correct_jump(shift(0.0, 0.4))
    places = {each.id: each.T_map_part[1, 3].item() for each in amap.submaps}
    assert all(places[number] == pytest.approx(T[1, 3].item()) for number, T in settled.items())
    moved = [y for number, y in places.items() if number not in settled]
    assert moved == sorted(moved)
    assert 0.0 < moved[0] < moved[-1] <= 0.4


def test_frames_after_a_correction_belong_to_a_new_submap_that_lies_where_it_is():
    amap = anchored()
    walk(amap, [0.0, 0.1])
    amap.correct({1: shift(1.0)})
    assert amap.open_submap is None
    amap.add(frame_at(0.2, 9.0), make_features(9))
    assert torch.equal(amap.submaps[-1].T_map_part, IDENTITY)
    assert amap.submaps[-1].id != 1


def test_a_new_anchor_begins_a_new_submap():
    amap = anchored(length=100.0)
    for number, anchor in enumerate([7, 7, 8]):
        amap.add(frame_at(0.1 * number, number + 1.0, anchor=anchor), make_features(number))
    assert [(each.anchor, each.stamps) for each in amap.submaps] == [(7, (1.0, 2.0)), (8, (3.0,))]


def test_submaps_stay_few_and_lose_nothing():
    amap = anchored(replace(PLAIN, carve_views=0), length=0.1)
    walk(amap, [0.2 * number for number in range(MAX_SUBMAPS + 6)])
    assert len(amap.submaps) <= MAX_SUBMAPS + 1
    expected = {tuple(cell) for cell in amap.snapshot().cells.tolist()}
    found = {tuple(cell) for each in amap.submaps for cell in each.content.cells.tolist()}
    assert found == expected


def test_without_submaps_the_past_stays_and_a_place_that_is_none_is_refused():
    amap = anchored(length=0.0)
    walk(amap, [0.0])
    before = amap.snapshot()
    assert (amap.correct_jump(shift(1.0)), amap.correct({1: shift(1.0)})) == (0, 0)
    assert amap.snapshot() is before
    with pytest.raises(InputError, match="rigid"):
        anchored().correct({1: 2 * IDENTITY})


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_shares_of_a_transform_add_up(share):
    for T in (pose(1), shift(1.0), IDENTITY, shift(0.1, turn=1e-5)):
        joined = fraction_of_transform(T, share) @ fraction_of_transform(T, 1 - share)
        torch.testing.assert_close(joined, T, atol=1e-9, rtol=0)
        moved = fraction_of_transform(pose(2) @ T @ invert_transform(pose(2)), share)
        told = pose(2) @ fraction_of_transform(T, share) @ invert_transform(pose(2))
        torch.testing.assert_close(moved, told, atol=1e-9, rtol=0)

"""What is gone leaves the map, what is hidden stays, what moved is where it is now."""

from __future__ import annotations

from dataclasses import replace

import changing_room as room
import numpy as np
import pytest
import torch
from depth_scenes import looking_at
from mapping_scenes import FixedExtractor, empty_map
from scipy.spatial import cKDTree

from locate3d_ros.config import MappingConfig
from locate3d_ros.types import Frame, FrameFeatures, TokenTable

CONFIG = MappingConfig()


def colour_features(frame):
    """Features that show the frame's colours: one token per primary colour, weighted by how much of it a pixel has."""
    height, width = frame.rgb.shape[:2]
    index = torch.arange(3, dtype=torch.int32).expand(height, width, 3).contiguous()
    weight = frame.rgb.to(torch.float32) / 255.0
    tokens = [torch.eye(3, slot.width) for slot in FixedExtractor().slots]
    return FrameFeatures(
        tuple(
            TokenTable(slot.name, each, index, weight)
            for slot, each in zip(FixedExtractor().slots, tokens, strict=True)
        )
    )


def share_near(points, others, distance=0.05):
    return float((cKDTree(others).query(points)[0] <= distance).mean())


def points_of(voxel_map):
    return voxel_map.snapshot().xyz.double().numpy()


def precision(voxel_map, things):
    """The share of the map's voxels that something is at now."""
    return float((room.surface_distance(points_of(voxel_map), things) <= 0.05).mean())


@pytest.fixture(scope="module")
def walks():
    """A map over a walk through the room as it was and two after it changed, and how well it agrees meanwhile."""
    voxel_map, agreement = empty_map(CONFIG), []
    present = room.seen_surface(room.AFTER)
    for number in range(3 * room.VIEWS):
        things = room.BEFORE if number < room.VIEWS else room.AFTER
        frame = room.frame_of(things, number)
        voxel_map.add(frame, colour_features(frame))
        if number == room.VIEWS - 1:
            before = points_of(voxel_map)
        if number >= room.VIEWS - 1 and number % 6 == 5:
            agreement.append((precision(voxel_map, room.AFTER), share_near(present, points_of(voxel_map))))
    return voxel_map, before, agreement


def test_the_map_comes_to_agree_with_the_changed_room(walks):
    _, _, agreement = walks
    start, after_one_walk, after_two = agreement[0], agreement[4], agreement[-1]
    assert start[0] < 0.97
    assert start[1] < 0.97
    assert after_one_walk[0] > 0.99
    assert after_one_walk[1] > 0.98
    assert after_two[0] > 0.995
    assert after_two[1] > 0.98
    assert min(recall for _, recall in agreement) == start[1]


@pytest.mark.parametrize(("gone", "before_at_least"), [(room.CHAIR, 150), (room.STOOL, 100)])
def test_what_was_taken_away_is_gone(walks, gone, before_at_least):
    voxel_map, before, _ = walks
    assert room.inside(before, gone).sum() > before_at_least
    assert room.inside(points_of(voxel_map), gone).sum() <= 0.01 * before_at_least


def test_what_moved_is_at_its_new_place_with_its_features(walks):
    voxel_map, before, _ = walks
    snapshot = voxel_map.snapshot()
    there = room.inside(points_of(voxel_map), room.STOOL_MOVED)
    assert room.inside(before, room.STOOL_MOVED).sum() == 0
    assert there.sum() > 100
    red, green, blue = snapshot.features["image"].float().numpy()[:, :3].T
    is_red = (red > 0.6) & (green < 0.3) & (blue < 0.3)
    assert is_red[there].mean() > 0.8
    middle = np.mean(room.STOOL_MOVED[:2], axis=0)
    assert (np.linalg.norm(points_of(voxel_map)[is_red] - middle, axis=1) < 0.6).mean() > 0.97


def test_what_is_hidden_stays(walks):
    voxel_map, before, _ = walks
    hidden = before[room.inside(before, room.CRATE)]
    assert len(hidden) > 50
    assert share_near(hidden, points_of(voxel_map), 0.02) > 0.99


def test_someone_who_walks_through_leaves_no_ghost():
    voxel_map = empty_map(CONFIG)
    T_map_camera = looking_at(np.array([-1.5, 0.0, 1.2]), (2.5, 0.0, 0.8))
    for step in range(60):
        y = -1.5 + 0.1 * step  # out of the picture after 30 steps
        person = {"person": ((0.3, y - 0.25, 0.0), (0.6, y + 0.25, 1.75), (0.2, 0.2, 0.9))}
        things = room.BEFORE | (person if step < 30 else {})
        voxel_map.add(room.frame_of(things, step, T_map_camera, interval=0.1))
        if step == 15:
            assert room.inside(points_of(voxel_map), person["person"]).sum() > 200
    points = points_of(voxel_map)
    ghosts = room.surface_distance(points, room.BEFORE) > 0.1
    assert ghosts.sum() <= 2e-3 * len(points)


def add_wall(voxel_map, depth, stamp, x=0.0, lens=room.CAMERA):
    T = torch.eye(4, dtype=torch.float64)
    T[0, 3] = x
    image = torch.full((lens.height, lens.width), depth)
    rgb = torch.zeros(lens.height, lens.width, 3, dtype=torch.uint8)
    voxel_map.add(Frame(rgb, image, lens, T, stamp))


def in_front(voxel_map, depth):
    return int((voxel_map.snapshot().xyz[:, 2] < depth).sum())


def test_one_view_is_not_evidence_enough_however_often_it_is_seen():
    voxel_map = empty_map(CONFIG)
    add_wall(voxel_map, 1.0, 0.0)
    for repeat in range(5):
        add_wall(voxel_map, 2.0, 1.0 + 0.05 * repeat)
    assert in_front(voxel_map, 1.5) > 0
    add_wall(voxel_map, 2.0, 1.3, x=0.06)
    inner = voxel_map.snapshot().xyz[:, :2].abs().amax(dim=1) < 0.3
    assert in_front(voxel_map, 1.5) < 0.2 * int(inner.sum())


@pytest.mark.parametrize("depth", [0.0, float("nan"), 0.05, 0.5, 1.0])
def test_no_depth_or_something_nearer_is_no_evidence(depth):
    voxel_map = empty_map(CONFIG)
    add_wall(voxel_map, 1.0, 0.0)
    before = in_front(voxel_map, 10.0)
    for number in range(6):
        add_wall(voxel_map, depth, 1.0 + number)
    points = voxel_map.snapshot().xyz[:, 2]
    assert int((points > 0.9).sum()) >= before


@pytest.mark.parametrize(
    ("z", "behind", "stays"), [(1.0, 0.04, True), (1.0, 0.12, False), (3.0, 0.09, True), (3.0, 0.2, False)]
)
def test_the_margin_grows_with_depth_squared(z, behind, stays):
    assert (behind < 0.05 * 3**0.5 / 2 + CONFIG.carve_noise * z * z) == stays
    voxel_map = empty_map(CONFIG)
    add_wall(voxel_map, z, 0.0)
    first = {tuple(cell) for cell in voxel_map.snapshot().cells.tolist()}
    for number in range(4):
        add_wall(voxel_map, z + behind, 1.0 + number)
    kept = first & {tuple(cell) for cell in voxel_map.snapshot().cells.tolist()}
    assert (len(kept) > 0.9 * len(first)) == stays


def test_voxels_follow_the_present_within_their_bounded_memory():
    voxel_map = empty_map(replace(CONFIG, max_observations=8))
    grey = room.BEFORE["table"]
    red = {"table": (*grey[:2], (1.0, 0.0, 0.0))}
    for number in range(40):
        things = room.BEFORE if number < 20 else room.BEFORE | red
        frame = room.frame_of(things, 3, interval=0.5)
        voxel_map.add(replace(frame, stamp=float(number)), colour_features(frame))
    snapshot = voxel_map.snapshot()
    there = room.inside(points_of(voxel_map), grey, margin=0.0)
    assert there.sum() > 20
    assert float(snapshot.rgb[there][:, 0].median()) > 0.9
    assert float(snapshot.features["image"][there][:, 0].median()) > 0.9
    assert float(snapshot.rgb[there][:, 2].median()) < 0.1

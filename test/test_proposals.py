from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_scene import ToyBox, toy_snapshot

from locate3d_ros.geometry.boxes import box_iou
from locate3d_ros.localization.gravity import up_direction, upright_rotation
from locate3d_ros.localization.planes import find_planes
from locate3d_ros.localization.proposals import VoxelFeatures, propose
from locate3d_ros.localization.regions import distinct, link_voxels, region_boxes
from locate3d_ros.localization.segmentation import Cues, segment, spanning_forest
from locate3d_ros.localization.suppression import distinct_best
from locate3d_ros.localization.surface import surface_of
from locate3d_ros.localization.thinning import MAX_POINTS, ThinCloud, thin
from locate3d_ros.types import FineCloud, View

TABLE = ToyBox((1.0, 1.0, 0.0), (2.2, 1.7, 0.74), (0.5, 0.35, 0.2))
SMALL = ToyBox((1.2, 1.2, 0.74), (1.3, 1.3, 0.84), (0.9, 0.1, 0.1))
FLAT = ToyBox((1.7, 1.3, 0.74), (2.05, 1.55, 0.78), (0.1, 0.1, 0.1))
RUG = ToyBox((2.4, 0.6, -0.005), (3.8, 2.4, 0.005), (0.7, 0.1, 0.1))
TALL = ToyBox((3.0, 3.2, 0.0), (3.8, 3.7, 1.9), (0.8, 0.7, 0.5))


def proposals_of(snapshot):
    surface = surface_of(thin(snapshot.fine))
    links = link_voxels(surface.xyz, snapshot.cells.numpy(), snapshot.voxel_size)
    nothing = np.zeros((len(snapshot), 1), dtype=np.float32)
    return propose(surface, find_planes(surface), VoxelFeatures(links, nothing))


@pytest.mark.parametrize("box", [TABLE, SMALL, FLAT, TALL], ids=["table", "small", "flat", "tall"])
def test_every_thing_has_a_proposal(box):
    proposals = proposals_of(toy_snapshot((TABLE, SMALL, FLAT, TALL)))
    assert box_iou(box.tensor[None], torch.from_numpy(proposals.boxes)).max() > 0.5


def test_rug_is_proposed_within_the_floor():
    proposals = proposals_of(toy_snapshot((TABLE, RUG, TALL)))
    from_above = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    flattened = torch.from_numpy(proposals.boxes) * from_above + torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    shown = box_iou((RUG.tensor * from_above + torch.tensor([0.0] * 5 + [1.0]))[None], flattened)[0]
    rug = proposals.boxes[int(shown.argmax())]
    assert shown.max() > 0.7
    assert rug[5] - rug[2] < 0.05


def test_same_map_has_the_same_proposals():
    snapshot = toy_snapshot((TABLE, SMALL))
    first, second = proposals_of(snapshot), proposals_of(snapshot)
    assert np.array_equal(first.boxes, second.boxes)
    assert all(np.array_equal(a, b) for a, b in zip(first.groups, second.groups, strict=True))


def test_bare_floor_is_proposed_as_a_plane():
    proposals = proposals_of(toy_snapshot(()))
    assert len(proposals.boxes) >= 1
    assert np.isfinite(proposals.boxes).all()


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_few_points_propose_nothing(count):
    xyz = torch.rand(count, 3)
    surface = surface_of(thin(FineCloud(xyz, torch.rand(count, 3), 0.02)))
    links = link_voxels(surface.xyz, np.zeros((0, 3), dtype=np.int32), 0.05)
    features = VoxelFeatures(links, np.zeros((0, 1), dtype=np.float32))
    assert propose(surface, find_planes(surface), features).groups == []


def test_planes_are_floor_and_supports():
    planes = find_planes(surface_of(thin(toy_snapshot((TABLE, TALL)).fine)))
    assert planes.floor is not None
    assert planes.floor_height == pytest.approx(0.0, abs=0.02)
    assert any(patch.height == pytest.approx(0.74, abs=0.02) for patch in planes.patches)


def test_segments_part_at_colours():
    xyz = np.stack(np.meshgrid(np.arange(40) * 0.02, np.arange(20) * 0.02, [0.0], indexing="ij"), axis=-1)
    xyz = xyz.reshape(-1, 3).astype(np.float32)
    rgb = np.where(xyz[:, :1] < 0.4, [[0.9, 0.1, 0.1]], [[0.1, 0.1, 0.9]]).astype(np.float32)
    surface = surface_of(ThinCloud(xyz, rgb, np.arange(len(xyz)), 0.02))
    labels = segment(spanning_forest(surface, Cues(1.0, 1.0, 0.02)), 0.5, 10)
    assert len(np.unique(labels[xyz[:, 0] < 0.39])) == 1
    assert labels[0] != labels[-1]


def test_crowded_cloud_is_thinned_and_every_point_keeps_an_owner():
    side = int(np.sqrt(1.5 * MAX_POINTS))
    u, v = torch.meshgrid(torch.arange(side) * 0.02, torch.arange(side) * 0.02, indexing="ij")
    xyz = torch.stack((u.flatten(), v.flatten(), torch.zeros(side * side)), dim=1)
    cloud = thin(FineCloud(xyz, torch.rand(len(xyz), 3), 0.02))
    assert len(cloud.xyz) <= MAX_POINTS
    assert np.linalg.norm(cloud.xyz[cloud.owner] - xyz.numpy(), axis=1).max() < 2 * cloud.voxel_size


def test_outliers_do_not_stretch_a_box():
    rng = np.random.default_rng(0)
    xyz = rng.uniform(0.0, 1.0, (1000, 3)).astype(np.float32)
    xyz[:5] += 4.0
    assert region_boxes([np.arange(1000)], xyz, 0.02)[0, 3:].max() < 1.05


def test_level_sheet_is_hardly_thicker_than_itself_for_all_its_noise():
    rng = np.random.default_rng(0)
    xyz = rng.uniform(0.0, 2.0, (4000, 3)).astype(np.float32)
    xyz[:, 2] = 0.01 * rng.standard_normal(4000)
    assert np.ptp(region_boxes([np.arange(4000)], xyz, 0.02)[0, [2, 5]]) < 0.03


def test_small_flat_thing_keeps_its_height():
    rng = np.random.default_rng(0)
    book = (rng.uniform(0.0, 1.0, (4000, 3)) * [0.3, 0.2, 0.03]).astype(np.float32)
    box = region_boxes([np.arange(4000)], book, 0.005)[0]
    assert box[5] - box[2] == pytest.approx(0.03, abs=0.006)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_distinct_boxes_stay_below_the_iou_and_cover_the_rest(seed, count):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0.0, 1.0, (count, 3)).astype(np.float32)
    boxes = np.concatenate((low, low + rng.uniform(0.2, 1.0, (count, 3)).astype(np.float32)), axis=1)
    kept = distinct(boxes, np.full(count, 10), 0.5)
    iou = box_iou(torch.from_numpy(boxes), torch.from_numpy(boxes[kept])).numpy()
    assert (iou.max(axis=1) > 0.4999).all()
    among = iou[kept]
    np.fill_diagonal(among, 0.0)
    assert (among < 0.5001).all()


def test_best_distinct_leaves_out_parts_of_a_better_one():
    boxes = np.array([[0, 0, 0, 1, 1, 1], [0.1, 0.1, 0.1, 0.5, 0.5, 0.5], [3, 3, 3, 4, 4, 4]], dtype=np.float32)
    assert distinct_best(np.array([3.0, 2.0, 1.0], dtype=np.float32), boxes, 5) == [0, 2]


@given(st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=3).filter(lambda v: sum(x * x for x in v) > 0.01))
@settings(max_examples=50, deadline=None)
def test_upright_rotation_takes_up_to_z(direction):
    up = np.array(direction) / np.linalg.norm(direction)
    R = upright_rotation(up)
    assert np.allclose(R @ up, [0.0, 0.0, 1.0], atol=1e-9)
    assert np.allclose(R @ R.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(R) == pytest.approx(1.0)


def test_up_of_a_tilted_map_is_read_off_cameras_and_floor():
    snapshot = toy_snapshot((TABLE,), frame_id="world")
    tilt = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # +z becomes -y
    pose = torch.eye(4, dtype=torch.float64)
    # A camera that looks ahead, held ten degrees off upright in the tilted world.
    pose[:3, 1] = torch.tensor([0.0, np.cos(np.radians(10)), np.sin(np.radians(10))], dtype=torch.float64)
    fine = FineCloud(snapshot.fine.xyz @ tilt.T, snapshot.fine.rgb, snapshot.fine.voxel_size)
    surface = surface_of(thin(fine))
    views = (View(torch.zeros(1, 1, 3, dtype=torch.uint8), None, pose, 0.0),)
    tilted = type(snapshot)(**{**snapshot.__dict__, "fine": fine, "views": views})
    assert up_direction(tilted, surface) @ np.array([0.0, -1.0, 0.0]) > np.cos(np.radians(2))

"""The voxel feature map against a literal dense computation, and its properties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_scenes import (
    CAMERA,
    DEVICES,
    PLAIN,
    FixedExtractor,
    by_cell,
    columns,
    dense_features,
    dense_means,
    dense_points,
    empty_map,
    make_features,
    make_frame,
    pose,
)

from locate3d_ros.config import MappingConfig
from locate3d_ros.types import FrameFeatures, Slot, TokenTable

seeds = st.integers(0, 10_000)


def dense_map(frames, voxel_size, values_of):
    """Cells and means over all frames' points of values_of(frame number, pixels, xyz) (n, c)."""
    cells, values = [], []
    for i, frame in enumerate(frames):
        xyz, pixel = dense_points(frame)
        cells.append(np.floor(xyz / voxel_size).astype(int))
        values.append(values_of(i, pixel, xyz))
    return dense_means(np.concatenate(cells), np.concatenate(values))


@pytest.mark.parametrize("device", DEVICES)
def test_map_equals_the_dense_computation(device):
    frames = [make_frame(seed) for seed in (1, 2, 3)]
    features = [make_features(seed) for seed in (1, 2, 3)]
    voxel_map = empty_map(MappingConfig(edge_threshold=0.0, voxel_size=0.4), device=device)
    for frame, tables in zip(frames, features, strict=True):
        voxel_map.add(frame, tables)
    snapshot = voxel_map.snapshot()

    xyz = dense_map(frames, 0.4, lambda _i, _pixel, xyz: xyz)
    rgb = dense_map(frames, 0.4, lambda i, pixel, _xyz: frames[i].rgb.numpy().reshape(-1, 3)[pixel] / 255.0)
    assert len(snapshot) == len(voxel_map) == len(xyz)
    assert by_cell(snapshot, snapshot.weight) == {cell: count for cell, (count, _) in xyz.items()}
    for found, expected, tolerance in ((snapshot.xyz, xyz, 5e-5), (snapshot.rgb, rgb, 1e-6)):
        for cell, row in by_cell(snapshot, found).items():
            np.testing.assert_allclose(row, expected[cell][1], atol=tolerance)
    for slot in range(2):
        dense = dense_map(frames, 0.4, lambda i, pixel, _: dense_features(features[i].slots[slot])[pixel])  # noqa: B023
        for cell, row in by_cell(snapshot, snapshot.features[features[0].slots[slot].name]).items():
            np.testing.assert_allclose(row, dense[cell][1], atol=2e-3)
    assert snapshot.has_features.all()
    assert all(values.device.type == device for values in (snapshot.cells, snapshot.xyz, snapshot.fine.xyz))


def test_finer_grid_equals_the_dense_computation():
    frame = make_frame(4)
    voxel_map = empty_map()
    voxel_map.add(frame)
    fine = voxel_map.snapshot().fine
    expected = dense_map([frame], fine.voxel_size, lambda _i, _pixel, xyz: xyz)
    cells = map(tuple, np.floor(fine.xyz.double().numpy() / fine.voxel_size).astype(int).tolist())
    found = dict(zip(cells, fine.xyz.numpy(), strict=True))
    assert found.keys() == expected.keys()
    assert fine.voxel_size == 0.02
    for cell, row in found.items():
        np.testing.assert_allclose(row, expected[cell][1], atol=5e-6)


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_order_of_frames_does_not_matter(seed):
    frames = [make_frame(seed + i, stamp=0.0) for i in range(3)]
    tables = [make_features(seed + i) for i in range(3)]
    # What is seen through later leaves, so that carving asks for the order.
    forward, backward = (empty_map(replace(PLAIN, carve_views=0)) for _ in range(2))
    for i in (0, 1, 2):
        forward.add(frames[i], tables[i])
        backward.add(frames[2 - i], tables[2 - i])
    a, b = forward.snapshot(), backward.snapshot()
    assert by_cell(a, a.weight) == by_cell(b, b.weight)
    assert_same_means(a, b, 2e-3)


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_a_frame_is_the_sum_of_its_parts(seed):
    frame, tables = make_frame(seed), make_features(seed)
    taken = torch.from_numpy(np.random.default_rng(seed).random(frame.depth.shape) < 0.5)
    whole, parts = empty_map(), empty_map()
    whole.add(frame, tables)
    for mask in (taken, ~taken):
        parts.add(replace(frame, depth=torch.where(mask, frame.depth, torch.zeros(()))), tables)
    a, b = whole.snapshot(), parts.snapshot()
    assert by_cell(a, a.weight) == by_cell(b, b.weight)
    assert_same_means(a, b, 2e-3)


@given(seeds, st.tuples(*[st.integers(-50, 50)] * 3))
@settings(max_examples=10, deadline=None)
def test_moving_by_whole_voxels_moves_the_cells_alone(seed, shift):
    # A power of two as edge: the shifted coordinates are then exact, and no point changes its side of a border.
    config = replace(PLAIN, voxel_size=0.0625, fine_voxel_size=0.03125)
    frame, tables = make_frame(seed), make_features(seed)
    T = frame.T_map_camera.clone()
    T[:3, 3] = torch.round(T[:3, 3] * 1024) / 1024
    T_moved = T.clone()
    T_moved[:3, 3] += torch.tensor(shift, dtype=torch.float64) * 0.0625
    here, there = empty_map(config), empty_map(config)
    here.add(replace(frame, T_map_camera=T), tables)
    there.add(replace(frame, T_map_camera=T_moved), tables)
    a, b = here.snapshot(), there.snapshot()
    moved = {tuple(cell + np.array(shift)): row for cell, row in by_cell(a, torch.arange(len(a))).items()}
    there = by_cell(b, torch.arange(len(b)))
    assert moved.keys() == there.keys()
    rows = torch.tensor([int(there[cell]) for cell in moved])
    order = torch.tensor([int(row) for row in moved.values()])
    assert torch.equal(a.weight[order], b.weight[rows])
    expected = a.xyz[order].double() + torch.tensor(shift) * 0.0625
    torch.testing.assert_close(expected, b.xyz[rows].double(), atol=1e-6, rtol=0)
    assert all(torch.equal(a.features[name][order], b.features[name][rows]) for name in a.features)


def assert_same_means(a, b, feature_tolerance):
    for name, values in columns(a).items():
        if name.startswith("fine.") or name in ("cells", "last_seen"):
            continue
        expected = by_cell(b, columns(b)[name])
        tolerance = feature_tolerance if name.startswith("features.") else 1e-5
        for cell, row in by_cell(a, values).items():
            np.testing.assert_allclose(row.astype(float), expected[cell].astype(float), atol=tolerance, err_msg=name)


@pytest.mark.parametrize("device", DEVICES)
def test_frames_without_features_do_not_dilute_them(device):
    frame, tables = make_frame(5), make_features(5)
    once, often = empty_map(device=device), empty_map(device=device)
    once.add(frame, tables)
    for features in (None, tables, None, None):
        often.add(frame, features)
    a, b = once.snapshot(), often.snapshot()
    assert torch.equal(a.weight * 4, b.weight)
    for name in a.features:
        torch.testing.assert_close(a.features[name], b.features[name], atol=0, rtol=0)


def test_voxels_are_flagged_until_features_come():
    voxel_map = empty_map()
    voxel_map.add(make_frame(6))
    before = voxel_map.snapshot()
    assert not before.has_features.any()
    assert all((features == 0).all() for features in before.features.values())
    voxel_map.add(make_frame(6), make_features(6))
    assert voxel_map.snapshot().has_features.all()


def test_pixels_without_a_token_count_as_zero():
    frame = make_frame(7, depth=torch.full((18, 24), 1.0), T_map_camera=torch.eye(4).double())
    index = torch.full((18, 24, 1), -1, dtype=torch.int32)
    index[:, ::2] = 0
    table = TokenTable("image", torch.ones(1, 5), index, torch.ones(18, 24, 1))
    voxel_map = empty_map(replace(PLAIN, voxel_size=10.0), FixedExtractor(slots=(Slot("image", 5),)))
    voxel_map.add(frame, FrameFeatures((table,)))
    snapshot = voxel_map.snapshot()
    shares = (snapshot.features["image"][:, 0].double() * snapshot.weight).sum() / snapshot.weight.sum()
    assert shares.item() == pytest.approx(0.5, abs=1e-3)


def test_table_without_tokens_gives_zero_features():
    size = (CAMERA.height, CAMERA.width, 1)
    table = TokenTable("image", torch.empty(0, 5), torch.full(size, -1, dtype=torch.int32), torch.zeros(size))
    voxel_map = empty_map(extractor=FixedExtractor(slots=(Slot("image", 5),)))
    voxel_map.add(make_frame(1), FrameFeatures((table,)))
    snapshot = voxel_map.snapshot()
    assert snapshot.has_features.all()
    assert (snapshot.features["image"] == 0).all()


def test_means_stay_exact_over_many_frames():
    frame, tables = make_frame(8), make_features(8)
    once, often = empty_map(), empty_map()
    once.add(frame, tables)
    for _ in range(200):
        often.add(frame, tables)
    a, b = once.snapshot(), often.snapshot()
    torch.testing.assert_close(a.xyz, b.xyz, atol=1e-6, rtol=0)
    torch.testing.assert_close(a.rgb, b.rgb, atol=1e-6, rtol=0)
    for name in a.features:
        torch.testing.assert_close(a.features[name], b.features[name], atol=1e-6, rtol=1e-3)


def test_empty_map_has_an_empty_snapshot():
    snapshot = empty_map(frame_id="world").snapshot()
    assert (len(snapshot), len(snapshot.fine.xyz), snapshot.revision) == (0, 0, 0)
    assert {name: tuple(values.shape) for name, values in snapshot.features.items()} == {
        "image": (0, 5),
        "text": (0, 3),
    }
    assert snapshot.camera_pose is None
    assert snapshot.frame_id == "world"


@pytest.mark.parametrize("depth", [0.0, float("nan"), float("inf"), -1.0, 0.1, 4.0])
def test_frame_without_usable_depth_advances_revision_and_stamp_only(depth):
    voxel_map = empty_map()
    voxel_map.add(make_frame(1), make_features(1))
    before = voxel_map.snapshot()
    voxel_map.add(make_frame(9, depth=torch.full((18, 24), depth)), make_features(9))
    after = voxel_map.snapshot()
    assert (after.revision, after.stamp) == (2, 9.0)
    assert torch.equal(before.camera_pose, after.camera_pose)
    assert before.views == after.views
    assert all(torch.equal(values, columns(after)[name]) for name, values in columns(before).items())


def test_points_beyond_the_grid_are_dropped_and_counted():
    voxel_map = empty_map()
    voxel_map.add(make_frame(1, T_map_camera=pose(translation=(1e6, 0.0, 0.0))))
    assert len(voxel_map) == 0
    assert voxel_map.dropped_points == CAMERA.width * CAMERA.height
    assert voxel_map.revision == 1


def test_far_from_the_origin_cells_stay_exact():
    frame = make_frame(2, T_map_camera=pose(2, translation=(10_000.013, -9_000.007, 50.0)))
    voxel_map = empty_map()
    voxel_map.add(frame)
    snapshot = voxel_map.snapshot()
    expected = dense_map([frame], 0.05, lambda _i, _pixel, xyz: xyz)
    assert by_cell(snapshot, snapshot.weight) == {cell: count for cell, (count, _) in expected.items()}

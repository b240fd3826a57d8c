"""Several maps, each where a transform puts it, as one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_scenes import (
    DEVICES,
    PLAIN,
    by_cell,
    columns,
    dense_means,
    empty_map,
    make_features,
    make_frame,
    pose,
)

from locate3d_ros.geometry.transforms import invert_transform, transform_points
from locate3d_ros.mapping.merging import PlacedMap, merge_maps, place_map

IDENTITY = torch.eye(4, dtype=torch.float64)


def map_of(*seeds, device="cpu", config=PLAIN, **changes):
    voxel_map = empty_map(config, device=device)
    for seed in seeds:
        voxel_map.add(make_frame(seed, **changes), make_features(seed))
    return voxel_map.snapshot()


@pytest.mark.parametrize("device", DEVICES)
def test_maps_of_the_same_frame_join_as_if_mapped_together(device):
    a, b, whole = map_of(1, 2, device=device), map_of(3, device=device), map_of(1, 2, 3, device=device)
    merged = merge_maps([PlacedMap(a, IDENTITY), PlacedMap(b, IDENTITY)], whole, 20)
    for name, tolerance in (("xyz", 1e-5), ("rgb", 1e-5), ("weight", 0), ("last_seen", 0), ("has_features", 0)):
        expected, found = by_cell(whole, getattr(whole, name)), by_cell(merged, getattr(merged, name))
        assert expected.keys() == found.keys()
        assert all(np.abs(expected[cell] * 1.0 - found[cell]).max() <= tolerance for cell in expected), name
    for slot, values in whole.features.items():
        expected, found = by_cell(whole, values.float()), by_cell(merged, merged.features[slot].float())
        assert all(np.abs(expected[cell] - found[cell]).max() <= 4e-3 for cell in expected), slot
    assert sorted(map(tuple, (whole.fine.xyz / 0.02).floor().int().tolist())) == sorted(
        map(tuple, (merged.fine.xyz / 0.02).floor().int().tolist())
    )
    assert [view.stamp for view in merged.views] == [1.0, 2.0, 3.0]
    assert (merged.revision, merged.stamp, merged.frame_id) == (whole.revision, whole.stamp, whole.frame_id)


@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.1]))
@settings(max_examples=10, deadline=None)
def test_a_moved_map_is_the_literal_mean_of_its_moved_voxels(seed, voxel_size):
    snapshot, T = map_of(seed), pose(seed + 1)
    state = replace(snapshot, voxel_size=voxel_size)
    moved = place_map(snapshot, T, state)
    xyz = transform_points(T, snapshot.xyz.double()).numpy()
    cells, weight = np.floor(xyz / voxel_size).astype(np.int64), snapshot.weight.double().numpy()
    mass = dense_means(cells, weight[:, None])
    for values, found, tolerance in (
        (xyz, moved.xyz, 2e-5),
        (snapshot.rgb.numpy(), moved.rgb, 1e-5),
        (snapshot.features["image"].float().numpy(), moved.features["image"].float(), 4e-3),
    ):
        sums, rows = dense_means(cells, values * weight[:, None]), by_cell(moved, found)
        assert rows.keys() == sums.keys()
        for cell, (_, mean) in sums.items():
            np.testing.assert_allclose(rows[cell], mean / mass[cell][1], atol=tolerance)
    assert moved.weight.sum().item() == pytest.approx(snapshot.weight.sum().item())
    assert torch.equal(moved.views[0].T_map_camera, T @ snapshot.views[0].T_map_camera)


def test_there_and_back_puts_every_voxel_within_one_voxel():
    snapshot, T = map_of(3), pose(4)
    back = place_map(place_map(snapshot, T, snapshot), invert_transform(T), snapshot)
    assert torch.cdist(snapshot.xyz, back.xyz).amin(dim=1).max() < 0.05
    assert torch.cdist(back.xyz, snapshot.xyz).amin(dim=1).max() < 0.05


def test_one_map_in_place_is_not_copied():
    snapshot = map_of(1)
    merged = merge_maps([PlacedMap(snapshot, IDENTITY)], snapshot, 20)
    assert all(values is getattr(snapshot, name) for name, values in columns(merged).items() if "." not in name)
    assert merged.views == snapshot.views


def test_voxels_without_features_do_not_dilute_those_that_have_some():
    plain = empty_map()
    plain.add(make_frame(1))
    both = merge_maps([PlacedMap(map_of(1), IDENTITY), PlacedMap(plain.snapshot(), IDENTITY)], map_of(1), 20)
    assert both.has_features.all()
    alone = by_cell(map_of(1), map_of(1).features["image"].float())
    found = by_cell(both, both.features["image"].float())
    assert all(np.abs(alone[cell] - found[cell]).max() <= 2e-3 for cell in alone)


def test_empty_maps_merge():
    empty = empty_map().snapshot()
    snapshot = map_of(1)
    merged = merge_maps([PlacedMap(empty, pose(1)), PlacedMap(snapshot, IDENTITY)], snapshot, 20)
    assert len(merged) == len(snapshot)
    assert len(place_map(empty, pose(2), empty)) == 0


def test_as_many_views_are_kept_as_the_map_may_have():
    parts = [PlacedMap(map_of(seed), IDENTITY) for seed in range(6)]
    assert len(merge_maps(parts, parts[0].snapshot, 4).views) == 4

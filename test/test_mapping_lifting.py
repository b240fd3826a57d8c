"""Which depth pixels count, where they lie, and which colour pixel they take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_scenes import CAMERA, DEVICES, PLAIN, columns, dense_points, empty_map, make_features, make_frame

from locate3d_ros.config import MappingConfig
from locate3d_ros.errors import InputError
from locate3d_ros.mapping.lifting import lift, usable_pixels
from locate3d_ros.types import Intrinsics

CPU = torch.device("cpu")
IDENTITY = torch.eye(4, dtype=torch.float64)
FLAT = torch.full((18, 24), 2.0)


def lifted(frame, config=PLAIN):
    return lift(frame, config, CPU)


@pytest.mark.parametrize(
    ("millimetres", "usable"),
    [(0, False), (65535, False), (99, False), (100, False), (101, True), (3999, True), (4000, False), (4001, False)],
)
def test_depth_limits_are_strict(millimetres, usable):
    depth = torch.from_numpy((np.full((1, 1), millimetres, np.uint16) * 0.001).astype(np.float32))
    assert usable_pixels(depth, PLAIN).item() is usable


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), -2.0])
def test_pixels_that_are_no_depth_are_left_out(bad):
    depth = FLAT.clone()
    depth[3, 4] = bad
    usable = usable_pixels(depth, MappingConfig())
    assert not usable[3, 4]
    assert int(usable.sum()) == depth.numel() - 1


@pytest.mark.parametrize("device", DEVICES)
def test_pixels_at_depth_edges_are_dropped_unless_switched_off(device):
    depth = FLAT.clone().to(device)
    depth[:, 12:] = 1.0
    usable = usable_pixels(depth, MappingConfig(edge_threshold=0.05))
    expected = torch.ones(18, 24, dtype=torch.bool)
    expected[:, 11:13] = False
    assert torch.equal(usable.cpu(), expected)
    assert usable_pixels(depth, MappingConfig(edge_threshold=0.0)).all()
    assert usable_pixels(depth, MappingConfig(edge_threshold=1.1)).all()


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_points_are_those_of_the_camera_equation(seed):
    frame = make_frame(seed)
    points = lifted(frame)
    xyz, pixel = dense_points(frame)
    np.testing.assert_allclose(points.xyz.numpy(), xyz, atol=1e-9)
    assert points.pixel.tolist() == pixel.tolist()


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_unregistered_depth_of_the_same_camera_gives_the_same_map(seed):
    frame, tables = make_frame(seed), make_features(seed)
    registered, projected = empty_map(), empty_map()
    registered.add(frame, tables)
    projected.add(replace(frame, depth_intrinsics=CAMERA, T_camera_depth=IDENTITY), tables)
    a, b = columns(registered.snapshot()), columns(projected.snapshot())
    assert all(torch.equal(values, b[name]) for name, values in a.items() if name not in ("xyz", "fine.xyz"))
    torch.testing.assert_close(a["xyz"], b["xyz"], atol=1e-6, rtol=0)


def test_each_depth_point_takes_the_colour_pixel_it_falls_on():
    T_camera_depth = IDENTITY.clone()
    T_camera_depth[0, 3] = 0.2  # the depth camera sits 0.2 m to the right: 0.2 * 20 / 2 = 2 pixels at 2 m
    points = lifted(make_frame(1, depth=FLAT, depth_intrinsics=CAMERA, T_camera_depth=T_camera_depth))
    v, u = np.mgrid[0:18, 0:24]
    expected = (v * 24 + u + 2)[:, :22]
    assert points.pixel.tolist() == expected.ravel().tolist()


def test_depth_of_another_size_covers_the_colour_image():
    small = Intrinsics(CAMERA.fx / 2, CAMERA.fy / 2, (CAMERA.cx - 0.5) / 2, (CAMERA.cy - 0.5) / 2, 12, 9)
    points = lifted(make_frame(1, depth=torch.full((9, 12), 2.0), depth_intrinsics=small))
    assert len(points.xyz) == 9 * 12
    assert (points.pixel % 24).min().item() in (0, 1)
    assert (points.pixel % 24).max().item() in (22, 23)


def test_points_that_the_colour_camera_cannot_see_are_dropped():
    depth = torch.full((18, 24), 3.0)
    depth[:, 10:14] = 1.0
    T_camera_depth = IDENTITY.clone()
    T_camera_depth[0, 3] = 0.3  # near points shift by 6 pixels, far ones by 2: the near strip hides four far columns
    points = lifted(make_frame(1, depth=depth, depth_intrinsics=CAMERA, T_camera_depth=T_camera_depth))
    column = (points.pixel % 24).numpy()
    near = points.depth.numpy() < 2.0
    assert sorted(set(column[near])) == [16, 17, 18, 19]
    assert not set(column[~near]) & {16, 17, 18, 19}
    assert near.sum() == 18 * 4


def test_cameras_of_one_centre_hide_nothing_from_each_other():
    depth = torch.where(torch.rand(18, 24, generator=torch.Generator().manual_seed(0)) < 0.5, 1.0, 3.0)
    narrow = replace(CAMERA, fx=CAMERA.fx * 1.1, fy=CAMERA.fy * 1.1)
    points = lifted(make_frame(1, depth=depth, depth_intrinsics=narrow))
    assert len(points.xyz) == depth.numel()


def test_slanted_surface_does_not_hide_itself():
    depth = torch.linspace(1.0, 2.0, 24).repeat(18, 1)
    T_camera_depth = IDENTITY.clone()
    T_camera_depth[0, 3] = 0.03
    points = lifted(make_frame(1, depth=depth, depth_intrinsics=CAMERA, T_camera_depth=T_camera_depth))
    assert len(points.xyz) >= 18 * 23


def test_points_behind_the_colour_camera_are_dropped():
    T_camera_depth = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0])).double()
    frame = make_frame(1, depth=FLAT, depth_intrinsics=CAMERA, T_camera_depth=T_camera_depth)
    assert len(lifted(frame).xyz) == 0


def test_bad_transform_between_the_cameras_is_refused():
    frame = make_frame(1, depth_intrinsics=CAMERA, T_camera_depth=2 * IDENTITY)
    with pytest.raises(InputError, match="T_camera_depth"):
        empty_map().add(frame)

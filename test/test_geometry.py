"""Properties of the transforms, the camera and the boxes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locate3d_ros.errors import InputError
from locate3d_ros.geometry.boxes import box_corners, box_iou, box_of_points, box_tensor, box_volume, thickened
from locate3d_ros.geometry.camera import pixel_rays, project, scale_intrinsics
from locate3d_ros.geometry.transforms import (
    invert_transform,
    matrix_from_quaternion,
    require_rigid,
    rotation_angle,
    transform_points,
)
from locate3d_ros.types import Intrinsics

seeds = st.integers(0, 100_000)
angles = st.floats(-math.pi, math.pi)
EYE = torch.eye(4, dtype=torch.float64)


def random_transform(seed):
    rng = np.random.default_rng(seed)
    translation = tuple(rng.normal(size=3) * 10)
    return matrix_from_quaternion(translation, tuple(rng.normal(size=4)))


def random_boxes(seed, count=4):
    corners = np.random.default_rng(seed).uniform(-2, 2, (count, 2, 3))
    return torch.from_numpy(np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1))


def turn(angle):
    return matrix_from_quaternion((0.0, 0.0, 0.0), (0.0, 0.0, math.sin(angle / 2), math.cos(angle / 2)))


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_a_transform_and_its_inverse_bring_points_back(seed):
    T = random_transform(seed)
    xyz = torch.from_numpy(np.random.default_rng(seed).normal(size=(7, 3)))
    torch.testing.assert_close(transform_points(invert_transform(T), transform_points(T, xyz)), xyz)
    torch.testing.assert_close(T @ invert_transform(T), EYE)


@given(seeds, seeds)
@settings(max_examples=50, deadline=None)
def test_composing_transforms_is_applying_one_after_the_other(a, b):
    T_a_b, T_b_c = random_transform(a), random_transform(b)
    xyz = torch.from_numpy(np.random.default_rng(a).normal(size=(5, 3)))
    both = transform_points(T_a_b, transform_points(T_b_c, xyz))
    torch.testing.assert_close(transform_points(T_a_b @ T_b_c, xyz), both)


def test_transform_keeps_the_type_of_the_points():
    assert transform_points(EYE, torch.ones(2, 3)).dtype == torch.float32


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_quaternions_make_rotations_and_signs_do_not_matter(seed):
    xyzw = tuple(np.random.default_rng(seed).normal(size=4))
    T = matrix_from_quaternion((1.0, 2.0, 3.0), xyzw)
    torch.testing.assert_close(T[:3, :3] @ T[:3, :3].T, EYE[:3, :3])
    assert torch.linalg.det(T[:3, :3]).item() == pytest.approx(1.0)
    torch.testing.assert_close(matrix_from_quaternion((1.0, 2.0, 3.0), tuple(-3 * v for v in xyzw)), T)


@given(angles)
@settings(max_examples=50, deadline=None)
def test_rotation_angle_is_the_angle_turned_by(angle):
    T = turn(angle)
    torch.testing.assert_close(
        transform_points(T, torch.tensor([[1.0, 0, 0]]).double())[0, :2].tolist(), [math.cos(angle), math.sin(angle)]
    )
    assert rotation_angle(T) == pytest.approx(abs(angle), abs=1e-6)


@pytest.mark.parametrize("xyzw", [(0.0, 0.0, 0.0, 0.0), (math.nan, 0.0, 0.0, 1.0), (math.inf, 0.0, 0.0, 1.0)])
def test_unusable_quaternions_are_refused(xyzw):
    with pytest.raises(InputError, match="quaternion"):
        matrix_from_quaternion((0.0, 0.0, 0.0), xyzw)


def test_unusable_translation_is_refused():
    with pytest.raises(InputError, match="translation"):
        matrix_from_quaternion((math.nan, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_rigid_transforms_pass_unchanged_and_rounded_ones_are_mended_once(seed):
    T = random_transform(seed)
    assert torch.equal(require_rigid(T, "pose"), T)
    rounded = (T * 1e4).round() / 1e4
    mended = require_rigid(rounded, "pose")
    torch.testing.assert_close(mended[:3, :3] @ mended[:3, :3].T, EYE[:3, :3], atol=1e-12, rtol=0)
    assert torch.equal(require_rigid(mended, "pose"), mended)
    assert (mended - rounded).abs().max() < 1e-3


@pytest.mark.parametrize(
    "T",
    [
        EYE * 1.01,
        EYE[:3],
        EYE * math.nan,
        torch.diag(torch.tensor([1.0, 1.0, -1.0, 1.0])).double(),
        EYE + torch.tensor([[0.0] * 4] * 3 + [[0.1, 0.0, 0.0, 0.0]]),
        torch.zeros(4, 4),
    ],
)
def test_what_is_no_rigid_transform_is_refused_by_name(T):
    with pytest.raises(InputError, match="000007.pose.txt"):
        require_rigid(T, "000007.pose.txt")


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_rays_at_any_depth_project_to_their_pixels(seed):
    rng = np.random.default_rng(seed)
    intrinsics = Intrinsics(*rng.uniform(5, 50, 2), *rng.uniform(-5, 20, 2), 9, 7)
    rays = pixel_rays(intrinsics).double().reshape(-1, 3)
    z = torch.from_numpy(rng.uniform(0.1, 10.0, len(rays)))
    uv, depth = project(rays * z[:, None], intrinsics)
    v, u = np.mgrid[0:7, 0:9]
    np.testing.assert_allclose(uv.numpy(), np.stack((u, v), -1).reshape(-1, 2), atol=1e-4)
    torch.testing.assert_close(depth, z)


def test_points_behind_the_camera_have_no_pixel():
    uv, _ = project(torch.tensor([[0.0, 0.0, -1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]), Intrinsics(1, 1, 0, 0, 4, 4))
    assert uv.isnan().all(dim=1).tolist() == [True, True, False]


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_resizing_keeps_the_rays_of_the_image_corners(width, height):
    intrinsics = Intrinsics(20.0, 21.0, 11.0, 8.0, 24, 18)
    small = scale_intrinsics(intrinsics, width, height)
    for size, small_size, f, c, fs, cs in (
        (24, width, intrinsics.fx, intrinsics.cx, small.fx, small.cx),
        (18, height, intrinsics.fy, intrinsics.cy, small.fy, small.cy),
    ):
        assert (-0.5 - c) / f == pytest.approx((-0.5 - cs) / fs)
        assert (size - 0.5 - c) / f == pytest.approx((small_size - 0.5 - cs) / fs)


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_iou_is_symmetric_bounded_and_one_with_itself(seed):
    a, b = random_boxes(seed), random_boxes(seed + 1)
    iou = box_iou(a, b)
    torch.testing.assert_close(iou, box_iou(b, a).T)
    assert ((iou >= 0) & (iou <= 1)).all()
    torch.testing.assert_close(box_iou(a, a).diagonal(), torch.ones(4).double())


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_iou_is_the_share_of_common_volume(seed):
    a, b = random_boxes(seed, 1), random_boxes(seed + 1, 1)
    grid = np.stack(np.meshgrid(*[np.linspace(-2, 2, 41)] * 3, indexing="ij"), -1).reshape(-1, 3)
    inside = [((grid >= box[:3].numpy()) & (grid <= box[3:].numpy())).all(1) for box in (a[0], b[0])]
    union = (inside[0] | inside[1]).sum()
    if union > 2000:
        assert box_iou(a, b).item() == pytest.approx((inside[0] & inside[1]).sum() / union, abs=0.1)


def test_iou_of_flat_boxes_is_zero_and_of_crossed_ones_refused():
    flat = torch.tensor([[0.0, 0, 0, 1, 1, 0]])
    assert box_iou(flat, flat).item() == 0.0
    with pytest.raises(ValueError, match="corner"):
        box_iou(torch.tensor([[0.0, 0, 0, -1, 1, 1]]), flat)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_box_of_points_is_the_smallest_around_them(seed):
    xyz = torch.from_numpy(np.random.default_rng(seed).normal(size=(9, 3))).float()
    box = box_of_points(xyz)
    np.testing.assert_allclose(box.min, xyz.numpy().min(axis=0))
    np.testing.assert_allclose(box.max, xyz.numpy().max(axis=0))
    assert box_volume(box_tensor(box)[None]).item() == pytest.approx(math.prod(box.size), rel=1e-4)
    corners = box_corners(box)
    assert box_of_points(corners) == box
    assert len({tuple(corner) for corner in corners.tolist()}) == 8


def test_no_points_have_no_box():
    with pytest.raises(ValueError, match="no points"):
        box_of_points(torch.empty(0, 3))


def test_thickened_boxes_are_widened_about_their_middle_where_they_are_thin():
    box = torch.tensor([[0.0, 1.0, 0.0, 2.0, 1.01, 0.04]])
    torch.testing.assert_close(thickened(box, 0.04), torch.tensor([[0.0, 0.985, 0.0, 2.0, 1.025, 0.04]]))

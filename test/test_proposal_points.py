"""Points of proposals: drawn, embedded, varied."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locate3d_ros.localization.proposal_points import POINTS, sample_points
from locate3d_ros.localization.regions import region_boxes
from locate3d_ros.localization.surface import Surface
from locate3d_ros.model.point_embedding import PointEmbedding
from locate3d_ros.training.point_noise import SHARE, varied_points


def surface_at(xyz: np.ndarray) -> Surface:
    rng = np.random.default_rng(1)
    normals, lab = (rng.normal(size=xyz.shape).astype(np.float32) for _ in range(2))
    flat = np.zeros(len(xyz), dtype=np.float32)
    return Surface(xyz.astype(np.float32), lab, normals, flat, np.zeros((0, 2), np.int32), flat[:0], 0.02)


@pytest.fixture(scope="module")
def embedding() -> PointEmbedding:
    torch.manual_seed(0)
    return PointEmbedding(16).eval()


def shapes(count: int = 5, points: int = 12) -> torch.Tensor:
    return torch.randn(count, points, 9, generator=torch.Generator().manual_seed(2))


@given(st.lists(st.integers(1, 200), min_size=1, max_size=6), st.integers(0, 99))
@settings(deadline=None)
def test_points_are_the_proposals_own_beside_the_middle_of_its_box(sizes, seed):
    rng = np.random.default_rng(seed)
    surface = surface_at(rng.uniform(-3, 3, (300, 3)))
    groups = [rng.choice(300, size, replace=False) for size in sizes]
    boxes = region_boxes(groups, surface.xyz, surface.voxel_size)
    points = sample_points(surface, groups, boxes)
    assert points.shape == (len(sizes), POINTS, 9)
    for group, box, own in zip(groups, boxes, points.numpy(), strict=True):
        place = own[:, :3] + (box[:3] + box[3:]) / 2
        away = np.abs(place[:, None] - surface.xyz[group]).max(axis=2)
        assert away.min(axis=1).max() < 1e-5
        np.testing.assert_array_equal(own[:, 3:6], surface.normals[group[away.argmin(axis=1)]])


def test_points_are_the_same_every_time_and_of_nothing_none():
    surface = surface_at(np.random.default_rng(0).uniform(size=(50, 3)))
    groups = [np.arange(40), np.arange(7)]
    boxes = region_boxes(groups, surface.xyz, surface.voxel_size)
    assert torch.equal(sample_points(surface, groups, boxes), sample_points(surface, groups, boxes))
    assert sample_points(surface, [], boxes[:0]).shape == (0, POINTS, 9)


def test_order_of_points_and_signs_of_normals_do_not_matter(embedding):
    points = shapes()
    other = points[:, torch.randperm(12, generator=torch.Generator().manual_seed(3))].clone()
    other[:, ::2, 3:6] *= -1
    torch.testing.assert_close(embedding(other), embedding(points), rtol=1e-4, atol=1e-5)


def test_a_larger_thing_of_the_same_form_is_another(embedding):
    points = shapes()
    larger = torch.cat((2 * points[..., :3], points[..., 3:]), dim=2)
    assert not torch.allclose(embedding(larger), embedding(points), atol=1e-3)


def test_a_single_point_is_embedded_with_finite_numbers(embedding):
    assert torch.isfinite(embedding(torch.zeros(2, 1, 9))).all()


def test_varied_points_are_fewer_and_stay_upright():
    torch.manual_seed(4)
    points = shapes(points=40)
    points[..., 3:6] = torch.nn.functional.normalize(points[..., 3:6], dim=2)
    varied = varied_points(points)
    assert varied.shape == (5, round(40 * SHARE), 9)
    torch.testing.assert_close(varied[..., 3:6].norm(dim=2), torch.ones(5, round(40 * SHARE)))
    for before, after in zip(points, varied, strict=True):
        nearest = (after[:, None, 5] - before[None, :, 5]).abs().amin(dim=1)
        assert nearest.max() < 1e-6  # a turn about the vertical leaves a normal's rise as it is


def test_varied_points_differ_from_time_to_time():
    torch.manual_seed(5)
    points = shapes()
    assert not torch.allclose(varied_points(points), varied_points(points), atol=1e-2)

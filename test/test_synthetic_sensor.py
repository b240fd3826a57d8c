"""Frames of the fast renderer agree with geometry; every fault of the sensor can be switched off."""

from dataclasses import fields, replace

import numpy as np
import pytest

from locate3d_ros.data.synthetic.camera_path import look_at
from locate3d_ros.data.synthetic.fast_render import FrameRenderer
from locate3d_ros.data.synthetic.mesh import Material
from locate3d_ros.data.synthetic.options import SensorEffects
from locate3d_ros.data.synthetic.render import Camera, View
from locate3d_ros.data.synthetic.scene_folder import kinect
from locate3d_ros.data.synthetic.sensor import measure_colour, measure_depth
from locate3d_ros.data.synthetic.sensor_effects import drifted, exposure_gains, motion_blur, sensor_of, white_balance
from locate3d_ros.data.synthetic.shapes import box, quad
from locate3d_ros.data.synthetic.simplify import finer, lighter
from locate3d_ros.data.synthetic.world import AreaLight, World

try:
    import open3d  # noqa: F401
except (ImportError, OSError) as error:
    pytest.skip(f"open3d cannot be imported: {error}; install the extra `scenes`", allow_module_level=True)

GREY, RED = Material((0.6, 0.6, 0.6)), Material((0.8, 0.1, 0.1))
OFF = SensorEffects(**{f.name: False for f in fields(SensorEffects)})
CUBE = 3


@pytest.fixture(scope="module")
def camera():
    return Camera(kinect(160, 120), look_at(np.array([0.0, -2.0, 1.2]), np.array([0.0, 0.0, 0.4])))


@pytest.fixture(scope="module")
def view(camera):
    """A cube of 0.4 m on a floor, below a lamp."""
    floor = finer(quad((-4, -4, 0), (8, 0, 0), (0, 8, 0), GREY), 0.35)
    cube = finer(box((-0.2, -0.2, 0.0), (0.2, 0.2, 0.4), RED), 0.35)
    lamp = AreaLight((0.0, -0.5, 2.4), (0.2, 0, 0), (0, -0.2, 0), (12.0, 12.0, 12.0))
    renderer = FrameRenderer(World([floor, cube], [0, CUBE], [lamp]), [camera])
    (view,) = renderer.views([renderer.exposure()])
    return view


def test_depth_is_within_a_millimetre_of_geometry(view, camera):
    rays = camera.pixel_rays.astype(float)
    low, high = np.array([-0.2, -0.2, 0.0]), np.array([0.2, 0.2, 0.4])
    with np.errstate(divide="ignore"):
        a, b = (low - rays[:, :3]) / rays[:, 3:], (high - rays[:, :3]) / rays[:, 3:]
        floor = np.where(rays[:, 5] < 0, -rays[:, 2] / rays[:, 5], np.inf)
    enter, leave = np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)
    hit = (enter <= leave) & (enter > 0)
    expected = np.where(hit, enter, floor).reshape(view.depth.shape)
    seen = (view.depth > 0) & (view.depth < 5.0)
    assert seen.mean() > 0.6
    assert np.abs(view.depth - expected)[seen].max() < 1e-3
    assert ((view.ids == CUBE) == hit.reshape(view.ids.shape))[seen].all()


def test_colour_shows_the_material_and_the_lit_top_is_brighter(view):
    cube = view.ids == CUBE
    top, front = (
        view.rgb[cube & (view.normal[..., axis] * sign > 0.9)].mean(axis=0) for axis, sign in ((2, 1), (1, -1))
    )
    assert top[0] > 2.0 * top[1]
    assert top[0] > front[0] + 5.0


def facing_of(view, camera):
    directions = camera.pixel_rays[:, 3:].reshape(*view.depth.shape, 3)
    return -(directions * view.normal).sum(axis=2) / np.linalg.norm(directions, axis=2)


def test_without_faults_depth_is_exact_and_colour_untouched(view, camera):
    rng = np.random.default_rng(0)
    depth = measure_depth(view, facing_of(view, camera), sensor_of(OFF), rng)
    near = (view.depth > 0) & (view.depth < 4.4)
    np.testing.assert_array_equal(depth[near], np.round(view.depth[near] * 1000.0))
    np.testing.assert_array_equal(measure_colour(view.rgb, sensor_of(OFF), rng), view.rgb)


@pytest.mark.parametrize("name", ["edge_dropouts", "dark_dropouts", "shiny_dropouts", "near_limit"])
def test_each_dropout_has_its_switch(view, name):
    dark = np.zeros_like(view.rgb)
    ramp = np.broadcast_to(np.linspace(0.2, 3.0, view.depth.shape[1], dtype=np.float32), view.depth.shape).copy()
    hard = View(dark, ramp + (np.arange(len(ramp)) % 2)[:, None] * 0.5, view.ids, view.normal, np.ones_like(ramp))
    facing = np.ones_like(hard.depth)
    for effects, whole in ((OFF, True), (replace(OFF, **{name: True}), False)):
        depth = measure_depth(hard, facing, sensor_of(effects), np.random.default_rng(0))
        assert (depth > 0).all() == whole


def test_noise_grows_with_the_square_of_depth():
    flat = np.zeros((100, 100))
    errors = []
    for z in (1.0, 2.0, 4.0):
        depth = np.full(flat.shape, z, np.float32)
        view = View(
            np.full((*flat.shape, 3), 128, np.uint8),
            depth,
            flat.astype(np.uint16),
            np.zeros((*flat.shape, 3), np.float32),
        )
        sensor = replace(sensor_of(replace(OFF, depth_noise=True)), disparity_step=0.0)
        measured = measure_depth(view, np.ones_like(depth), sensor, np.random.default_rng(1))
        errors.append((measured / 1000.0 - z).std())
    assert errors[1] / errors[0] == pytest.approx(4.0, rel=0.15)
    assert errors[2] / errors[1] == pytest.approx(4.0, rel=0.15)


def test_drift_is_small_and_keeps_poses_rigid():
    poses = [look_at(np.array([0.0, -2.0, 1.2]), np.array([0.1 * i, 0.0, 0.4])) for i in range(60)]
    strays = drifted(poses, np.random.default_rng(0))
    moved = [np.linalg.norm(a[:3, 3] - b[:3, 3]) for a, b in zip(poses, strays, strict=True)]
    assert 0.001 < max(moved) < 0.05
    for pose in strays:
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-9)


def test_exposure_and_blur_change_pictures_a_little():
    gains = exposure_gains(200, np.random.default_rng(0))
    assert 0.6 < min(gains) < 0.95 < 1.05 < max(gains) < 1.6
    picture = np.zeros((120, 320, 3), np.uint8)
    picture[:, 160:] = 200
    assert white_balance(picture, 0.1)[0, 300].tolist() == [220, 200, 180]
    rng = np.random.default_rng(0)
    blurred = [motion_blur(picture, rng) for _ in range(40)]
    changed = [not np.array_equal(b, picture) for b in blurred]
    assert 0 < sum(changed) < 30
    assert all(np.abs(b.mean() - picture.mean()) < 3.0 for b in blurred)


def test_simplified_mesh_keeps_its_size():
    ball = finer(box((-0.5, -0.5, 0.0), (0.5, 0.5, 1.0), GREY), 0.02)
    light = lighter(ball, 8000)
    assert len(light.triangles) <= 8000 < len(ball.triangles)
    np.testing.assert_allclose(light.low, ball.low, atol=0.03)
    np.testing.assert_allclose(light.high, ball.high, atol=0.03)

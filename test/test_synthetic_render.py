"""Rendered depth, ids and boxes agree with geometry that can be worked out by hand."""

import json

import cv2
import numpy as np
import pytest

from locate3d_ros.data.synthetic.camera_path import Waypoint, follow, look_at
from locate3d_ros.data.synthetic.lighting import Surface, direct, light_on
from locate3d_ros.data.synthetic.mesh import Material
from locate3d_ros.data.synthetic.placement import Furnisher, rest_height
from locate3d_ros.data.synthetic.render import Camera, render
from locate3d_ros.data.synthetic.scene import RoomArea, Scene, SceneObject
from locate3d_ros.data.synthetic.scene_folder import kinect, write_scene
from locate3d_ros.data.synthetic.sensor import DepthSensor, measure_depth
from locate3d_ros.data.synthetic.shapes import box, quad
from locate3d_ros.data.synthetic.world import AreaLight, World

try:
    import open3d  # noqa: F401
except (ImportError, OSError) as error:
    pytest.skip(f"open3d cannot be imported: {error}; install the extra `scenes`", allow_module_level=True)

RED, WHITE = Material((0.8, 0.1, 0.1)), Material((0.9, 0.9, 0.9))
TABLE, CUBE = 1, 2


@pytest.fixture(scope="module")
def room():
    """A table and a cube upon it, in the middle of an otherwise empty room of 4 x 3 x 2.5 metres."""
    table = SceneObject(TABLE, "table", box((1.5, 1.0, 0.0), (2.5, 2.0, 0.7), WHITE), "white")
    cube = SceneObject(CUBE, "cube", box((1.9, 1.4, 0.7), (2.1, 1.6, 0.9), RED), "red", support=TABLE)
    shell = (
        quad((0, 0, 0), (4, 0, 0), (0, 3, 0), WHITE),
        quad((0, 3, 0), (4, 0, 0), (0, 0, 2.5), WHITE),
        quad((0, 0, 0), (4, 0, 0), (0, 0, 2.5), WHITE),
        quad((0, 0, 0), (0, 3, 0), (0, 0, 2.5), WHITE),
        quad((4, 0, 0), (0, 3, 0), (0, 0, 2.5), WHITE),
    )
    light = AreaLight((2.0, 1.5, 2.4), (0.2, 0, 0), (0, -0.2, 0), (12.0, 12.0, 12.0))
    area = RoomArea("office", (0.0, 0.0), (4.0, 3.0), 2.5)
    return Scene("test_room", 7, (area,), (table, cube), shell, (light,))


@pytest.fixture(scope="module")
def camera():
    return Camera(kinect(160, 120), look_at(np.array([2.0, 0.2, 1.4]), np.array([2.0, 1.5, 0.8])))


@pytest.fixture(scope="module")
def view(room, camera):
    return render(room.world(), camera, 0.7)


def analytic_depth(camera, origin_box):
    """Depth at which each pixel's ray enters a box or leaves the room, whichever the box is: slab method."""
    k = camera.intrinsics
    v, u = (g.reshape(-1).astype(float) for g in np.mgrid[0 : k.height, 0 : k.width])
    rays = camera.rays(u, v).astype(float)
    low, high = origin_box
    with np.errstate(divide="ignore"):
        a, b = (low - rays[:, :3]) / rays[:, 3:], (high - rays[:, :3]) / rays[:, 3:]
    enter, leave = np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)
    return enter.reshape(k.height, k.width), leave.reshape(k.height, k.width)


def test_depth_is_within_a_millimetre_of_geometry(view, camera, room):
    _, expected = analytic_depth(camera, (np.zeros(3), np.array([4.0, 3.0, 2.5])))
    ids = np.zeros(expected.shape, int)
    for item in room.objects:
        enter, leave = analytic_depth(camera, (item.mesh.low, item.mesh.high))
        nearer = (enter <= leave) & (enter > 0) & (enter < expected)
        expected[nearer], ids[nearer] = enter[nearer], item.id
    seen = view.depth > 0  # the room has no ceiling
    assert seen.mean() > 0.9
    agree = seen & (view.ids == ids)
    assert agree.sum() > 0.995 * seen.sum()  # pixels exactly on an edge may fall either way
    assert np.abs(view.depth - expected)[agree].max() < 1e-3


def test_ids_agree_with_depth(view, camera, room):
    rows, columns = np.nonzero(view.ids == CUBE)
    rays = camera.rays(columns.astype(float), rows.astype(float))
    xyz = rays[:, :3] + rays[:, 3:] * view.depth[rows, columns, None]
    cube = room.objects[CUBE - 1].mesh
    assert len(xyz) > 50
    assert (xyz > cube.low - 1e-3).all()
    assert (xyz < cube.high + 1e-3).all()


def test_colour_shows_the_material_and_lit_faces_are_brighter(view):
    cube = view.rgb[view.ids == CUBE].mean(axis=0)
    assert cube[0] > 2.0 * cube[1]
    lit = view.rgb[(view.ids == TABLE) & (view.normal[..., 2] > 0.9)].astype(float).mean()
    side = view.rgb[(view.ids == TABLE) & (view.normal[..., 1] < -0.9)].astype(float).mean()
    assert lit > side + 5.0


def test_light_is_blocked_below_a_board_and_free_beside_it():
    light = AreaLight((0.0, 0.0, 2.0), (0.1, 0, 0), (0, -0.1, 0), (1.0, 1.0, 1.0))
    world = World([box((-0.5, -0.5, 1.0), (0.5, 0.5, 1.02), WHITE)], [1], [light])
    xyz = np.zeros((8, 16, 3), np.float32)
    xyz[:, 8:, 0] = 3.0  # the right half of the grid lies beside the board
    upwards = np.broadcast_to(np.float32([0, 0, 1]), xyz.shape)
    visible = light_on(world, Surface(xyz, upwards)).visible[..., 0]
    assert visible[:, :6].max() == 0.0  # light is smoothed over four pixels
    assert visible[:, 10:].min() == 1.0
    assert direct(light, xyz[0], upwards[0])[0, 0] > direct(light, xyz[0], upwards[0])[8, 0] > 0.0


def test_camera_looks_along_its_z_axis_with_x_to_the_right():
    T = look_at(np.array([0.0, 0.0, 1.0]), np.array([0.0, 2.0, 1.0]))
    np.testing.assert_allclose(T[:3, :3] @ [0, 0, 1], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(T[:3, :3] @ [1, 0, 0], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(T[:3, :3] @ [0, 1, 0], [0, 0, -1], atol=1e-12)
    assert np.linalg.det(T[:3, :3]) == pytest.approx(1.0)


def test_sensor_noise_is_mild_and_far_depth_is_missing(view):
    depth = measure_depth(view, np.ones_like(view.depth), DepthSensor(max_depth=2.0), np.random.default_rng(0))
    assert depth.dtype == np.uint16
    measured = depth > 0
    assert not measured[view.depth > 2.0].any()
    assert measured[(view.depth < 2.0) & (view.depth > 0.4)].mean() > 0.8
    error = np.abs(depth / 1000.0 - view.depth)[measured]
    assert 0.0005 < error.mean() < 0.01


def test_grazing_surfaces_and_edges_lose_depth(view):
    rng = np.random.default_rng(0)
    assert not measure_depth(view, np.full_like(view.depth, 0.05), DepthSensor(), rng).any()
    whole = measure_depth(view, np.ones_like(view.depth), DepthSensor(dropout=0.0), rng)
    holed = measure_depth(view, np.ones_like(view.depth), DepthSensor(dropout=1.0), rng)
    assert (holed > 0).sum() < (whole > 0).sum()


def test_scene_folder_holds_recording_and_truth(room, tmp_path):
    poses = follow(
        [Waypoint((2.0, 0.4, 1.4), (2.0, 1.5, 0.8)), Waypoint((2.6, 0.4, 1.4), (2.0, 1.5, 0.8))],
        2,
        np.random.default_rng(0),
    )
    first = write_scene(room, poses, tmp_path / "a", kinect(160, 120), 0.7)
    again = write_scene(room, poses, tmp_path / "b", kinect(160, 120), 0.7)
    files = sorted(str(p.relative_to(first)) for p in first.rglob("*") if p.is_file())
    assert files == sorted(
        ["annotations.jsonl", "objects.json", "scene.json", "recording/camera.json"]
        + [f"instances/{i:06d}.png" for i in range(2)]
        + [f"recording/{i:06d}.{end}" for i in range(2) for end in ("color.jpg", "depth.png", "pose.txt")]
    )
    assert all((first / f).read_bytes() == (again / f).read_bytes() for f in files)
    pose = np.loadtxt(first / "recording" / "000001.pose.txt")
    np.testing.assert_allclose(pose, poses[1], atol=1e-8)
    assert cv2.imread(str(first / "recording" / "000000.depth.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint16


def test_boxes_of_objects_are_those_of_their_meshes(room, tmp_path):
    poses = [look_at(np.array([2.0, 0.2, 1.4]), np.array([2.0, 1.5, 0.8]))]
    folder = write_scene(room, poses, tmp_path / "scene", kinect(160, 120), exposure=0.7)
    table, cube = json.loads((folder / "objects.json").read_text())
    assert table["box_min"] == [1.5, 1.0, 0.0]
    assert table["box_max"] == [2.5, 2.0, 0.7]
    assert cube["support"] == table["id"]
    assert cube["attributes"] == {"colour": "red"}
    assert cube["seen_min"][2] == pytest.approx(0.7, abs=0.02)
    assert cube["seen_max"][1] <= 1.6 + 1e-3
    ids = cv2.imread(str(folder / "instances" / "000000.png"), cv2.IMREAD_UNCHANGED)
    depth = cv2.imread(str(folder / "recording" / "000000.depth.png"), cv2.IMREAD_UNCHANGED)
    assert cube["pixels"] == ((ids == CUBE) & (depth > 0)).sum()


def test_thing_rests_on_a_flat_support_only():
    table = box((0.0, 0.0, 0.0), (1.0, 1.0, 0.7), WHITE)
    cup = box((-0.05, -0.05, 0.0), (0.05, 0.05, 0.1), RED)
    assert rest_height(table, cup.moved(0.5, 0.5, 0.0), 0.01) == pytest.approx(0.7, abs=1e-5)
    assert rest_height(table, cup.moved(1.0, 0.5, 0.0), 0.01) is None


def test_two_things_never_take_the_same_ground():
    room = Furnisher((3.0, 3.0, 2.5), np.random.default_rng(0))
    room.add(SceneObject(0, "box", box((1.0, 1.0, 0.0), (2.0, 2.0, 1.0), WHITE)))
    assert not room.fits(box((1.9, 1.9, 0.5), (2.5, 2.5, 1.5), RED))
    assert not room.fits(box((2.5, 2.5, 0.0), (3.1, 2.9, 0.5), RED))  # through the wall
    assert room.fits(box((1.2, 1.2, 1.01), (1.5, 1.5, 1.5), RED))
    assert room.fits(box((2.1, 2.1, 0.0), (2.5, 2.5, 1.5), RED))

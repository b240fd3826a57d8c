"""Several cameras, each with its own lens, resolution and rate, into one map."""

import cv2
import numpy as np
import pytest
import torch
from locate3d_msgs.srv import Localize
from robot import Robot, camera_info, image, now, spinning, transform, wait_for, wait_for_each_other
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

RESPONSE = Localize.Response
LENSES = {
    "front": {"width": 96, "height": 72, "focal": 70.0, "model": "plumb_bob", "d": [-0.25, 0.06, 0.001, -0.001, 0.0]},
    "rear": {"width": 64, "height": 64, "focal": 40.0, "model": "equidistant", "d": [0.08, 0.01, 0.0, 0.0]},
}
WALLS = {"front": 2.0, "rear": 1.5}  # metres from the camera; front looks along z, rear along -z
COLOURS = {"front": (255, 0, 0), "rear": (0, 0, 255)}
SIDE = 0.6  # metres: the edge of the coloured square in the middle of either wall


def info_of(name):
    lens = LENSES[name]
    info = camera_info(f"{name}_camera", lens["width"], lens["height"], lens["focal"], lens["d"])
    info.distortion_model = lens["model"]
    return info


def seen_by(name):
    """Colour and depth (mm) as the distorting lens shows a grey wall with a square, traced pixel by pixel."""
    info, lens = info_of(name), LENSES[name]
    K, d = np.array(info.k).reshape(3, 3), np.array(lens["d"])
    v, u = np.mgrid[0 : lens["height"], 0 : lens["width"]]
    pixels = np.stack((u, v), axis=-1).reshape(-1, 1, 2).astype(np.float64)
    undistort = cv2.fisheye.undistortPoints if lens["model"] == "equidistant" else cv2.undistortPoints
    xy = undistort(pixels, K, d).reshape(lens["height"], lens["width"], 2) * WALLS[name]
    rgb = np.full((lens["height"], lens["width"], 3), 128, np.uint8)
    rgb[(np.abs(xy) < SIDE / 2).all(axis=2)] = COLOURS[name]
    return rgb, np.full((lens["height"], lens["width"]), WALLS[name] * 1000, np.uint16)


@pytest.fixture
def two_cameras(start):
    front, mapping, _ = start(cameras=["front", "rear"], robot_options={"start": "front/"}, mapping__edge_threshold=0.0)
    with spinning(Robot(start="rear/")) as rear:
        rear.wait_for_mapping(mapping)
        back = transform("base", "rear_camera", 0, (0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0))
        ahead = transform("base", "front_camera", 0)
        front.tf_static.publish(TFMessage(transforms=[ahead, back]))
        yield {"front": front, "rear": rear}, mapping


def show(robot, name, stamp):
    rgb, depth = seen_by(name)
    around = [transform("map", "base", stamp + d) for d in (-500_000_000, 500_000_000)]
    robot.tf.publish(TFMessage(transforms=around))
    robot.rgb_info.publish(info_of(name))
    robot.rgb.publish(image(rgb, "rgb8", f"{name}_camera", stamp))
    robot.depth.publish(image(depth, "16UC1", f"{name}_camera", stamp))


def test_both_cameras_build_one_map_each_with_its_own_lens_and_rate(two_cameras):
    robots, mapping = two_cameras
    begin = now()
    for step in range(6):
        stamp = begin + step * 50_000_000
        show(robots["front"], "front", stamp)
        if step % 3 == 0:
            show(robots["rear"], "rear", stamp)
        wait_for(lambda: mapping.cameras[0].integrated.total == step + 1)  # noqa: B023 - called within the loop
    wait_for(lambda: [camera.integrated.total for camera in mapping.cameras] == [6, 2])
    assert mapping.live_map.revision == 8
    snapshot = mapping.live_map.snapshot()
    z = snapshot.xyz[:, 2]
    assert ((z - 2.0).abs() < 1e-3).sum() > 400
    assert ((z + 1.5).abs() < 1e-3).sum() > 400
    assert (((z - 2.0).abs() < 1e-3) | ((z + 1.5).abs() < 1e-3)).all()
    assert {view.camera for view in snapshot.views} == {"front", "rear"}
    for colour, depth in (("red", 2.0), ("blue", -1.5)):
        best = wait_for(lambda: robots["front"].ask(colour).instances)[0]  # noqa: B023 - called within the loop
        assert best.pose.position.z == pytest.approx(depth, abs=0.01)
        # The square is straight again, with its true edges: those of a distorted picture would be off by a voxel.
        assert (best.size.x, best.size.y) == pytest.approx((SIDE, SIDE), abs=0.1)
        fine = snapshot.fine.xyz[(snapshot.fine.xyz[:, 2] - depth).abs() < 0.01]
        rgb = snapshot.fine.rgb[(snapshot.fine.xyz[:, 2] - depth).abs() < 0.01]
        channel = 0 if colour == "red" else 2
        square = fine[(rgb[:, channel] > 0.8) & (rgb[:, 2 - channel] < 0.2)]
        assert square[:, :2].abs().max() == pytest.approx(SIDE / 2, abs=0.04)


def test_a_lens_is_worked_out_once_per_calibration_not_per_frame(two_cameras, monkeypatch):
    robots, mapping = two_cameras
    calls = []
    for module, name in ((cv2, "plumb_bob"), (cv2.fisheye, "equidistant")):
        make = module.initUndistortRectifyMap
        monkeypatch.setattr(
            module,
            "initUndistortRectifyMap",
            lambda *arguments, make=make, name=name: (calls.append(name), make(*arguments))[1],
        )
    for step in range(4):
        show(robots["front"], "front", now())
        show(robots["rear"], "rear", now())
        wait_for(lambda: [c.integrated.total for c in mapping.cameras] == [step + 1] * 2)  # noqa: B023 - in the loop
    assert sorted(calls) == ["equidistant", "plumb_bob"]


def test_the_depth_of_one_camera_may_have_a_lens_and_place_of_its_own(two_cameras):
    """The depth camera stands 10 cm beside the colour camera and sees other pixels: each point finds its colour."""
    robots, mapping = two_cameras
    robot = robots["front"]
    depth_info = robot.create_publisher(CameraInfo, "front/depth/camera_info", 10)
    wait_for_each_other(depth_info, mapping)
    robot.tf_static.publish(TFMessage(transforms=[transform("front_camera", "front_depth", 0, (0.1, 0.0, 0.0))]))
    own = camera_info("front_depth", 80, 60, 50.0, [-0.1, 0.01, 0.0, 0.0, 0.0])
    stamp = now()
    rgb, _ = seen_by("front")

    def is_integrated():
        depth_info.publish(own)
        around = [transform("map", "base", stamp + d) for d in (-500_000_000, 500_000_000)]
        robot.tf.publish(TFMessage(transforms=around))
        robot.rgb_info.publish(info_of("front"))
        robot.rgb.publish(image(rgb, "rgb8", "front_camera", stamp))
        robot.depth.publish(image(np.full((60, 80), 2000, np.uint16), "16UC1", "front_depth", stamp))
        return mapping.cameras[0].integrated.total

    wait_for(is_integrated)
    snapshot = mapping.live_map.snapshot()
    assert torch.allclose(snapshot.xyz[:, 2], torch.tensor(2.0), atol=1e-3)
    red = snapshot.fine.xyz[(snapshot.fine.rgb - torch.tensor([1.0, 0.0, 0.0])).abs().amax(dim=1) < 0.2]
    assert red[:, :2].mean(dim=0).tolist() == pytest.approx([0.0, 0.0], abs=0.02)
    assert red[:, :2].abs().max() == pytest.approx(SIDE / 2, abs=0.05)

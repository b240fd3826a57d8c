"""Both nodes on real topics: frames of every kind go in, and answers come out while they do."""

import time

import numpy as np
import pytest
import torch
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from fakes import FakeExtractor, FakeLocalizer
from locate3d_msgs.srv import Localize
from robot import (
    HEIGHT,
    WALL,
    WIDTH,
    Listener,
    Robot,
    assert_red_square,
    camera_info,
    compressed,
    drops,
    image,
    integrated,
    now,
    spinning,
    transform,
    wait_for,
    wait_for_each_other,
    wall_rgb,
)
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import SetBool
from tf2_msgs.msg import TFMessage

from locate3d_ros.build import build_extractor
from locate3d_ros.config import Config

RESPONSE = Localize.Response


@pytest.mark.parametrize(
    ("types", "rgb", "depth"),
    [
        ((CompressedImage, CompressedImage), "jpeg", "png"),
        ((CompressedImage, Image), "jpeg", "32FC1"),
        ((Image, Image), "bgr8", "16UC1"),
    ],
)
def test_every_kind_of_image_topic_is_understood(start, types, rgb, depth):
    robot, mapping, _ = start(robot_options={"image_types": types})
    bgr = wall_rgb()[:, :, ::-1].copy()
    millimetres = np.full((HEIGHT, WIDTH), WALL * 1000, np.uint16)
    rgbs = {"jpeg": lambda: compressed(bgr, ".jpg", "jpeg"), "bgr8": lambda: image(bgr, "bgr8")}
    depths = {
        "png": lambda: compressed(millimetres, ".png", "16UC1; png compressed"),
        "32FC1": lambda: image((millimetres / 1000).astype(np.float32), "32FC1"),
        "16UC1": lambda: image(millimetres, "16UC1"),
    }
    robot.see(rgb=rgbs[rgb](), depth=depths[depth]())
    wait_for(lambda: integrated(mapping) == 1)
    assert_red_square(robot.ask("red").instances[0])


def test_a_driver_that_comes_back_with_another_image_type_is_followed(start, new_context):
    robot, mapping, _ = start(robot_options={"context": new_context()})
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    robot.destroy_publisher(robot.rgb)
    with spinning(Robot((CompressedImage, Image), context=new_context())) as driver:
        wait_for(lambda: (mapping.cameras[0].rgb.kind or [None])[0] is CompressedImage)
        driver.wait_for_mapping(mapping)
        driver.see(rgb=compressed(wall_rgb()[:, :, ::-1].copy(), ".jpg", "jpeg"))
        wait_for(lambda: integrated(mapping) == 2)


def test_depth_with_its_own_camera_takes_its_place_from_tf(start):
    robot, mapping, _ = start()
    depth_info = robot.create_publisher(CameraInfo, "depth/camera_info", 10)
    wait_for_each_other(depth_info, mapping)
    stamp = now()
    # The depth camera stands 0.5 m behind the colour camera: what it sees at 2.5 m is at 2 m in the map.
    robot.tf_static.publish(TFMessage(transforms=[transform("camera", "depth_camera", 0, (0.0, 0.0, -0.5))]))
    depth_info.publish(camera_info("depth_camera", width=80, height=60, focal=40.0))
    millimetres = np.full((60, 80), 2500, np.uint16)
    time.sleep(0.2)
    robot.see(depth=image(millimetres, "16UC1", "depth_camera"), stamp=stamp)
    wait_for(lambda: integrated(mapping) == 1)
    assert_red_square(robot.ask("red").instances[0])


def test_depth_with_a_camera_that_tf_does_not_place_is_dropped(start):
    robot, mapping, _ = start()
    depth_info = robot.create_publisher(CameraInfo, "depth/camera_info", 10)
    wait_for_each_other(depth_info, mapping)
    depth_info.publish(camera_info("depth_camera"))
    time.sleep(0.2)
    robot.see(depth=image(np.full((HEIGHT, WIDTH), 2000, np.uint16), "16UC1", "depth_camera"))
    wait_for(lambda: drops(mapping).get("no transform") == 1)
    assert integrated(mapping) == 0


def test_late_transforms_are_waited_for_and_missing_ones_are_reported(start):
    robot, mapping, _ = start(mapping__tf_timeout=1.0)
    stamp = now()
    robot.rgb_info.publish(camera_info())
    robot.rgb.publish(image(wall_rgb(), "rgb8", stamp=stamp))
    robot.depth.publish(image(np.full((HEIGHT, WIDTH), 2000, np.uint16), "16UC1", stamp=stamp))
    time.sleep(0.4)
    assert integrated(mapping) == 0
    robot.stand(stamp=stamp)
    wait_for(lambda: integrated(mapping) == 1)
    robot.rgb.publish(image(wall_rgb(), "rgb8", "lost", stamp))
    robot.depth.publish(image(np.full((HEIGHT, WIDTH), 2000, np.uint16), "16UC1", stamp=stamp))
    wait_for(lambda: drops(mapping).get("no transform") == 1)
    message = mapping.cameras[0].drops.recent(10)
    assert "map <- lost" in message
    assert "nobody publishes lost" in message
    assert integrated(mapping) == 1


def test_requests_are_served_while_mapping_goes_on(start):
    robot, mapping, _ = start(extractor=FakeExtractor(lambda _: time.sleep(0.5)), mapping__keyframe_interval=0.0)
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    seconds = []
    for _ in range(5):
        robot.see()
        started = time.monotonic()
        assert robot.ask("red").status == RESPONSE.FOUND
        seconds.append(time.monotonic() - started)
    # Most, not all: the computer may have other work at any one moment.
    assert sorted(seconds)[2] < 0.3
    wait_for(lambda: integrated(mapping) == 6)


def test_mapping_goes_on_while_a_request_is_slow(start):
    robot, mapping, _ = start(localizer=FakeLocalizer(on_answer=lambda _: time.sleep(1.5)))
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    future = robot._localize.call_async(Localize.Request(text="red"))
    for count in (2, 3):
        robot.see()
        wait_for(lambda: integrated(mapping) == count, timeout=1.0)  # noqa: B023 - called within the loop
    assert not future.done()
    wait_for(future.done)


def test_a_deadline_is_kept(start):
    robot, mapping, _ = start(localizer=FakeLocalizer(on_answer=lambda _: time.sleep(1.0)))
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    assert robot.ask("red", timeout=0.2).status == RESPONSE.TIMEOUT
    assert robot.ask("red").status == RESPONSE.FOUND


def test_a_paused_node_ignores_frames_until_it_goes_on(start):
    robot, mapping, _ = start(autostart=False)
    robot.see()
    time.sleep(0.5)
    assert integrated(mapping) == 0
    assert robot.request(SetBool, "mapping/pause", data=False).success
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    assert robot.request(SetBool, "mapping/pause", data=True).success
    robot.see()
    time.sleep(0.5)
    assert integrated(mapping) == 1
    assert robot.ask("red").status == RESPONSE.FOUND


def test_several_cameras_have_their_own_topics(start):
    robot, mapping, _ = start(cameras=["front", "rear"], robot_options={"start": "rear/"})
    robot.see()
    wait_for(lambda: integrated(mapping, camera=1) == 1)
    assert integrated(mapping, camera=0) == 0
    assert robot.ask("red").status == RESPONSE.FOUND


def test_diagnostics_name_the_cause(start):
    robot, mapping, _ = start()
    heard = Listener(robot, DiagnosticArray, "/diagnostics", 10)

    def status(name, word):
        matching = lambda array: any(s.name == name and word in s.message for s in array.status)  # noqa: E731
        array = heard.newest(matching)
        return next(s for s in array.status if s.name == name and word in s.message)

    name = "/locate3d/mapping: camera"
    assert status(name, "no images on /locate3d/rgb/image").level == b"\x03"
    stamp = now()
    robot.rgb.publish(image(wall_rgb(), "rgb8", stamp=stamp))
    robot.depth.publish(image(np.full((HEIGHT, WIDTH), 2000, np.uint16), "16UC1", stamp=stamp))
    assert status(name, "waiting for /locate3d/rgb/camera_info").level == b"\x01"
    robot.rgb_info.publish(camera_info())
    robot.rgb.publish(image(wall_rgb(), "rgb8", "lost", stamp=stamp + 1))
    robot.depth.publish(image(np.full((HEIGHT, WIDTH), 2000, np.uint16), "16UC1", stamp=stamp + 1))
    found = status(name, "no transform map <- lost")
    assert found.level == b"\x02"
    assert {pair.key: pair.value for pair in found.values}["TF failures"] == "1"
    assert status("/locate3d/localization: requests", "no map").level == b"\x00"
    assert status("/locate3d/mapping: map", "ok").values


def test_parameters_carry_their_descriptions_and_cannot_be_changed_in_vain(start):
    _, mapping, localization = start()
    descriptor = mapping.describe_parameter("mapping.tf_timeout")
    assert "seconds" in descriptor.description
    assert descriptor.read_only
    assert mapping.get_parameter("mapping.tf_timeout").value == 0.4
    assert not mapping.has_parameter("localization.min_score")
    assert localization.has_parameter("localization.min_score")


def test_simulated_time_is_followed_and_its_jump_back_forgets_old_poses(start):
    robot, mapping, _ = start(use_sim_time=True)
    clock = robot.create_publisher(Clock, "/clock", 10)
    wait_for(lambda: clock.get_subscription_count() >= 2)
    for second, count in ((1000, 1), (5, 2)):
        clock.publish(Clock(clock=Time(sec=second)))
        wait_for(lambda: mapping.get_clock().now().nanoseconds == second * 10**9)  # noqa: B023 - within the loop
        robot.see(stamp=second * 10**9)
        wait_for(lambda: integrated(mapping) == count)  # noqa: B023 - within the loop
    wait_for(lambda: robot.ask("red").map_revision == 2)  # requests are answered from the newest prepared state
    reply = robot.ask("red")
    assert reply.status == RESPONSE.FOUND
    assert reply.map_stamp.sec == 5
    robot.rgb.publish(image(wall_rgb(), "rgb8", stamp=1000 * 10**9))
    robot.depth.publish(image(np.full((HEIGHT, WIDTH), 2000, np.uint16), "16UC1", stamp=1000 * 10**9))
    wait_for(lambda: drops(mapping).get("no transform") == 1)


def test_the_embedded_extractor_feeds_the_live_map(start):
    extractor = build_extractor(Config(), torch.device("cpu"))
    robot, mapping, _ = start(extractor=extractor)
    robot.see()
    wait_for(lambda: integrated(mapping) == 1, timeout=20)
    snapshot = mapping.live_map.snapshot()
    assert {name: table.shape[1] for name, table in snapshot.features.items()} == dict(extractor.slots)
    assert snapshot.has_features.any()
    assert_red_square(robot.ask("red").instances[0])

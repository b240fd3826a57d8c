"""Both nodes on real topics: frames go in, typed answers come out."""

import time

import numpy as np
import pytest
import torch
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from fakes import FakeExtractor, FakeLocalizer
from geometry_msgs.msg import Point, Pose, Quaternion, Transform, Vector3
from locate3d_msgs.msg import InstanceArray
from locate3d_msgs.srv import ClearRegion, LoadMap, Localize, SaveMap
from robot import (
    HEIGHT,
    WALL,
    WIDTH,
    Listener,
    Robot,
    camera_info,
    compressed,
    image,
    now,
    spinning,
    transform,
    wait_for,
    wait_for_each_other,
    wall_rgb,
)
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header, String
from std_srvs.srv import SetBool, Trigger
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import Marker, MarkerArray

from locate3d_ros.build import build_extractor
from locate3d_ros.config import Config

RESPONSE = Localize.Response


def integrated(mapping, camera=0):
    return mapping.cameras[camera].integrated.total


def drops(mapping):
    return mapping.cameras[0].drops.counts()


def assert_red_square(instance, z=WALL):
    """The red square is 16 pixels wide at 2 m: 0.64 m, in the middle of the view; voxels at its rim are mixed."""
    p, s = instance.pose.position, instance.size
    assert (p.x, p.y, p.z) == pytest.approx((0.0, 0.0, z), abs=0.05)
    assert (s.x, s.y, s.z) == pytest.approx((0.6, 0.6, 0.0), abs=0.1)


def test_an_object_is_found_where_it_is(start):
    robot, mapping, _ = start()
    assert robot.ask("red").status == RESPONSE.MAP_EMPTY
    stamp = now()
    robot.see(stamp=stamp)
    wait_for(lambda: integrated(mapping) == 1)
    reply = robot.ask("the red square")
    assert reply.status == RESPONSE.FOUND
    assert reply.map_revision == 1
    assert abs(reply.map_stamp.sec * 10**9 + reply.map_stamp.nanosec - stamp) < 1000
    assert reply.seconds > 0
    best = reply.instances[0]
    assert best.header.frame_id == "map"
    assert (best.phrase, best.role) == ("the red square", 0)
    assert best.pose.orientation.w == 1.0
    assert_red_square(best)
    points = np.frombuffer(best.points.data, np.dtype([("xyz", "<f4", 3), ("bgr", "u1", 4)]))
    assert len(points) == best.points.width > 20
    assert np.abs(points["xyz"][:, 2] - WALL).max() < 0.05
    assert (points["bgr"][:, 2] > 150).all()


def test_what_is_not_there_is_not_found_and_bad_requests_say_why(start):
    robot, mapping, _ = start()
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    for fields, status, word in [
        ({"text": "a zebra"}, RESPONSE.NOT_FOUND, "zebra"),
        ({"text": "  "}, RESPONSE.BAD_REQUEST, "empty"),
        ({"text": "red", "target_frame": "nowhere"}, RESPONSE.NO_TRANSFORM, "nowhere"),
        ({"text": "red", "min_score": 1.5}, RESPONSE.BAD_REQUEST, "min_score"),
        ({"text": "red", "min_score": float("nan")}, RESPONSE.BAD_REQUEST, "min_score"),
        ({"text": "red", "timeout": float("nan")}, RESPONSE.BAD_REQUEST, "timeout"),
        ({"text": "red", "min_score": 0.95}, RESPONSE.NOT_FOUND, "red"),
    ]:
        reply = robot.ask(**fields)
        assert reply.status == status, (fields, reply)
        assert word in reply.message
        assert not reply.instances


def test_a_reply_comes_in_the_target_frame_with_the_box_turned(start):
    robot, mapping, _ = start()
    robot.see()
    half = float(np.sqrt(0.5))
    arm = transform("map", "arm", 0, (1.0, 0.0, 0.0), (0.0, 0.0, half, half))
    robot.tf_static.publish(TFMessage(transforms=[arm]))
    wait_for(lambda: integrated(mapping) == 1)
    best = wait_for(lambda: robot.ask("red", target_frame="arm").instances)[0]
    assert best.header.frame_id == "arm"
    p, q, s = best.pose.position, best.pose.orientation, best.size
    assert (p.x, p.y, p.z) == pytest.approx((0.0, 1.0, WALL), abs=0.05)
    assert (q.z, q.w) == pytest.approx((-half, half), abs=1e-6)
    assert (s.x, s.y) == pytest.approx((0.6, 0.6), abs=0.1)
    xyz = np.frombuffer(best.points.data, np.dtype([("xyz", "<f4", 3), ("rgb", "<u4")]))["xyz"]
    assert xyz[:, 1].mean() == pytest.approx(1.0, abs=0.05)


def test_a_query_lights_up_every_topic_for_who_comes_late(start):
    robot, mapping, localization = start()
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    query = robot.create_publisher(String, "localization/query", 10)
    wait_for_each_other(query, localization)
    query.publish(String(data="red square"))
    kinds = {
        "instances": InstanceArray,
        "detections": Detection3DArray,
        "markers": MarkerArray,
        "object_points": PointCloud2,
        "picture": Image,
    }
    time.sleep(0.5)
    late = {name: Listener(robot, kind, f"localization/{name}") for name, kind in kinds.items()}
    found = {name: listener.newest() for name, listener in late.items()}
    assert (found["instances"].text, found["instances"].status) == ("red square", InstanceArray.FOUND)
    assert_red_square(found["instances"].instances[0])
    assert found["detections"].header.frame_id == "map"
    assert found["detections"].detections[0].results[0].hypothesis.class_id == "red square"
    assert found["detections"].detections[0].bbox.center.position.z == pytest.approx(WALL, abs=0.05)
    markers = found["markers"].markers
    assert [marker.action for marker in markers] == [Marker.DELETEALL, Marker.ADD, Marker.ADD]
    assert len(markers[1].points) == 24
    assert "red square" in markers[2].text
    assert found["object_points"].width > 20
    picture = found["picture"]
    assert picture.encoding == "rgb8"
    assert len(picture.data) == picture.height * picture.width * 3


def test_an_answer_without_object_clears_the_view(start):
    robot, mapping, _ = start()
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    markers, points = (
        Listener(robot, MarkerArray, "localization/markers"),
        Listener(robot, PointCloud2, "localization/object_points"),
    )
    robot.ask("red")
    markers.newest(lambda message: len(message.markers) == 3)
    robot.ask("zebra")
    assert markers.newest(lambda message: len(message.markers) == 1).markers[0].action == Marker.DELETEALL
    points.newest(lambda message: message.width == 0)


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


def test_a_map_is_saved_cleared_and_loaded_and_a_bad_file_changes_nothing(start, tmp_path):
    robot, mapping, _ = start()
    assert not robot.request(SaveMap, "mapping/save_map", name="early").success
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    saved = robot.request(SaveMap, "mapping/save_map", name="room")
    assert saved.success
    assert saved.path == str(tmp_path / "room.safetensors")
    assert saved.voxels > 100
    assert "overwrite" in robot.request(SaveMap, "mapping/save_map", name="room").message
    assert robot.request(SaveMap, "mapping/save_map", name="room", overwrite=True).success
    assert not robot.request(SaveMap, "mapping/save_map", name="../room").success

    assert robot.request(Trigger, "mapping/clear_map").success
    assert robot.ask("red").status == RESPONSE.MAP_EMPTY
    loaded = robot.request(LoadMap, "mapping/load_map", name="room")
    assert loaded.success
    assert loaded.voxels == saved.voxels
    assert_red_square(robot.ask("red").instances[0])

    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "room.safetensors").read_bytes()[:100])
    for name, merge in [("cut", False), ("cut", True), ("none", False), ("/etc/passwd", False)]:
        refused = robot.request(LoadMap, "mapping/load_map", name=name, merge=merge)
        assert not refused.success
        assert "running map stays" in refused.message
    assert robot.ask("red").status == RESPONSE.FOUND


def test_a_saved_map_is_merged_where_a_transform_puts_it(start):
    robot, mapping, _ = start()
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    saved = robot.request(SaveMap, "mapping/save_map", name="room")
    moved = Transform(translation=Vector3(x=10.0), rotation=Quaternion(w=1.0))
    merged = robot.request(LoadMap, "mapping/load_map", name="room", merge=True, transform=moved)
    assert merged.success, merged.message
    assert merged.voxels == pytest.approx(2 * saved.voxels, rel=0.1)
    half = len([x for x in mapping.live_map.snapshot().xyz[:, 0].tolist() if x > 5.0])
    assert half == pytest.approx(saved.voxels, rel=0.1)
    nothing = Transform(rotation=Quaternion(x=0.0, y=0.0, z=0.0, w=0.0))
    refused = robot.request(LoadMap, "mapping/load_map", name="room", merge=True, transform=nothing)
    assert "quaternion" in refused.message
    assert "running map stays" in refused.message
    robot.see()
    wait_for(lambda: integrated(mapping) == 2)
    assert len(mapping.live_map) == pytest.approx(merged.voxels, rel=0.02)


def region(x=0.0, y=0.0, z=WALL, size=(0.9, 0.9, 0.4), frame_id="map", orientation=None):
    """The fields of a request to clear a box."""
    pose = Pose(position=Point(x=x, y=y, z=z), orientation=orientation or Quaternion(w=1.0))
    return {"header": Header(frame_id=frame_id), "pose": pose, "size": Vector3(x=size[0], y=size[1], z=size[2])}


@pytest.mark.parametrize(("frame_id", "z"), [("map", WALL), ("", WALL), ("gripper", WALL - 1.0)])
def test_a_region_is_forgotten_until_it_is_seen_again(start, frame_id, z):
    robot, mapping, _ = start()
    robot.stand("gripper", position=(0.0, 0.0, 1.0))
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    before = len(mapping.live_map)
    cleared = robot.request(ClearRegion, "mapping/clear_region", **region(z=z, frame_id=frame_id))
    assert cleared.success, cleared.message
    assert 100 < cleared.voxels == before - len(mapping.live_map)
    left = mapping.live_map.snapshot().xyz
    assert not ((left[:, :2].abs() < 0.45).all(dim=1)).any()
    assert robot.ask("red").status == RESPONSE.NOT_FOUND
    robot.see()
    wait_for(lambda: integrated(mapping) == 2)
    assert mapping.live_map.snapshot().has_features.all()
    wait_for(lambda: robot.ask("red").status == RESPONSE.FOUND)


def test_a_turned_region_is_turned(start):
    robot, mapping, _ = start()
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    eighth = Quaternion(z=float(np.sin(np.pi / 8)), w=float(np.cos(np.pi / 8)))
    assert robot.request(ClearRegion, "mapping/clear_region", **region(orientation=eighth)).success
    x, y = mapping.live_map.snapshot().xyz[:, :2].T
    assert not ((x + y).abs() / 2**0.5 < 0.45).logical_and((x - y).abs() / 2**0.5 < 0.45).any()
    assert ((x.abs() < 0.45) & (y.abs() < 0.45)).any()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (region(size=(0.0, 1.0, 1.0)), "size"),
        (region(size=(1.0, float("nan"), 1.0)), "size"),
        (region(x=float("inf")), "finite"),
        (region(orientation=Quaternion(x=0.0, y=0.0, z=0.0, w=0.0)), "quaternion"),
        (region(frame_id="gripper"), "gripper"),
    ],
)
def test_regions_that_are_none_are_refused(start, fields, named):
    robot, mapping, _ = start()
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    before = len(mapping.live_map)
    refused = robot.request(ClearRegion, "mapping/clear_region", **fields)
    assert not refused.success
    assert named in refused.message
    assert "running map stays" in refused.message
    assert len(mapping.live_map) == before


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


def test_the_map_is_published_as_a_cloud(start):
    robot, mapping, _ = start()
    cloud = Listener(robot, PointCloud2, "mapping/map_points")
    robot.see()
    found = cloud.newest()
    assert found.header.frame_id == "map"
    assert [field.name for field in found.fields] == ["x", "y", "z", "rgb"]
    assert found.width == len(mapping.live_map)
    robot.request(Trigger, "mapping/clear_map")
    cloud.newest(lambda message: message.width == 0)


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

"""Requests on real topics: typed answers, in the frame that is asked for, on every topic that shows them."""

import time

import numpy as np
import pytest
from locate3d_msgs.msg import InstanceArray
from locate3d_msgs.srv import Localize
from robot import (
    WALL,
    Listener,
    assert_red_square,
    integrated,
    now,
    transform,
    wait_for,
    wait_for_each_other,
)
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import Marker, MarkerArray

RESPONSE = Localize.Response


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

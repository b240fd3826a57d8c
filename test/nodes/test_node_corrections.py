"""Loop closures and lost localization on real topics: the map follows, or is kept and called stale."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
from rclpy.time import Time
from robot import (
    HEIGHT,
    WALL,
    WIDTH,
    Listener,
    camera_info,
    image,
    now,
    transform,
    wait_for,
    wait_for_each_other,
    wall_rgb,
)
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

SECOND = 1_000_000_000


def drive(robot, stamp, odom_in_map=0.0, base_in_odom=0.0):
    """Publish where everything is at a stamp, along x, and what the camera sees there."""
    chain = [
        transform("map", "odom", stamp, (odom_in_map, 0.0, 0.0)),
        transform("odom", "base_link", stamp, (base_in_odom, 0.0, 0.0)),
        transform("base_link", "camera", stamp),
    ]
    robot.tf.publish(TFMessage(transforms=chain))
    robot.rgb_info.publish(camera_info())
    robot.rgb.publish(image(wall_rgb(), "rgb8", stamp=stamp))
    robot.depth.publish(image(np.full((HEIGHT, WIDTH), WALL * 1000, np.uint16), "16UC1", stamp=stamp))


def mapped(robot, mapping, stamp, **places):
    before = mapping.cameras[0].integrated.total
    drive(robot, stamp, **places)
    wait_for(lambda: mapping.cameras[0].integrated.total == before + 1)


def red(robot):
    """Ask where the red square is."""
    instances = robot.ask("red").instances
    p = instances[0].pose.position if instances else None
    return None if p is None else (p.x, p.y, p.z)


@pytest.fixture
def robot_and_map(start):
    robot, mapping, _ = start(mapping__keyframe_interval=0.0)
    return robot, mapping, now()


def map_status(robot, condition):
    heard = Listener(robot, DiagnosticArray, "/diagnostics", 10)

    def status(message):
        return next((each for each in message.status if each.name.endswith(": map")), None)

    return status(heard.newest(lambda message: status(message) is not None and condition(status(message))))


def test_a_jump_of_the_correction_moves_what_was_mapped(robot_and_map):
    robot, mapping, stamp = robot_and_map
    mapped(robot, mapping, stamp)
    assert red(robot) == pytest.approx((0.0, 0.0, WALL), abs=0.05)
    mapped(robot, mapping, stamp + SECOND // 5, odom_in_map=0.5)
    wait_for(lambda: mapping.corrections.count == 1)
    wait_for(lambda: red(robot) == pytest.approx((0.5, 0.0, WALL), abs=0.06))
    assert map_status(robot, lambda status: True).message == "ok"  # noqa: ARG005


def test_a_corrected_path_moves_what_was_mapped(robot_and_map):
    robot, mapping, stamp = robot_and_map
    mapped(robot, mapping, stamp)
    wrong, right = Path(), Path()
    wrong.header.frame_id, right.header.frame_id = "odom", "map"
    pose = PoseStamped()
    pose.header.stamp = Time(nanoseconds=stamp).to_msg()
    pose.pose.position.x, pose.pose.orientation.w = 0.4, 1.0
    wrong.poses, right.poses = [pose], [pose]
    publisher = robot.create_publisher(Path, "mapping/corrected_path", 10)
    wait_for_each_other(publisher, mapping)
    publisher.publish(wrong)
    publisher.publish(right)
    wait_for(lambda: mapping.corrections.count == 1)
    wait_for(lambda: red(robot) == pytest.approx((0.4, 0.0, WALL), abs=0.06))


def test_a_new_map_frame_keeps_the_map_and_calls_it_stale(robot_and_map):
    robot, mapping, stamp = robot_and_map
    mapped(robot, mapping, stamp)
    drive(robot, stamp + SECOND // 5, odom_in_map=40.0)
    wait_for(lambda: mapping.cameras[0].drops.counts().get("stale map") == 1)
    assert map_status(robot, lambda status: status.message != "ok").message.startswith("the map frame was reset")
    assert red(robot) == pytest.approx((0.0, 0.0, WALL), abs=0.05)
    mapped(robot, mapping, stamp + SECOND, odom_in_map=0.0)  # relocalized
    assert mapping.live_map.revision == 2
    drive(robot, stamp + 2 * SECOND, odom_in_map=40.0)
    wait_for(lambda: mapping.cameras[0].drops.counts().get("stale map") == 2)
    assert robot.request(Trigger, "mapping/clear_map").success
    mapped(robot, mapping, stamp + 3 * SECOND, odom_in_map=40.0)
    wait_for(lambda: red(robot) == pytest.approx((40.0, 0.0, WALL), abs=0.06))

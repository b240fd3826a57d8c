"""Says aloud where the tests of the nodes cannot run."""

import importlib.util

import pytest


def test_ros_is_there_for_the_tests_of_the_nodes():
    if importlib.util.find_spec("rclpy") is None:
        pytest.skip("rclpy is not installed: run `make setup`, or source a ROS 2 distribution")
    import locate3d_msgs.srv

    assert locate3d_msgs.srv.Localize.Response.FAILED == 8

"""Real ROS in every test: an own domain on this machine alone, and small stand-ins for the slow parts."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import warnings
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HAS_ROS = importlib.util.find_spec("rclpy") is not None

os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("ROS_LOG_DIR", tempfile.mkdtemp(prefix="locate3d-ros-log-"))

if HAS_ROS:
    with warnings.catch_warnings():
        # rclpy's parser of message definitions, lark, imports modules that Python has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        import rclpy

collect_ignore = [] if HAS_ROS else [path.name for path in HERE.glob("test_*.py")]


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.ros)


@pytest.fixture(scope="session")
def ros():
    """rclpy, initialised once."""
    if not HAS_ROS:
        pytest.skip("rclpy is not installed: run `make setup`, or source a ROS 2 distribution")
    rclpy.init()
    yield
    rclpy.try_shutdown()

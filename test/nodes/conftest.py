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
        # The parser of message definitions, lark, imports modules that Python has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        import rclpy
        import rosidl_generator_py  # noqa: F401 - what rclpy imports once the first node is made

# Without ROS the other files cannot even be imported; this one says so.
TELLS = "test_node_ros_present.py"
collect_ignore = [] if HAS_ROS else [path.name for path in HERE.glob("test_*.py") if path.name != TELLS]


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.ros)


@pytest.fixture(scope="session")
def ros():
    """rclpy, initialised once."""
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def start(ros, tmp_path):  # noqa: ARG001 - initialises rclpy
    """Start both nodes with stand-ins, and a robot; returns (robot, mapping node, localization node)."""
    import contextlib

    from fakes import FakeExtractor, FakeLocalizer
    from rclpy.parameter import Parameter
    from robot import Robot, spinning

    from locate3d_ros.nodes.localization_node import LocalizationNode
    from locate3d_ros.nodes.mapping_node import MappingNode
    from locate3d_ros.nodes.runner import running

    with contextlib.ExitStack() as stack:

        def start(localizer=None, extractor=None, robot_options=None, **parameters):
            values = {
                "map_directory": str(tmp_path),
                "localization.encode_min_interval": 0.0,
                "mapping.tf_timeout": 0.4,
            }
            values |= {name.replace("__", "."): value for name, value in parameters.items()}
            overrides = [Parameter(name, value=value) for name, value in values.items()]
            mapping = MappingNode(lambda *_: extractor or FakeExtractor(), parameter_overrides=overrides)
            localization = LocalizationNode(
                mapping.live_map, lambda *_: localizer or FakeLocalizer(), parameter_overrides=overrides
            )
            stack.enter_context(running([mapping, localization]))
            robot = stack.enter_context(spinning(Robot(**(robot_options or {}))))
            robot.wait_for_mapping(mapping)
            return robot, mapping, localization

        yield start


@pytest.fixture
def new_context(ros):  # noqa: ARG001 - initialises rclpy
    """Make contexts, each as separate from the others as a process of its own."""
    contexts = []

    def make():
        contexts.append(rclpy.Context())
        rclpy.init(context=contexts[-1])
        return contexts[-1]

    yield make
    for context in contexts:
        rclpy.try_shutdown(context=context)

"""Launch files and the RViz view: what they name exists."""

import ast
import importlib.util
from pathlib import Path

import pytest
import yaml

from locate3d_ros.nodes import camera_input

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCH_FILES = sorted((REPOSITORY / "launch").glob("*.launch.py"))
HAS_LAUNCH = importlib.util.find_spec("launch_ros") is not None


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_launch_files_compile_and_start_executables_that_are_modules(path):
    tree = ast.parse(path.read_text())
    names = [
        word.value.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for word in call.keywords
        if word.arg == "executable" and isinstance(word.value, ast.Constant)
    ]
    assert names
    for name in names:
        assert name == "rviz2" or (REPOSITORY / "locate3d_ros" / "nodes" / f"{name}.py").is_file()


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
@pytest.mark.skipif(not HAS_LAUNCH, reason="launch_ros is not on wheels; it comes with a ROS 2 distribution")
def test_launch_files_describe_a_launch(path):
    spec = importlib.util.spec_from_file_location("launch_file", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.generate_launch_description().entities


def test_the_launch_file_remaps_every_input_topic():
    text = (REPOSITORY / "launch" / "locate3d.launch.py").read_text()
    source = Path(camera_input.__file__).read_text()
    for topic in ("rgb/image", "rgb/camera_info", "depth/image", "depth/camera_info"):
        assert f'"{topic}"' in text
        assert topic in source


def test_rviz_shows_topics_that_the_nodes_publish():
    view = yaml.safe_load((REPOSITORY / "rviz" / "locate3d.rviz").read_text())
    topics = {d["Topic"]["Value"] for d in view["Visualization Manager"]["Displays"] if "Topic" in d}
    published = {"mapping/map_points", "localization/markers", "localization/object_points", "localization/picture"}
    assert topics == {f"/locate3d/{name}" for name in published}
    sources = "".join(path.read_text() for path in (REPOSITORY / "locate3d_ros" / "nodes").glob("*.py"))
    for name in published:
        assert f'"~/{name.split("/")[1]}"' in sources

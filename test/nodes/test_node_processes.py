"""Nodes as processes of their own: discovery, parameters from the command line, orderly ends."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from fakes import FakeExtractor
from locate3d_msgs.srv import Localize
from robot import HEIGHT, WALL, WIDTH, Robot, spinning, wait_for, wall_rgb

from locate3d_ros.config import MappingConfig
from locate3d_ros.mapping.map_file import save_map
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import Frame, Intrinsics

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]


@contextmanager
def process(*command, log):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(HERE))), "OMP_NUM_THREADS": "1"}
    with log.open("w") as file:
        started = subprocess.Popen([sys.executable, *map(str, command)], env=environment, stdout=file, stderr=file)
        try:
            yield started
        finally:
            started.kill()
            started.wait()


def saved_map(path, depth):
    voxel_map = VoxelFeatureMap(MappingConfig(), FakeExtractor(), torch.device("cpu"))
    camera = Intrinsics(50.0, 50.0, 31.5, 23.5, WIDTH, HEIGHT)
    rgb, depths = torch.from_numpy(wall_rgb()), torch.full((HEIGHT, WIDTH), depth)
    voxel_map.add(Frame(rgb, depths, camera, torch.eye(4, dtype=torch.float64), 1.0))
    save_map(voxel_map.snapshot(), path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_robot_in_another_process_is_served_until_a_signal(ros, tmp_path, number):  # noqa: ARG001
    log = tmp_path / "log"
    with process(HERE / "stand_in_node.py", "locate3d_node", "--ros-args", "-p", "threads:=1", log=log) as node:
        with spinning(Robot()) as robot:
            robot.wait_for_mapping()

            def is_found():
                robot.see()
                return robot.ask("red").status == Localize.Response.FOUND

            wait_for(is_found, 10)
        node.send_signal(number)
        assert node.wait(15) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_localization_node_alone_follows_its_map_file(ros, tmp_path):  # noqa: ARG001
    path, log = tmp_path / "map.safetensors", tmp_path / "log"
    arguments = ("localization_node", "--ros-args", "-p", f"map_file:={path}")
    with process(HERE / "stand_in_node.py", *arguments, log=log), spinning(Robot()) as robot:
        assert robot._localize.wait_for_service(30)
        reply = robot.ask("red")
        assert reply.status == Localize.Response.MAP_EMPTY
        assert str(path) in reply.message

        def found_depth():
            found = robot.ask("red").instances
            return round(found[0].pose.position.z, 1) if found else None

        saved_map(path, WALL)
        wait_for(lambda: found_depth() == 2.0, 10)
        saved_map(path, 3.0)
        wait_for(lambda: found_depth() == 3.0, 10)
        path.write_bytes(b"no map")
        wait_for(lambda: "running map stays" in log.read_text(), 10)
        assert found_depth() == 3.0


def test_a_recording_is_played_to_the_nodes(ros, start, tmp_path):  # noqa: ARG001
    folder = tmp_path / "recording"
    folder.mkdir()
    camera = {"fx": 50.0, "fy": 50.0, "cx": 31.5, "cy": 23.5, "width": WIDTH, "height": HEIGHT}
    (folder / "camera.json").write_text(json.dumps({"color": camera}))
    for number in range(3):
        cv2.imwrite(str(folder / f"{number:06d}.color.png"), wall_rgb()[:, :, ::-1])
        cv2.imwrite(str(folder / f"{number:06d}.depth.png"), np.full((HEIGHT, WIDTH), 2000, np.uint16))
        np.savetxt(folder / f"{number:06d}.pose.txt", np.eye(4))
    robot, mapping, _ = start(map_frame="world", mapping__tf_timeout=2.0)
    for topic in (robot.rgb, robot.depth, robot.rgb_info):
        robot.destroy_publisher(topic)
    command = ("-m", "locate3d_ros.nodes.play_recording", folder, "--rate", 10)
    with process(*command, log=tmp_path / "log") as player:
        assert player.wait(40) == 0, (tmp_path / "log").read_text()
    wait_for(lambda: mapping.cameras[0].integrated.total >= 1)
    best = robot.ask("red", target_frame="camera_optical_frame").instances[0]
    assert best.pose.position.z == pytest.approx(WALL, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-p", "mapping.voxel_size:=-1.0"], ["mapping.voxel_size", "-1.0", "above 0"]),
        (["--params-file", "/nowhere.yaml"], ["/nowhere.yaml"]),
    ],
)
def test_wrong_parameters_end_the_node_with_one_line(tmp_path, arguments, words):
    log = tmp_path / "log"
    with process(HERE / "stand_in_node.py", "locate3d_node", "--ros-args", *arguments, log=log) as node:
        assert node.wait(30) == 2, log.read_text()
    output = log.read_text()
    assert "Traceback" not in output
    assert all(word in output.splitlines()[-1] for word in words), output

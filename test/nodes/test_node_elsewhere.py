"""A localization node in a process of its own answers from the mapping node's map as the one beside it does."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from locate3d_msgs.msg import FeatureMap
from locate3d_msgs.srv import LoadMap, Localize
from robot import WALL, Listener, Robot, spinning, wait_for
from std_srvs.srv import Trigger

from locate3d_ros.data.recordings import load_recording
from locate3d_ros.pipeline import Locate3D

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
RESPONSE = Localize.Response


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


def elsewhere(robot, text):
    return robot.call(robot.client(Localize, "elsewhere/localize"), Localize.Request(text=text), 20.0)


ELSEWHERE = ("--ros-args", "-r", "__node:=elsewhere")


def test_the_map_reaches_another_process_whole_and_then_in_changes(start, tmp_path):
    robot, mapping, _ = start(mapping__feature_map_interval=0.1)
    log = tmp_path / "log"
    heard = Listener(robot, FeatureMap, "mapping/feature_map")
    with process(HERE / "stand_in_node.py", "localization_node", *ELSEWHERE, log=log):
        client = robot.create_client(Localize, "elsewhere/localize")
        assert client.wait_for_service(30)
        assert "feature_map" in elsewhere(robot, "red").message
        robot.see()
        best = wait_for(lambda: elsewhere(robot, "red").instances, 10)[0]
        assert best.pose.position.z == pytest.approx(WALL, abs=0.05)
        whole = heard.newest(lambda message: message.base_revision == 0)
        assert (list(whole.slot_names), list(whole.slot_widths)) == (["image"], [2])
        assert (whole.header.frame_id, whole.digest) == ("map", "0" * 64)
        for revision in (2, 3, 4):
            robot.see()
            wait_for(lambda: elsewhere(robot, "red").map_revision == revision, 10)  # noqa: B023 - in the loop
        change = heard.newest(lambda message: message.base_revision > 0)
        assert change.revision > change.base_revision
        here = robot.ask("red").instances[0]
        there = elsewhere(robot, "red").instances[0]
        assert (there.size.x, there.score) == pytest.approx((here.size.x, here.score), abs=1e-4)
        assert robot.request(Trigger, "mapping/clear_map").success
        wait_for(lambda: elsewhere(robot, "red").status == RESPONSE.MAP_EMPTY, 10)
    assert "Traceback" not in log.read_text()
    assert mapping.live_map.revision == 5


def test_who_comes_late_gets_the_whole_map(start):
    robot, mapping, _ = start(mapping__feature_map_interval=0.1)
    early = Listener(robot, FeatureMap, "mapping/feature_map")
    for count in (1, 2):
        robot.see()
        early.newest(lambda message: message.revision == count)  # noqa: B023 - called within the loop
    early.newest(lambda message: message.base_revision == 1)
    late = Listener(robot, FeatureMap, "mapping/feature_map")
    assert late.newest(lambda message: message.base_revision == 0).revision == 2
    assert mapping.live_map.revision == 2


def test_real_models_give_the_same_answers_in_both_processes(ros, tmp_path):  # noqa: ARG001
    model = Locate3D.create(threads=1)
    recording = load_recording(REPOSITORY / "locate3d_ros" / "data" / "demo_room" / "recording")
    for number, frame in enumerate(recording):
        if number % 6 == 0:
            model.add(frame)
    model.save(tmp_path / "room.safetensors")
    logs = tmp_path / "here", tmp_path / "there"
    parameters = ("-p", f"map_directory:={tmp_path}", "-p", "threads:=1")
    beside = ("-m", "locate3d_ros.nodes.locate3d_node", "--ros-args", *parameters)
    alone = ("-m", "locate3d_ros.nodes.localization_node", *ELSEWHERE, *parameters)
    with process(*beside, log=logs[0]), process(*alone, log=logs[1]), spinning(Robot()) as robot:
        load = robot.create_client(LoadMap, "mapping/load_map")
        assert load.wait_for_service(40)
        loaded = robot.call(load, LoadMap.Request(name="room"))
        assert loaded.success, loaded.message
        assert robot._localize.wait_for_service(40)
        wait_for(lambda: elsewhere(robot, "the chair").status == RESPONSE.FOUND, 40)
        for text in ("the chair", "the white mug", "a zebra"):
            here, there = robot.ask(text), elsewhere(robot, text)
            assert (here.status, len(here.instances)) == (there.status, len(there.instances)), text
            for one, two in zip(here.instances, there.instances, strict=True):
                assert (one.phrase, one.role) == (two.phrase, two.role)
                assert one.score == pytest.approx(two.score, abs=1e-3)
                for place in ("x", "y", "z"):
                    assert getattr(one.pose.position, place) == pytest.approx(
                        getattr(two.pose.position, place), abs=1e-3
                    )

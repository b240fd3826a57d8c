"""A compressed map in the mapping node, and answers from it in a localization node elsewhere."""

import pytest
import torch
from fakes import FakeExtractor, FakeLocalizer
from locate3d_msgs.msg import FeatureMap
from locate3d_msgs.srv import LoadMap, Localize, SaveMap
from rclpy.parameter import Parameter
from robot import Listener, wait_for

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.compression import compressed, digest_of, fit_projections
from locate3d_ros.mapping.map_file import load_map, save_map
from locate3d_ros.nodes.localization_node import LocalizationNode
from locate3d_ros.nodes.mapping_node import MappingNode
from locate3d_ros.nodes.runner import running

RESPONSE = Localize.Response


def compress(path, target):
    whole = load_map(path, FakeExtractor())
    small = compressed(whole, fit_projections(whole, 2))
    save_map(small, target)
    return small


def seen_and_saved(robot, folder):
    robot.see()
    wait_for(lambda: robot.ask("red").status == RESPONSE.FOUND)
    assert robot.request(SaveMap, "mapping/save_map", name="whole").success
    return compress(folder / "whole.safetensors", folder / "small.safetensors")


def test_a_node_elsewhere_answers_from_the_compressed_map(start, tmp_path):
    robot, mapping, _ = start(mapping__feature_map_interval=0.1)
    small = seen_and_saved(robot, tmp_path)
    heard = Listener(robot, FeatureMap, "mapping/feature_map")
    reply = robot.request(LoadMap, "mapping/load_map", name="small")
    assert reply.success, reply.message
    elsewhere = LocalizationNode(
        None,
        lambda *_: FakeLocalizer(),
        lambda *_: FakeExtractor(),
        cli_args=["--ros-args", "-r", "__node:=elsewhere"],
        parameter_overrides=[Parameter("localization.encode_min_interval", value=0.0)],
    )
    with running([elsewhere]):
        client = robot.create_client(Localize, "elsewhere/localize")
        wait_for(lambda: robot.call(client, Localize.Request(text="red"), 10.0).status == RESPONSE.FOUND, 10)
        remote = elsewhere._source.snapshot()
        assert digest_of(remote.projections) == digest_of(small.projections) != ""
        assert {name: values.shape[1] for name, values in remote.features.items()} == {"image": 1}
        whole = heard.newest(lambda message: message.base_revision == 0 and list(message.slot_widths) == [1])
        assert list(whole.slot_names) == ["image"]
        robot.see()  # goes into the compressed map
        wait_for(lambda: elsewhere._source.revision > remote.revision, 10)
        assert elsewhere._source.snapshot().features["image"].shape[1] == 1
    assert mapping.live_map.snapshot().features["image"].shape[1] == 1


def test_the_live_map_is_compressed_from_the_start(start, tmp_path):
    robot, _, _ = start()
    seen_and_saved(robot, tmp_path)
    with pytest.raises(InputError, match="is not compressed"):
        mapping_with(tmp_path / "whole.safetensors")
    mapping = mapping_with(tmp_path / "small.safetensors")
    snapshot = mapping.live_map.snapshot()
    mapping.destroy_node()
    assert {name: values.shape for name, values in snapshot.features.items()} == {"image": torch.Size((0, 1))}


def mapping_with(path):
    return MappingNode(
        lambda *_: FakeExtractor(),
        cli_args=["--ros-args", "-r", "__node:=another"],
        parameter_overrides=[Parameter("mapping.compression", value=str(path))],
    )

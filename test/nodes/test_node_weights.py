"""Weight files that are missing: the node says which, and begins once they are there."""

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from fakes import FakeExtractor, FakeLocalizer
from robot import Listener, Robot, spinning

from locate3d_ros.errors import InputError
from locate3d_ros.nodes import waiting
from locate3d_ros.nodes.localization_node import LocalizationNode
from locate3d_ros.nodes.mapping_node import MappingNode
from locate3d_ros.weights.catalog import CLIP, entry
from locate3d_ros.weights.store import WeightsError, WeightStore


def missing_until(attempts, made):
    """What makes a part at the last of so many attempts, and looks for a weight file in an empty folder before."""
    tried = []

    def make(config, _):
        tried.append(config)
        if len(tried) < attempts:
            WeightStore("/nowhere").require(entry(CLIP))
        return made

    return make


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(waiting, "LOOK_PERIOD", 0.2)
    yield
    waiting.ENDING.clear()


def test_missing_weights_are_named_in_diagnostics_and_waited_for(ros):  # noqa: ARG001
    with spinning(Robot()) as robot:
        heard = Listener(robot, DiagnosticArray, "/diagnostics", 10)
        for node, part in (
            (lambda make: MappingNode(make), FakeExtractor()),
            (lambda make: LocalizationNode(None, make, lambda *_: FakeExtractor()), FakeLocalizer()),
        ):
            made = node(missing_until(10, part))
            name = f"{made.get_fully_qualified_name()}: weights"
            told = heard.newest(lambda array: any(each.name == name for each in array.status))  # noqa: B023 - in the loop
            status = told.status[0]
            assert status.level == b"\x02"
            for word in (CLIP, "huggingface.co", "/nowhere/", "locate3d weights fetch"):
                assert word in status.message
            made.destroy_node()


def test_who_is_told_to_end_waits_no_longer(ros):  # noqa: ARG001
    waiting.ENDING.set()
    with pytest.raises(WeightsError, match=CLIP):
        MappingNode(missing_until(3, FakeExtractor()))


def test_other_wrong_input_is_not_waited_for():
    def make():
        raise InputError("quality = 'best': unknown")

    with pytest.raises(InputError, match="best"):
        waiting.with_weights(make, lambda _: pytest.fail("waited"))

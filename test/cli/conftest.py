"""A small recording, and stand-ins for the parts that need weights."""

from __future__ import annotations

import sys
import types

import cli_parts
import pytest
from recording_writers import write_plain

from locate3d_ros.pipeline import Locate3D


@pytest.fixture(autouse=True)
def stub_parts(monkeypatch):
    module = types.ModuleType("locate3d_ros.build")
    module.build = cli_parts.build
    monkeypatch.setitem(sys.modules, "locate3d_ros.build", module)


@pytest.fixture
def recording(tmp_path):
    return write_plain(tmp_path / "recording", frame_id="hall")


@pytest.fixture
def no_work(monkeypatch):
    """Fail the test if the long work begins."""

    def begin(*_: object, **__: object) -> None:
        raise AssertionError("the long work began")

    monkeypatch.setattr(Locate3D, "create", begin)

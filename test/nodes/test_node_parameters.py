"""Parameters come from the dataclasses and refuse what cannot be."""

from pathlib import Path

import pytest
import yaml

from locate3d_ros.errors import InputError
from locate3d_ros.nodes.parameters import NodeConfig, parameter_fields, read_overrides

REPOSITORY = Path(__file__).resolve().parents[2]

PUBLIC = {
    "map_frame": "map",
    "base_frame": "base_link",
    "cameras": (),
    "backend": "embedded",
    "model": "auto",
    "quality": "fast",
    "device": "auto",
    "threads": 0,
    "autostart": True,
    "mapping.voxel_size": 0.05,
}


def read(**values):
    return read_overrides({name.replace("__", "."): value for name, value in values.items()}, NodeConfig(), bool)


def test_public_parameters_have_their_names_defaults_and_descriptions():
    fields = {each.name: each for each in parameter_fields(NodeConfig())}
    for name, default in PUBLIC.items():
        assert fields[name].default == default
    for name in ("map_directory", "mapping.memory_mb", "mapping.min_depth", "mapping.max_depth", "mapping.tf_timeout"):
        assert name in fields
    for name in ("min_score", "max_instances", "timeout", "encode_min_interval"):
        assert f"localization.{name}" in fields
    assert all(each.description for each in fields.values())


def test_overrides_reach_nested_fields_in_their_type():
    config = read(mapping__max_depth=3, cameras=["front", "rear"], threads=2)
    assert config.mapping.max_depth == 3.0
    assert isinstance(config.mapping.max_depth, float)
    assert config.cameras == ("front", "rear")
    assert config.threads == 2


def test_an_empty_list_of_cameras_may_be_written_in_either_way():
    assert read(cameras=[""]).cameras == ()
    assert read(cameras=None).cameras == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mapping__voxel_size": -0.1}, ["mapping.voxel_size", "-0.1", "above 0"]),
        ({"mapping__voxel_size": "big"}, ["mapping.voxel_size", "'big'", "number"]),
        ({"mapping__tf_timeout": -1.0}, ["mapping.tf_timeout", "-1.0", "0.0 or more"]),
        ({"mapping__voxelsize": 0.1}, ["mapping.voxelsize", "unknown", "mapping.voxel_size"]),
        ({"localization__min_score": 1.5}, ["localization.min_score", "1.5", "[0, 1]"]),
        ({"quality": "best"}, ["quality", "'best'", "paper, fast"]),
        ({"threads": True}, ["threads", "True", "int"]),
        ({"autostart": "yes"}, ["autostart", "'yes'", "bool"]),
        ({"map_frame": " "}, ["map_frame", "empty"]),
        ({"cameras": ["a", "a"]}, ["cameras", "distinct"]),
        ({"cameras": ["no spaces please"]}, ["cameras", "prefixes"]),
        ({"cameras": [1]}, ["cameras", "list of strings"]),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_with_name_value_and_mend(values, words):
    with pytest.raises(InputError) as caught:
        read(**values)
    message = str(caught.value)
    assert message.startswith("parameter ")
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("path", sorted((REPOSITORY / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_parameter_file_holds_known_overrides_only(path):
    sections = yaml.safe_load(path.read_text())
    defaults = {each.name: each.default for each in parameter_fields(NodeConfig())}
    for section in sections.values():
        values = _flat(section["ros__parameters"])
        read_overrides(values, NodeConfig(), bool)
        same = [name for name, value in values.items() if value == defaults[name]]
        assert not same, f"not overrides, but defaults: {same}"


def test_the_documentation_lists_every_parameter_with_its_default():
    page = (REPOSITORY / "docs" / "ros.md").read_text()
    rows = [_row(each) for each in parameter_fields(NodeConfig())]
    assert all(row in page for row in rows), "the table in docs/ros.md must be:\n" + "\n".join(rows)


def _row(field):
    default = {"": '""', True: "true", False: "false", (): "[]"}.get(field.default, field.default)
    if isinstance(field.default, int | float) and not isinstance(field.default, bool):
        default = field.default
    return f"| `{field.name}` | `{default}` | {field.description} |"


def _flat(values, prefix=""):
    flat = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat

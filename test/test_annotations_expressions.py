"""Files of grounded expressions: what is written is read, and what is wrong is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from locate3d_ros import data
from locate3d_ros.data.annotations import GroundedExpression, Span, read_expressions, write_expressions
from locate3d_ros.errors import InputError

MUG = GroundedExpression(
    text="the mug on the café table",
    tokens=("the", "mug", "on", "the", "café", "table"),
    spans=(Span((0, 1), (3,)), Span((3, 4, 5), (1, 2))),
    target_ids=(3,),
    scene_id="home_1",
    kind="relation",
)
ABSENT = GroundedExpression("a bear", ("a", "bear"), (), (), "home_1", "absent")
ENTRY = {
    "text": "the mug",
    "tokens": ["the", "mug"],
    "spans": [{"tokens": [0, 1], "object_ids": [3]}],
    "target_ids": [3],
    "scene_id": "home_1",
    "kind": "class",
}
FAULTS = {
    "no object": ([1], "not a JSON object"),
    "missing key": ({**ENTRY, "kind": None}, "kind"),
    "no text": ({**ENTRY, "text": " "}, "empty text"),
    "id 0": ({**ENTRY, "target_ids": [0]}, "above 0"),
    "id as text": ({**ENTRY, "target_ids": ["3"]}, "whole numbers"),
    "boolean id": ({**ENTRY, "target_ids": [True]}, "whole numbers"),
    "token past the end": ({**ENTRY, "spans": [{"tokens": [2], "object_ids": [3]}]}, "token 2"),
    "negative token": ({**ENTRY, "spans": [{"tokens": [-1], "object_ids": [3]}]}, "token -1"),
    "empty span": ({**ENTRY, "spans": [{"tokens": [], "object_ids": [3]}]}, "leave it out"),
    "span without ids": ({**ENTRY, "spans": [{"tokens": [0]}]}, "object_ids"),
    "spans of another type": ({**ENTRY, "spans": 7}, "wrong type"),
}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "val.jsonl"
    write_expressions(path, [MUG, ABSENT])
    assert read_expressions(path) == [MUG, ABSENT]
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_line_is_named(tmp_path, fault):
    entry, reason = FAULTS[fault]
    path = tmp_path / "val.jsonl"
    path.write_text(f"{json.dumps(ENTRY)}\n\n{json.dumps(entry)}\n")
    with pytest.raises(InputError, match="line 3") as caught:
        read_expressions(path)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("content", "reason"), [(b"{", "line 1: not JSON"), (b"\xff\xfe", "not a text file")])
def test_foreign_file_is_refused(tmp_path, content, reason):
    path = tmp_path / "val.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_expressions(path)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_expressions(tmp_path / "val.jsonl")


def test_demo_rooms_annotations_are_readable():
    expressions = read_expressions(Path(data.__path__[0]) / "demo_room" / "annotations.jsonl")
    assert {expression.kind for expression in expressions} >= {"class", "attribute", "relation", "absent"}

"""The hand-made evaluation set of benchmarks/kitchen.py is well-formed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ANNOTATIONS = Path(__file__).resolve().parent.parent / "benchmarks" / "kitchen_annotations.json"
KINDS = ("class", "attribute", "relation", "absent")
HALVES = ("dev", "held_out")


@pytest.fixture(scope="module")
def annotations():
    return json.loads(ANNOTATIONS.read_text())


@pytest.fixture(scope="module")
def objects(annotations):
    return {item["id"]: item for item in annotations["objects"]}


@pytest.fixture(scope="module")
def expressions(annotations):
    return annotations["expressions"]


def test_objects_have_distinct_ids_and_names(annotations):
    for key in ("id", "name"):
        values = [item[key] for item in annotations["objects"]]
        assert len(set(values)) == len(values) >= 35


def test_boxes_have_the_size_of_things_in_a_room(objects):
    for item in objects.values():
        sizes = [high - low for low, high in zip(item["box_min"], item["box_max"], strict=True)]
        assert len(sizes) == 3, item
        assert min(sizes) >= 0.01, item
        assert 0.04 <= max(sizes) <= 3.0, item


def test_boxes_lie_in_the_room(objects):
    for item in objects.values():
        assert all(-3.0 < low < 4.0 for low in item["box_min"]), item
        assert item["box_min"][2] > -1.55, item  # the floor


def test_sentences_are_distinct_and_of_a_known_kind_and_half(expressions):
    texts = [item["text"].lower().strip() for item in expressions]
    assert len(set(texts)) == len(texts)
    assert all(texts)
    assert {item["kind"] for item in expressions} == set(KINDS)
    assert {item["half"] for item in expressions} == set(HALVES)


def test_only_absent_things_have_no_target_and_every_target_exists(expressions, objects):
    for item in expressions:
        assert (item["kind"] == "absent") == (not item["target_ids"]), item
        assert ("near_miss" in item) == (item["kind"] == "absent"), item
        assert set(item["target_ids"]) <= set(objects), item


def test_every_object_is_asked_for(expressions, objects):
    assert {i for item in expressions for i in item["target_ids"]} == set(objects)


def test_halves_share_no_object_and_are_of_like_size(expressions):
    asked = {half: {i for item in expressions if item["half"] == half for i in item["target_ids"]} for half in HALVES}
    assert not asked["dev"] & asked["held_out"]
    counts = Counter((item["kind"], item["half"]) for item in expressions)
    for kind in KINDS:
        dev, held_out = (counts[kind, half] for half in HALVES)
        assert abs(dev - held_out) <= 2, kind


def test_benchmark_names_the_missing_recording_in_one_line(tmp_path):
    script = ANNOTATIONS.with_name("kitchen.py")
    command = [sys.executable, script, "--data", tmp_path / "nowhere"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "nowhere" in result.stderr

"""Annotation files of ScanRefer, NR3D, SR3D and ScanEnts3D: what becomes of their rows."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from locate3d_ros.data.annotations import Span
from locate3d_ros.data.annotations.read import read_annotations


def write_json(folder: Path, samples: list[object]) -> Path:
    path = folder / "samples.json"
    path.write_text(json.dumps(samples))
    return path


def write_csv(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "nr3d.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_scanrefer_finds_the_targets_words_where_the_sentence_has_its_name(tmp_path):
    entry = {
        "scene_id": "scene0000_00",
        "object_id": "39",
        "object_name": "trash_can",
        "ann_id": "0",
        "description": "This is a Trash can. It is blue.",
        "token": ["this", "is", "a", "trash", "can", ".", "it", "is", "blue", "."],
    }
    other = {**entry, "object_name": "kitchen_cabinet"}
    named, unnamed = read_annotations(write_json(tmp_path, [entry, other])).expressions
    assert named.text == "This is a Trash can. It is blue."
    assert named.spans == (Span((3, 4), (40,)),)
    assert (unnamed.spans, unnamed.target_ids, unnamed.kind) == ((), (40,), "description")


NR3D = {
    "assignmentid": "1",
    "stimulus_id": "scene0525_00-plant-5-9-10-11-12-13",
    "utterance": "The plant at the far right",
    "correct_guess": "True",
    "scan_id": "scene0525_00",
    "instance_type": "plant",
    "target_id": "9",
    "tokens": "['the', 'plant', 'at', 'the', 'far', 'right']",
    "dataset": "nr3d",
    "mentions_target_class": "True",
}
SR3D = {
    "scan_id": "scene0149_00",
    "target_id": "36",
    "distractor_ids": "[35]",
    "utterance": "choose the trash can that is in the center of the desk and the office chair",
    "stimulus_id": "scene0149_00-trash can-2-36-35",
    "coarse_reference_type": "between",
    "reference_type": "between",
    "instance_type": "trash can",
    "anchors_types": "['desk', 'office chair']",
    "anchor_ids": "[5, 11]",
}


def test_nr3d_and_its_selection(tmp_path):
    rows = [NR3D, {**NR3D, "correct_guess": "False"}, {**NR3D, "mentions_target_class": "FALSE"}]
    rows.append({**NR3D, "stimulus_id": "scene0525_00-plant-2-9-10"})
    path = write_csv(tmp_path, rows)
    found = read_annotations(path)
    assert len(found.expressions) == 4
    one = found.expressions[0]
    assert (one.text, one.target_ids, one.kind) == ("The plant at the far right", (10,), "hard")
    assert one.spans == (Span((1,), (10,)),)
    published = read_annotations(path, published=True)
    assert [one.kind for one in published.expressions] == ["hard", "easy"]
    assert published.left_out == 2
    assert published.expressions[0].text == "the plant at the far right"


def test_sr3d_has_its_anchors(tmp_path):
    (one,) = read_annotations(write_csv(tmp_path, [SR3D])).expressions
    assert one.kind == "between"
    assert one.spans == (Span((2, 3), (37,)), Span((11,), (6,)), Span((14, 15), (12,)))


def test_nr3d_with_the_entities_of_scanents3d(tmp_path):
    row = {**NR3D, "entities": "[[[1], ['9_plant']], [[4, 5], ['3_wall', '4_wall']]]"}
    (one,) = read_annotations(write_csv(tmp_path, [row])).expressions
    assert one.spans == (Span((1,), (10,)), Span((4, 5), (4, 5)))
    assert one.kind == "hard"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"target_id": ""}, "target_id"),
        ({"utterance": ""}, "utterance"),
        ({"anchor_ids": "[5"}, "anchor_ids is no list"),
        ({"anchor_ids": "(" * 5000}, "anchor_ids is no list"),
        ({"anchor_ids": "[5]"}, "1 anchor_ids, 2 anchors_types"),
        ({"anchor_ids": "[5, 'x']"}, "an anchor"),
        ({"anchor_ids": "__import__('os').getcwd()"}, "anchor_ids is no list"),
    ],
)
def test_wrong_row_is_listed(tmp_path, change, reason):
    path = write_csv(tmp_path, [SR3D, {**SR3D, **change}])
    found = read_annotations(path)
    assert len(found.expressions) == 1
    assert (found.wrong[0].index, reason in found.wrong[0].reason) == (1, True)

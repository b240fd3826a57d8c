"""Annotation files of the field: what becomes of their samples, and that wrong ones cost only themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locate3d_ros.data.annotations import Span
from locate3d_ros.data.annotations.annotation_set import SceneSource, summarize
from locate3d_ros.data.annotations.read import read_annotations
from locate3d_ros.data.annotations.sample import (
    CharacterSpans,
    Entity,
    Sample,
    as_published,
    as_written,
    character_spans,
    find_words,
)
from locate3d_ros.errors import InputError

REPOSITORY = Path(__file__).resolve().parent.parent
L3DD = ("val_arkitscenes.json", "val_scannet_first1500.json", "val_scannetpp_first1500.json")
SAMPLE = {
    "object_id": 4,
    "object_name": "mug",
    "ann_id": 0,
    "description": "On the Table  is a Red mug",
    "token": ["On", "the", "Table", "", "is", "a", "Red", "mug"],
    "entities": [[[1, 2], ["0_coffee_table"]], [[7, 5], ["4_mug"]]],
    "primary_key": "1",
    "scene_id": "scene0001_00",
    "scene_dataset": "ScanNet",
}
BOXES = [[[0, 1], [0, 1], [0, 1]], [[2, 3], [0, 1], [0, 1]]]
ARKIT = {**SAMPLE, "scene_dataset": "ARKitScenes", "scene_id": "42444949", "object_id": 1, "gt_boxes": BOXES}
ARKIT["entities"] = [[[1, 2], ["0_object"]], [[6, 7], ["1_object"]]]


def write_json(folder: Path, samples: list[object]) -> Path:
    path = folder / "samples.json"
    path.write_text(json.dumps(samples))
    return path


def test_sample_as_written(tmp_path):
    found = read_annotations(write_json(tmp_path, [SAMPLE]))
    (one,) = found.expressions
    assert one.text == "On the Table is a Red mug"
    assert one.tokens == ("On", "the", "Table", "is", "a", "Red", "mug")
    assert one.spans == (Span((1, 2), (1,)), Span((6, 4), (5,)))  # ScanNet counts objects from 0
    assert (one.target_ids, one.scene_id, one.kind) == ((5,), "scene0001_00", "relation")
    assert found.scenes == {"scene0001_00": SceneSource("scannet", "scene0001_00")}
    assert found.wrong == ()


def test_sample_by_the_published_protocol(tmp_path):
    (one,) = read_annotations(write_json(tmp_path, [SAMPLE]), published=True).expressions
    assert one.text == "on the table  is a red mug"
    assert one.spans == (Span((5, 6, 7), (5,)), Span((1, 2), (1,)))  # target first, gaps filled
    assert character_spans(one) == (CharacterSpans(5, ((17, 26),)), CharacterSpans(1, ((3, 12),)))
    assert one.text[17:26] == "a red mug"


def test_words_for_several_objects_give_each_its_own_span(tmp_path):
    entry = {**SAMPLE, "entities": [[[0], ["4_mug", "7_mug"]], [[2], ["4_mug"]]]}
    path = write_json(tmp_path, [entry])
    assert read_annotations(path).expressions[0].spans == (Span((0,), (5, 8)), Span((2,), (5,)))
    published = read_annotations(path, published=True).expressions[0]
    assert published.spans == (Span((0,), (5,)), Span((2,), (5,)), Span((0,), (8,)))
    assert character_spans(published)[0] == CharacterSpans(5, ((0, 2), (7, 12)))


def test_sample_without_a_data_set_is_of_scannet(tmp_path):
    entry = {key: value for key, value in SAMPLE.items() if key != "scene_dataset"}  # as ScanEnts3D has it
    found = read_annotations(write_json(tmp_path, [{**entry, "object_id": "4"}]))
    assert found.expressions[0].target_ids == (5,)


def test_part_of_a_recording_is_a_scene_of_its_own(tmp_path):
    entry = {**SAMPLE, "scene_dataset": "ScanNet++", "scene_id": "13c3e046d7", "frames_used": [330, 360, 390]}
    entry["entities"] = [[[7], ["4_mug"]]]
    found = read_annotations(write_json(tmp_path, [entry]))
    (one,) = found.expressions
    assert (one.scene_id, one.target_ids, one.kind) == ("13c3e046d7_start330_end390", (4,), "class")
    assert found.scenes[one.scene_id] == SceneSource("scannetpp", "13c3e046d7", (330, 360, 390))


def test_boxes_of_one_scene_get_one_id_each_whatever_sample_lists_them(tmp_path):
    other = {**ARKIT, "object_id": 0, "gt_boxes": [BOXES[1], [[5, 6], [0, 1], [0, 1]]]}
    found = read_annotations(write_json(tmp_path, [ARKIT, other]))
    first, second = found.expressions
    assert first.target_ids == second.target_ids == (2,)
    assert second.spans == (Span((1, 2), (2,)), Span((5, 6), (3,)))
    boxes = found.boxes["42444949"]
    assert boxes[1] == ((2.0, 0.0, 0.0), (3.0, 1.0, 1.0))
    assert len(boxes) == 3


WRONG = {
    "no object": (7, "not an object"),
    "no target": ({k: v for k, v in SAMPLE.items() if k != "object_id"}, "'object_id' is missing"),
    "negative target": ({**SAMPLE, "object_id": -1}, "whole number"),
    "huge target": ({**SAMPLE, "object_id": 10**9}, "ids of scannet go from"),
    "words as target": ({**SAMPLE, "object_id": "mug"}, "whole number"),
    "empty sentence": ({**SAMPLE, "description": " "}, "not a text"),
    "other data set": ({**SAMPLE, "scene_dataset": "Matterport"}, "'Matterport'"),
    "path as scene": ({**SAMPLE, "scene_id": "../../etc"}, "not a scan's name"),
    "token past the end": ({**SAMPLE, "entities": [[[8], ["4_mug"]]]}, "token 8"),
    "no words": ({**SAMPLE, "entities": [[[], ["4_mug"]]]}, "without words"),
    "no entity": ({**SAMPLE, "entities": []}, "no entities"),
    "no pair": ({**SAMPLE, "entities": [[[1]]]}, "no pair"),
    "no id in a name": ({**SAMPLE, "entities": [[[1], ["mug"]]]}, "an entity's object"),
    "tokens no list": ({**SAMPLE, "token": "On the"}, "not a list"),
    "no frames": ({**SAMPLE, "frames_used": []}, "frames_used is empty"),
    "box missing": ({**ARKIT, "object_id": 2}, "object 2 has no box"),
    "anchor's box missing": ({**ARKIT, "entities": [[[1], ["5_object"]]]}, "object 5 has no box"),
    "flat box": ({**ARKIT, "gt_boxes": [[[0, 1], [0, 1]]]}, "a box is not"),
    "box turned round": ({**ARKIT, "gt_boxes": [[[1, 0], [0, 1], [0, 1]]]}, "exchanged"),
    "box of words": ({**ARKIT, "gt_boxes": [[["a", 1], [0, 1], [0, 1]]]}, "could not convert"),
    "box not finite": ({**ARKIT, "gt_boxes": [[[0, float("inf")], [0, 1], [0, 1]]]}, "not finite"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_sample_is_listed_with_file_and_index_and_the_others_are_read(tmp_path, fault):
    entry, reason = WRONG[fault]
    path = write_json(tmp_path, [SAMPLE, entry, SAMPLE])
    found = read_annotations(path)
    assert len(found.expressions) == 2
    (wrong,) = found.wrong
    assert (wrong.file, wrong.index) == (str(path), 1)
    assert reason in wrong.reason
    assert str(wrong).startswith(f"{path} sample 1: ")
    assert "\n" not in str(wrong)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", b'[{"scene_id"', "not whole JSON"),
        ("a.json", b"[" * 200_000, "not whole JSON"),
        ("a.json", b"{}", "not a list of samples"),
        ("a.json", b'[{"question": "?"}]', "no scene_id and description"),
        ("a.json", b"\xff\xfe\x00", "not whole JSON"),
        ("a.csv", b"\xff\xfe\x00", "not a text file"),
        ("a.csv", b"", "no column"),
        ("a.csv", b"scan_id,target_id\nscene0001_00,3\n", "has no column instance_type"),
    ],
)
def test_foreign_file_is_refused_with_one_line(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_annotations(tmp_path / name)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_annotations(tmp_path / f"missing-{name}")


def test_names_are_found_as_whole_words():
    assert find_words(("the", "Desk,", "not", "desktop"), "desk") == (1,)
    assert find_words(("desktop",), "desk") == ()
    assert find_words(("a", "desk", "desk"), "desk", start=2) == (2,)
    assert find_words(("a",), "_") == ()


words = st.lists(st.text("abC", max_size=4), min_size=1, max_size=8).filter(any)


@given(tokens=words, data=st.data())
def test_character_spans_hold_the_words_and_what_lies_between(tokens, data):
    places = st.lists(st.integers(0, len(tokens) - 1), min_size=1, max_size=3)
    entities = data.draw(st.lists(st.builds(Entity, places.map(tuple), st.tuples(st.integers(1, 5))), max_size=4))
    sample = Sample(tuple(tokens), tuple(entities), 3, "scene", "")
    published, written = as_published(sample), as_written(sample)
    assert [word for word in tokens if word] == list(written.tokens)
    for found in character_spans(published):
        mentions = [one.tokens for one in entities if found.object_id in one.object_ids]
        for (start, end), at in zip(found.spans, mentions, strict=True):
            assert published.text[start:end] == " ".join(tokens[min(at) : max(at) + 1]).lower()
            assert start == len(" ".join(tokens[: min(at)])) + (min(at) > 0)
    if any(3 in one.object_ids for one in entities):
        assert published.spans[0].object_ids == (3,)


@pytest.mark.parametrize("name", L3DD)
def test_l3dd_is_read_whole_and_its_counts_are_those_of_the_file(test_data, name):
    path = test_data / "l3dd" / name
    samples = json.loads(path.read_text())
    found = read_annotations(path)
    assert found.wrong == ()
    counts = summarize(found)
    assert counts.samples == len(samples)
    assert counts.scans == len({one["scene_id"] for one in samples})
    assert counts.scenes == len({(one["scene_id"], tuple(one.get("frames_used", ()))) for one in samples})
    assert counts.words == pytest.approx(sum(len(one["description"].split()) for one in samples) / len(samples))
    mentioned = [{(n.split("_")[0]) for e in one["entities"] for n in e[1]} for one in samples]
    assert counts.objects == pytest.approx(sum(map(len, mentioned)) / len(samples))
    plural = sum(any(len(e[1]) > 1 for e in one["entities"]) for one in samples)
    assert counts.plural_spans == plural
    for sample, one in zip(samples, found.expressions, strict=True):
        assert one.text == " ".join(sample["description"].split())
        assert len(one.target_ids) == 1
        assert any(one.target_ids[0] in span.object_ids for span in one.spans)


@pytest.mark.parametrize("name", L3DD)
def test_l3dd_counts_are_those_of_the_documentation(test_data, name):
    counts = summarize(read_annotations(test_data / "l3dd" / name))
    page = (REPOSITORY / "docs" / "datasets.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
    numbers = [float(number) for number in re.findall(r"(?<=\| )[\d.]+(?= \|)", row.replace(",", ""))]
    shown = [counts.samples, counts.scans, counts.scenes, round(counts.words, 2), round(counts.objects, 2)]
    assert numbers == [*shown, counts.plural_spans]


def test_l3dd_boxes_are_those_of_the_samples(test_data):
    path = test_data / "l3dd" / "val_arkitscenes.json"
    found = read_annotations(path)
    for sample, one in zip(json.loads(path.read_text()), found.expressions, strict=True):
        low, high = found.boxes[one.scene_id][one.target_ids[0] - 1]
        assert [list(pair) for pair in zip(low, high, strict=True)] == sample["gt_boxes"][sample["object_id"]]

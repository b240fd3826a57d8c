"""Data set folders: what is read from them, and how faults are told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from dataset_folders import CRATES, HEIGHT, WIDTH, seen_box, sentence, write_dataset, write_json, write_scene
from recording_writers import write_tum

import locate3d_ros
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.data.recordings import load_recording
from locate3d_ros.data.scene_folder import RoomSurfaces
from locate3d_ros.errors import InputError

HALL = {"name": "hall", "polygon": [[0, 0], [1, 0], [1, 1]]}
SURFACES = {"floor": "carpet", "floor_colour": [0.5, 0.4, 0.3], "wall": "plaster", "wall_colour": [1, 0.9, 0.8]}


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "set")


def test_scenes_splits_and_sentences_are_listed(dataset):
    folder = DatasetFolder(dataset)
    assert folder.scene_ids() == ["a", "b"]
    assert folder.splits() == ["val"]
    assert [e.target_ids for e in folder.expressions("val")] == [(7,), (9,), ()] * 2


def test_objects_have_boxes_of_the_whole_and_of_the_seen_part(dataset):
    first, second = DatasetFolder(dataset).scene("a").objects()
    low, high = seen_box(CRATES[7])
    assert (first.id, first.category, first.room, dict(first.attributes)) == (7, "crate", "hall", {"colour": "red"})
    np.testing.assert_allclose(first.seen_box, [low, high])
    np.testing.assert_allclose(first.box, [low, high + [0.3, 0, 0]])
    assert second.pixels == 2560


def test_rooms_and_instance_ids_are_read(dataset):
    scene = DatasetFolder(dataset).scene("b")
    assert [(room.name, room.polygon.shape) for room in scene.rooms()] == [("hall", (4, 2))]
    ids = scene.instance_ids(1)
    assert (ids.dtype, ids.shape, ids[60, 20], ids[0, 0]) == (np.uint16, (HEIGHT, WIDTH), 7, 0)


def test_what_covers_a_room_is_read_where_a_scene_says_it(dataset):
    scene = DatasetFolder(dataset).scene("a")
    assert scene.rooms()[0].surfaces is None
    write_json(scene.path / "scene.json", {"rooms": [{**HALL, "surfaces": SURFACES}]})
    assert scene.rooms()[0].surfaces == RoomSurfaces("carpet", (0.5, 0.4, 0.3), "plaster", (1.0, 0.9, 0.8))


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"wall": ""}, "wall is '', not a text"),
        ({"floor_colour": [1, 2]}, "floor_colour is .*, not 3 numbers"),
        ({"wall_colour": None}, "wall_colour is not a list"),
    ],
)
def test_wrong_surfaces_are_told_with_the_file(dataset, spoilt, reason):
    scene = DatasetFolder(dataset).scene("a")
    write_json(scene.path / "scene.json", {"rooms": [{**HALL, "surfaces": SURFACES | spoilt}]})
    with pytest.raises(InputError, match=reason) as caught:
        scene.rooms()
    assert str(caught.value).startswith(str(scene.path / "scene.json: "))


def test_frames_keep_their_file_numbers_when_one_is_faulty(tmp_path):
    scene = DatasetFolder(write_scene(tmp_path / "s", frames=4)).scene("s")
    (scene.recording_path / "000001.depth.png").write_bytes(b"torn")
    assert [number for number, _ in scene.frames()] == [0, 2, 3]


def test_without_instance_images_any_recording_will_do(tmp_path):
    folder = write_scene(tmp_path / "s")
    shutil.rmtree(folder / "instances")
    shutil.rmtree(folder / "recording")
    write_tum(folder / "recording")
    scene = DatasetFolder(folder).scene("s")
    assert [number for number, _ in scene.frames()] == list(range(len(load_recording(scene.recording_path))))


def test_one_scene_with_its_own_sentences_is_a_data_set(tmp_path):
    scene = write_scene(tmp_path / "room")
    (scene / "annotations.jsonl").write_text(json.dumps(sentence("room", "the red crate", "attribute", 7)))
    folder = DatasetFolder(scene)
    assert (folder.scene_ids(), folder.splits()) == (["room"], ["val"])
    assert folder.expressions("val")[0].text == "the red crate"


def test_the_shipped_scene_can_be_read():
    folder = DatasetFolder(Path(locate3d_ros.__file__).parent / "data" / "demo_room")
    scene = folder.scene("demo_room")
    known = {item.id for item in scene.objects()}
    assert len(folder.expressions("val")) == 106
    assert all(set(e.target_ids) <= known for e in folder.expressions("val"))
    assert set(np.unique(scene.instance_ids(0)).tolist()) <= known | {0}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda d: (d / "annotations" / "val.jsonl").unlink(), "no split 'val'; there is none"),
        (lambda d: (d / "annotations" / "val.jsonl").write_text("\n"), "no sentence in it"),
        (lambda d: (d / "annotations" / "val.jsonl").write_text("{}"), "val.jsonl line 1: 'text' is missing"),
        (lambda d: (d / "scenes" / "b" / "objects.json").unlink(), "no scene 'b' in it"),
    ],
)
def test_wrong_sentences_are_told_in_one_line(dataset, spoil, reason):
    spoil(dataset)
    with pytest.raises(InputError, match=reason) as caught:
        DatasetFolder(dataset).expressions("val")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "the file is not a list"),
        ([{"id": 1}], "'box_min' of an object is missing"),
        ([{"id": 0, "name": "a", "category": "a", "box_min": [0, 0, 0], "box_max": [1, 1, 1]}], "no object"),
        ([{"id": 1, "name": "a", "category": "a", "box_min": [0, 2, 0], "box_max": [1, 1, 1]}], "is above box_max"),
        ([{"id": 1, "name": "a", "category": "a", "box_min": [0, "x", 0], "box_max": [1, 1, 1]}], "not 3 numbers"),
        ([{"id": 1, "name": "a", "category": "a", "box_min": [0, 0, 0], "box_max": [1, 1, 1]}] * 2, "given twice"),
    ],
)
def test_wrong_objects_are_told_with_the_file(dataset, content, reason):
    write_json(dataset / "scenes" / "a" / "objects.json", content)
    with pytest.raises(InputError, match=reason) as caught:
        DatasetFolder(dataset).scene("a").objects()
    assert str(caught.value).startswith(str(dataset / "scenes" / "a" / "objects.json: "))


def test_missing_and_empty_folders_are_refused(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match="give a folder with scenes"):
            DatasetFolder(path)


def test_damaged_instance_image_is_named(dataset):
    file = dataset / "scenes" / "a" / "instances" / "000000.png"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"000000\.png: "):
        DatasetFolder(dataset).scene("a").instance_ids(0)
    with pytest.raises(InputError, match="cannot be read"):
        DatasetFolder(dataset).scene("a").instance_ids(77)

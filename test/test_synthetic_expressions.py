"""Sentences about a room are true of exactly one thing, or of nothing."""

import numpy as np
import pytest

from locate3d_ros.data.synthetic.expressions import could_be, expressions, gap
from locate3d_ros.data.synthetic.mesh import Material
from locate3d_ros.data.synthetic.scene import Room, SceneObject
from locate3d_ros.data.synthetic.shapes import box

GREY = Material((0.5, 0.5, 0.5))


def thing(number, name, x, colour="", support=0, z=0.0):
    return SceneObject(number, name, box((x, 1.0, z), (x + 0.4, 1.4, z + 0.4), GREY), colour, support)


@pytest.fixture
def room():
    objects = (
        thing(1, "table", 0.5, "brown"),
        thing(2, "chair", 1.0, "red"),
        thing(3, "chair", 3.5, "blue"),
        thing(4, "coffee cup", 0.5, "white", support=1, z=0.4),
        thing(5, "coffee cup", 4.5, "white"),
        thing(6, "plant", 4.0, "green"),
        thing(7, "lamp", 5.5, "white"),
    )
    return Room("r", 6.0, 3.0, 2.5, 0, objects, ())


def written(room, pixels):
    made = [e.as_json(room.name) for e in expressions(room, pixels, np.random.default_rng(0))]
    return {e["text"]: e for e in made}


@pytest.fixture
def sentences(room):
    return written(room, {o.id: 5000 for o in room.objects})


def test_class_alone_names_only_what_there_is_one_of(sentences):
    assert sentences["the plant"]["target_ids"] == [6]
    assert sentences["the plant"]["kind"] == "class"
    assert "the chair" not in sentences
    assert "the coffee cup" not in sentences


def test_colour_tells_two_of_a_kind_apart(sentences):
    assert sentences["the red chair"]["target_ids"] == [2]
    assert sentences["the blue chair"]["target_ids"] == [3]
    assert "the white coffee cup" not in sentences


def test_support_tells_two_of_a_kind_apart_and_is_a_span_of_its_own(sentences):
    found = sentences["the coffee cup on the table"]
    assert found["target_ids"] == [4]
    assert found["tokens"] == ["the", "coffee", "cup", "on", "the", "table"]
    assert found["spans"] == [{"tokens": [0, 1, 2], "object_ids": [4]}, {"tokens": [4, 5], "object_ids": [1]}]


def test_neighbours_are_near_and_their_rivals_far(sentences):
    assert sentences["the chair next to the table"]["target_ids"] == [2]
    assert sentences["the chair next to the plant"]["target_ids"] == [3]
    assert "the plant next to the chair" not in sentences  # which chair?


def test_nearest_is_clearly_nearer(sentences):
    assert sentences["the chair nearest to the lamp"]["target_ids"] == [3]
    assert sentences["the chair nearest to the table"]["target_ids"] == [2]


def test_absent_things_have_no_target_and_no_double_in_the_room(sentences, room):
    absent = [e for e in sentences.values() if e["kind"] == "absent"]
    assert len(absent) >= 4
    for each in absent:
        assert each["target_ids"] == []
        words = each["text"].removeprefix("the ")
        assert not any(f"{o.colour} {o.name}" == words or o.name == words for o in room.objects)


def test_things_hardly_seen_are_not_talked_about(room):
    made = written(room, {o.id: 5000 if o.id != 6 else 3 for o in room.objects})
    assert not any(6 in e["target_ids"] for e in made.values())


def test_same_seed_gives_the_same_sentences(room):
    pixels = {o.id: 5000 for o in room.objects}
    assert list(written(room, pixels)) == list(written(room, pixels))


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [("armchair", "chair", True), ("coffee cup", "cup", True), ("bookcase", "shelf", True), ("chair", "lamp", False)],
)
def test_names_that_people_mix_up_count_as_alike(name, asked, expected):
    assert could_be(thing(1, name, 0.0), asked) is expected


def test_gap_is_the_distance_of_boxes():
    a, b = box((0, 0, 0), (1, 1, 1), GREY), box((4, 5, 0), (5, 6, 1), GREY)
    assert gap(a, b) == pytest.approx(5.0)
    assert gap(a, a) == 0.0

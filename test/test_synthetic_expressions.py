"""Sentences about a scene are true of exactly one thing, or of nothing."""

import numpy as np
import pytest

from locate3d_ros.data.synthetic.camera_path import look_at
from locate3d_ros.data.synthetic.descriptions import Asked, Description, SceneGraph
from locate3d_ros.data.synthetic.expressions import KINDS, Viewer, expressions
from locate3d_ros.data.synthetic.mesh import Material
from locate3d_ros.data.synthetic.naming import could_be
from locate3d_ros.data.synthetic.near_misses import near_misses
from locate3d_ros.data.synthetic.phrasing import WORDINGS, Speaker
from locate3d_ros.data.synthetic.relations import layout_of
from locate3d_ros.data.synthetic.scene import RoomArea, Scene, SceneObject
from locate3d_ros.data.synthetic.shapes import box

GREY = Material((0.5, 0.5, 0.5))
POSE = look_at(np.array([3.0, -2.0, 1.2]), np.array([3.0, 1.2, 0.4]))
TABLE, RED, BLUE, CUP, OTHER_CUP, PLANT, LAMP, STOVE, BALL = range(1, 10)


def thing(number, name, x, y=1.0, **more):
    size, z = more.pop("size_m", 0.4), more.pop("z", 0.0)
    mesh = box((x, y, z), (x + size, y + size, z + size), GREY)
    return SceneObject(number, name, mesh, room=more.pop("room", "office"), **more)


@pytest.fixture
def scene():
    objects = (
        thing(TABLE, "table", 0.5, colour="brown", material="wood", size_m=0.8),
        thing(RED, "chair", 1.7, colour="red"),
        thing(BLUE, "chair", 3.5, colour="blue"),
        thing(CUP, "coffee cup", 0.7, colour="white", support=TABLE, z=0.8, size_m=0.1),
        thing(OTHER_CUP, "coffee cup", 8.0, colour="white", room="kitchen", size_m=0.1),
        thing(PLANT, "plant", 4.2, colour="green"),
        thing(LAMP, "lamp", 5.5, colour="white"),
        thing(STOVE, "stove", 7.0, colour="black", room="kitchen"),
        thing(BALL, "basketball", 0.7, 1.2, colour="orange", size_m=0.2),
    )
    rooms = (RoomArea("office", (0.0, 0.0), (6.2, 3.0), 2.5), RoomArea("kitchen", (6.5, 0.0), (9.0, 3.0), 2.5))
    return Scene("r", 0, rooms, objects, ())


@pytest.fixture
def graph(scene):
    return SceneGraph(scene, layout_of(scene, POSE, {o.id for o in scene.objects}))


def meant(graph, *args, **kwargs):
    index = graph.meant(Description(*args, **kwargs))
    return None if index is None else graph.objects[index].id


def test_name_alone_means_only_what_there_is_one_of(graph):
    assert meant(graph, "plant") == PLANT
    assert meant(graph, "chair") is None
    assert meant(graph, "coffee cup") is None
    assert meant(graph, "bathtub") is None


def test_colour_tells_two_of_a_kind_apart(graph):
    assert meant(graph, "chair", colour="red") == RED
    assert meant(graph, "chair", colour="blue") == BLUE
    assert meant(graph, "coffee cup", colour="white") is None
    assert meant(graph, "chair", colour="orange") is None  # somebody may call the red one orange


def test_room_tells_two_of_a_kind_apart(graph):
    assert meant(graph, "coffee cup", room="kitchen") == OTHER_CUP
    assert meant(graph, "chair", room="office") is None


@pytest.mark.parametrize(
    ("name", "relation", "anchor", "expected"),
    [
        ("coffee cup", "on", "table", CUP),
        ("basketball", "under", "table", BALL),
        ("chair", "next to", "plant", BLUE),
        ("chair", "nearest to", "table", RED),
        ("chair", "farthest from", "table", BLUE),
        ("chair", "left of", "plant", None),  # the red one is there too, though farther away
        ("lamp", "right of", "plant", LAMP),
        ("lamp", "left of", "plant", None),
        ("coffee cup", "on", "stove", None),
    ],
)
def test_relations_mean_one_thing_or_are_not_said(graph, name, relation, anchor, expected):
    assert meant(graph, name, relation=relation, anchors=(Description(anchor),)) == expected


def test_between_needs_something_on_both_sides(graph):
    ends = (Description("table"), Description("lamp"))
    red = (Description("table"), Description("chair", colour="blue"))
    assert meant(graph, "plant", relation="between", anchors=ends) is None  # it is too near the lamp
    assert meant(graph, "chair", colour="red", relation="between", anchors=red) == RED


def test_left_is_the_viewers_left(scene):
    from_behind = look_at(np.array([3.0, 5.0, 1.2]), np.array([3.0, 1.2, 0.4]))
    graph = SceneGraph(scene, layout_of(scene, from_behind, {o.id for o in scene.objects}))
    assert meant(graph, "chair", colour="blue", relation="right of", anchors=(Description("plant"),)) == BLUE


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_sentence_is_true_of_its_target_alone(scene, split):
    viewer = Viewer({o.id: 5000 for o in scene.objects}, POSE, frozenset(o.id for o in scene.objects))
    made = expressions(scene, viewer, split, 60, [0])
    assert {e.kind for e in made} == set(KINDS)
    ids = {o.id for o in scene.objects}
    for sentence in made:
        assert sentence.text == " ".join(sentence.tokens)
        assert len(sentence.target_ids) == (0 if sentence.kind == "absent" else 1)
        assert set(sentence.target_ids) <= ids
        if sentence.target_ids:
            assert sentence.target_ids in [span.object_ids for span in sentence.spans]


def test_what_was_not_seen_is_not_talked_about(scene):
    viewer = Viewer({CUP: 5000, TABLE: 5000, PLANT: 10}, POSE, frozenset({CUP, TABLE}))
    made = expressions(scene, viewer, "train", 60, [0])
    assert {t for e in made for t in e.target_ids} <= {CUP, TABLE}


def test_near_misses_are_true_of_nothing_and_one_word_from_the_truth(scene, graph):
    index = {item.id: place for place, item in enumerate(scene.objects)}
    table = Description("table")
    true = [
        Asked("attribute", Description("chair", colour="red"), index[RED]),
        Asked("room", Description("coffee cup", room="kitchen"), index[OTHER_CUP]),
        Asked("relation", Description("coffee cup", relation="on", anchors=(table,)), index[CUP], (index[TABLE],)),
        Asked("relation", Description("plant", relation="nearest to", anchors=(table,)), index[PLANT], (index[TABLE],)),
        Asked(
            "relation",
            Description("chair", relation="next to", anchors=(Description("plant"),)),
            index[BLUE],
            (index[PLANT],),
        ),
    ]
    found = near_misses(graph, true * 20, 200, np.random.default_rng(0))
    assert len(found) == len({each.description for each in found}) > 8
    changed = set()
    for miss in found:
        assert miss.kind == "absent"
        assert miss.target is None
        assert not graph.truth(miss.description).any()
        assert len(miss.anchors) == len(miss.description.anchors)
        said = vars(miss.description)
        words = ("name", "colour", "room", "relation", "anchors")
        differences = [{w for w in words if said[w] != vars(each.description)[w]} for each in true]
        fewest = min(differences, key=len)
        assert len(fewest) == 1 or fewest == {"name", "colour"}
        changed |= fewest
        assert miss.description.relation != "nearest to"
    assert changed == {"name", "colour", "room", "relation", "anchors"}


def test_few_near_misses_are_of_every_sort(graph):
    true = [
        Asked("attribute", Description("chair", colour="red"), 1),
        Asked("relation", Description("coffee cup", relation="on", anchors=(Description("table"),)), 3, (0,)),
    ]
    found = near_misses(graph, true, 4, np.random.default_rng(1))
    assert len(found) == 4
    assert len({(each.description.relation, each.description.room) for each in found}) > 2


def test_near_misses_come_after_sentences_that_are_the_same_without_them(scene):
    viewer = Viewer({o.id: 5000 for o in scene.objects}, POSE, frozenset(o.id for o in scene.objects))
    plain = expressions(scene, viewer, "train", 60, [0])
    more = expressions(scene, viewer, "train", 60, [0], misses=10)
    assert more[: len(plain)] == plain
    assert len(more) == len(plain) + 10
    assert not any(sentence.target_ids for sentence in more[len(plain) :])


def test_spans_point_at_the_words_of_their_object():
    description = Description("stove", colour="black", relation="next to", anchors=(Description("lamp"),))
    speaker = Speaker("train", np.random.default_rng(0))
    for _ in range(40):
        sentence = speaker.say(description, {"T": (STOVE,), "A": (LAMP,)})
        words = {s.object_ids[0]: [sentence.tokens[t] for t in s.tokens] for s in sentence.spans}
        assert len(words[STOVE]) >= 2
        assert not {"the", "a", "black"} & set(words[LAMP])


def test_validation_has_phrasings_of_its_own():
    for kind in ("bare", "related", "between", "in_room"):
        assert set(getattr(WORDINGS["val"], kind)) - set(getattr(WORDINGS["train"], kind))


def test_names_for_one_thing_are_taken_for_each_other():
    assert could_be("office chair", "chair") == 1.0
    assert could_be("bookcase", "shelf") == 0.5
    assert could_be("bookcase", "bed") == 0.0

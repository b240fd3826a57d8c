"""Requests in English become targets, attributes and relations."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locate3d_ros.errors import InputError
from locate3d_ros.localization.lexicon.word_set import word_set
from locate3d_ros.localization.query import MAX_CHARACTERS, NounPhrase, Order, Query, Rank, RelationKind, parse
from locate3d_ros.localization.query_reader import MAX_RELATIONS

WORDS = sorted(
    word_set(
        "the a white red dark mug table chair sofa in on of under between and or not is that which left right to from "
        "it me nearest second two next , . front closest with without corner water bottle near glasses one small find"
    )
)


def outline(phrase: NounPhrase) -> str:
    """Write a phrase as "head(RELATION anchor, anchor; …)"."""
    if not phrase.relations:
        return phrase.head
    relations = "; ".join(
        f"{'not ' if r.negated else ''}{'inverse ' if r.inverse else ''}{r.kind.name} "
        + ", ".join(outline(anchor) for anchor in r.anchors)
        for r in phrase.relations
    )
    return f"{phrase.head}({relations.strip()})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mug", "mug"),
        ("the white mug next to the sink", "mug(NEXT_TO sink)"),
        ("cup on the table between the two monitors", "cup(ON table(BETWEEN monitor))"),
        ("a cushion between the sofa and the wall", "cushion(BETWEEN sofa, wall)"),
        ("a lamp in between a bed, and a wardrobe", "lamp(BETWEEN bed, wardrobe)"),
        ("the lamp that isn't under the shelf", "lamp(not UNDER shelf)"),
        ("the stool that is not near the bar", "stool(not NEXT_TO bar)"),
        ("3 seater sofa without pillows", "sofa(not WITH pillow)"),
        ("the plant away from the window", "plant(not NEXT_TO window)"),
        ("the table with a lamp on it", "table(inverse ON lamp)"),
        ("box with toys inside", "box(inverse IN toy)"),
        ("a shelf holding jars", "shelf(inverse IN jar)"),
        ("the mug with a handle", "mug(WITH handle)"),
        ("the closest chair to the door", "chair(NEAREST door)"),
        ("the chair nearest the door", "chair(NEAREST door)"),
        ("the stool farthest from the fridge", "stool(FARTHEST fridge)"),
        ("the vase to the left of the clock", "vase(LEFT_OF clock)"),
        ("the vase on the right side of the clock", "vase(RIGHT_OF clock)"),
        ("TWO CHAIRS IN FRONT OF THE T.V.", "chair(IN_FRONT_OF tv)"),
        ("the broom behind the door", "broom(BEHIND door)"),
        ("the ladder leaning against the wall", "ladder(AGAINST wall)"),
        ("the desk facing the window", "desk(OPPOSITE window)"),
        ("trash can in the corner of the kitchen", "trash can(IN_CORNER kitchen)"),
        ("the handle of the drawer", "handle(PART_OF drawer)"),
        ("a rug below the desk", "rug(UNDER desk)"),
        ("a print hanging over the bed", "print(ABOVE bed)"),
    ],
)
def test_relations_are_read(text: str, expected: str) -> None:
    assert outline(parse(text).target) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the book on the shelf next to the door", "book(ON shelf(NEXT_TO door))"),
        ("the dresser near the lamp which is on the desk", "dresser(NEXT_TO lamp(ON desk))"),
        ("the jug beside the kettle is on the counter", "jug(NEXT_TO kettle; ON counter)"),
        ("roll near the bin and beside the toilet", "roll(NEXT_TO bin; NEXT_TO toilet)"),
        ("the pen, on the desk", "pen(ON desk)"),
        ("a stool close to and left of the oven", "stool(NEXT_TO oven; LEFT_OF oven)"),
        ("the bin next to the desk and the printer", "bin(NEXT_TO desk, printer)"),
        ("a chair near the wall in front of me", "chair(NEXT_TO wall(IN_FRONT_OF))"),
    ],
)
def test_relations_hang_on_the_noun_they_are_about(text: str, expected: str) -> None:
    assert outline(parse(text).target) == expected


@pytest.mark.parametrize(
    ("text", "head", "materials"),
    [
        ("small laptop made of wood", "laptop", ("wood",)),
        ("the box made out of dark wood", "box", ("wood",)),
        ("a bed that is made of metal", "bed", ("metal",)),
        ("wall sockets made of white plastic", "wall socket", ("plastic",)),
    ],
)
def test_what_a_thing_is_made_of_is_its_material(text: str, head: str, materials: tuple[str, ...]) -> None:
    assert (parse(text).target.head, parse(text).target.materials) == (head, materials)


def test_all_relations_include_those_of_the_anchors() -> None:
    query = parse("the book on the shelf next to the door")
    assert [relation.kind for relation in query.all_relations] == [RelationKind.ON, RelationKind.NEXT_TO]
    assert [anchor.head for anchor in query.anchors] == ["shelf", "door"]


@pytest.mark.parametrize(
    "text",
    [
        "find the red mug on the table",
        "Find me a red mug on the table!",
        "where is the red mug on the table?",
        "Where's my red mug, the one on the table",
        "can you bring me the red mug on the table, please",
        "I'm looking for the red mug on the table",
        "is there a red mug on the table?",
        "there is a red mug on the table",
        "the red mug sitting on the table",
        "the mug that is red and is on the table",
        "the mug is on the table and it is red",
        "on the table, the red mug",
        "on the table is a red mug",
        "  the\tred   mug\non top of the table  ",
        "the red mug placed on top of the table",
        "the red-coloured mug on the table",
        "a mug in red colour on the table",
    ],
)
def test_wording_around_a_request_does_not_matter(text: str) -> None:
    target = parse(text).target
    assert (target.head, target.colours) == ("mug", ("red",))
    assert outline(target) == "mug(ON table)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mug beetween the bowl and the jar", "mug(BETWEEN bowl, jar)"),
        ("mug benaeth the shelf", "mug(UNDER shelf)"),
        ("mug infront of the jar", "mug(IN_FRONT_OF jar)"),
    ],
)
def test_small_typos_are_mended(text: str, expected: str) -> None:
    assert outline(parse(text).target) == expected


def test_words_that_only_look_like_a_typo_stay() -> None:
    assert parse("a wooden block").target.colours == ()
    assert parse("the bedside lamp").target.head == "bedside lamp"


def test_phrase_keeps_the_spelling_of_the_request() -> None:
    query = parse("Find the  Dark  Blue Pillow near the Café table")
    assert query.target.text == "Dark  Blue Pillow"
    assert query.target.colours == ("dark blue",)
    assert query.anchors[0].text == "Café table"


def test_attributes_are_sorted() -> None:
    target = parse("two small round wooden white and grey stools").target
    assert target.colours == ("white", "grey")
    assert target.size_words == ("small",)
    assert target.materials == ("wooden",)
    assert target.modifiers == ("round",)
    assert (target.count, target.plural, target.head) == (2, True, "stool")


def test_excluded_colours_are_kept_apart() -> None:
    target = parse("the box that is not red").target
    assert (target.colours, target.excluded_colours) == ((), ("red",))


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("the leftmost chair", Rank(Order.LEFT)),
        ("the chair on the left", Rank(Order.LEFT)),
        ("second chair from the left", Rank(Order.LEFT, 2)),
        ("the third largest box", Rank(Order.LARGE, 3)),
        ("the tallest lamp", Rank(Order.TALL)),
        ("the top shelf", Rank(Order.HIGH)),
        ("the chair closest to me", Rank(Order.NEAR)),
        ("the first chair", Rank(None, 1)),
        ("the chair", None),
    ],
)
def test_superlatives_and_ordinals_are_ranks(text: str, rank: Rank | None) -> None:
    assert parse(text).target.rank == rank


def test_ordinal_of_nearest_goes_to_the_relation() -> None:
    relation = parse("the second closest chair to the door").relations[0]
    assert (relation.kind, relation.index) == (RelationKind.NEAREST, 2)


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("shelves", "shelf"),
        ("boxes", "box"),
        ("a pair of scissors", "scissors"),
        ("a bottle of water", "water bottle"),
        ("glasses", "glasses"),
        ("the orange", "orange"),
        ("the flurbish gizmo", "flurbish gizmo"),
        ("das blaue Buch", "das blaue buch"),
        ("椅子", "椅子"),
        ("what is on the table", "object"),
        ("the red one", "one"),
        ("small", "small"),
    ],
)
def test_head_is_the_noun(text: str, head: str) -> None:
    assert parse(text).target.head == head


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "the", "of the", "?!", "is it on", "🙂"])
def test_text_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="names no object"):
        parse(text)


def test_very_long_text_is_refused_and_the_longest_allowed_is_read() -> None:
    with pytest.raises(InputError, match="1001 characters"):
        parse("x" * (MAX_CHARACTERS + 1))
    query = parse(("mug in a " * 200)[:MAX_CHARACTERS])
    assert len(query.all_relations) == MAX_RELATIONS


def test_viewer_without_a_relation_is_left_aside() -> None:
    assert parse("a stool from me").target.head == "stool"


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)))
def test_any_text_gives_a_query_or_an_input_error(text: str) -> None:
    try:
        query = parse(text)
    except InputError:
        return
    assert isinstance(query, Query)
    assert query.target.head
    assert query.target.text in (text, "object") or query.target.text in text
    assert all(anchor.head for anchor in query.anchors)

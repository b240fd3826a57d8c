"""The table of usual sizes covers everyday rooms and holds no absurd row."""

from __future__ import annotations

from collections import Counter

import pytest

from locate3d_ros.localization.lexicon.nouns import longest_known_end, singular
from locate3d_ros.localization.lexicon.size_table import Support, _entry, load_sizes

ROW = {"name": "mug", "height": "0.1", "length": "0.09", "width": "0.12", "spread": "0.2", "upright": "yes"}


def entry(name):
    return next(entry for entry in load_sizes() if name in entry.names)


def test_table_covers_many_classes_and_names_each_once():
    assert len(load_sizes()) >= 350
    names = Counter(name for entry in load_sizes() for name in entry.names)
    assert [name for name, count in names.items() if count > 1] == []
    assert all(name == name.strip().lower() for name in names)


def test_sizes_are_those_of_things_that_fit_a_building():
    for row in load_sizes():
        assert min(row.height, row.width) >= 0.004, row.name
        assert max(row.height, row.length) <= 5.0, row.name
        assert row.width <= row.length, row.name
        assert 0.05 <= row.spread <= 0.8, row.name


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [("mug", "bucket"), ("stool", "bar stool"), ("chair", "sofa"), ("nightstand", "wardrobe"), ("laptop", "tv")],
)
def test_smaller_things_are_smaller(smaller, larger):
    a, b = entry(smaller), entry(larger)
    assert a.height * a.length * a.width < b.height * b.length * b.width


@pytest.mark.parametrize(
    ("name", "support"),
    [("bed", Support.FLOOR), ("mug", Support.SURFACE), ("whiteboard", Support.WALL), ("chandelier", Support.CEILING)],
)
def test_support_is_where_the_thing_usually_is(name, support):
    assert entry(name).support is support


def test_row_sorts_its_horizontal_edges_and_its_synonyms():
    row = _entry(2, {**ROW, "support": "surface", "synonyms": "coffee mug; tea mug;"})
    assert (row.length, row.width) == (0.12, 0.09)
    assert row.names == ("mug", "coffee mug", "tea mug")


@pytest.mark.parametrize("wrong", [{"height": "tall"}, {"support": "sky"}, {"synonyms": None}])
def test_wrong_row_is_named_by_its_line(wrong):
    with pytest.raises(ValueError, match=r"sizes\.csv, line 7"):
        _entry(7, {**ROW, "support": "surface", "synonyms": "", **wrong})


@pytest.mark.parametrize(
    ("plural", "one"),
    [("mugs", "mug"), ("boxes", "box"), ("shelves", "shelf"), ("glasses", "glasses"), ("dress", "dress"),
     ("batteries", "battery"), ("benches", "bench"), ("knives", "knife"), ("bus", "bus"), ("vases", "vase")],
)  # fmt: skip
def test_singular(plural, one):
    assert singular(plural) == one


def test_longest_known_name_wins():
    assert longest_known_end(["old", "coffee", "tables"]) == 2
    assert longest_known_end(["flurb"]) == 0
    assert longest_known_end([]) == 0

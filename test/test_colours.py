"""Surfaces show basic colour terms, and a wrong colour counts against a match."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from locate3d_ros.localization.colours import colour_log_likelihood, colour_shares, estimate_white
from locate3d_ros.localization.lexicon.colour_prototypes import PROTOTYPES, TOLERANCES
from locate3d_ros.localization.lexicon.colour_terms import BASIC_TERMS, COLOUR_TERMS, MATERIAL_COLOURS

# Everyday things, as sRGB bytes.
SEEN = [
    ("black", (12, 12, 14)), ("black", (30, 30, 32)), ("black", (0, 0, 0)), ("white", (255, 255, 255)),
    ("white", (235, 235, 232)), ("white", (225, 226, 228)), ("grey", (128, 128, 128)), ("grey", (90, 92, 95)),
    ("grey", (170, 172, 174)), ("red", (200, 20, 25)), ("red", (150, 30, 35)), ("red", (255, 0, 0)),
    ("red", (120, 20, 25)), ("orange", (240, 130, 20)), ("orange", (255, 150, 50)), ("orange", (230, 110, 40)),
    ("yellow", (250, 220, 30)), ("yellow", (255, 240, 90)), ("yellow", (220, 190, 50)), ("green", (30, 130, 50)),
    ("green", (90, 170, 80)), ("green", (20, 70, 40)), ("green", (0, 255, 0)), ("green", (150, 190, 140)),
    ("blue", (30, 60, 160)), ("blue", (0, 0, 255)), ("blue", (90, 150, 210)), ("blue", (25, 35, 80)),
    ("blue", (70, 110, 160)), ("purple", (110, 50, 140)), ("purple", (150, 110, 180)), ("purple", (80, 30, 90)),
    ("pink", (240, 150, 180)), ("pink", (250, 190, 200)), ("pink", (230, 80, 150)), ("brown", (100, 65, 40)),
    ("brown", (70, 45, 30)), ("brown", (140, 95, 60)), ("brown", (120, 70, 35)), ("beige", (220, 200, 170)),
    ("beige", (235, 222, 195)), ("beige", (200, 180, 150)),
]  # fmt: skip


def shares_of(*rgb: tuple[int, int, int]) -> torch.Tensor:
    return colour_shares(torch.tensor(rgb, dtype=torch.float32) / 255.0)


@pytest.mark.parametrize(("term", "rgb"), SEEN)
def test_everyday_colours_show_their_term_most(term: str, rgb: tuple[int, int, int]) -> None:
    assert BASIC_TERMS[int(shares_of(rgb)[0].argmax())] == term


@pytest.mark.parametrize(("term", "rgb"), SEEN)
def test_right_colour_is_liked_and_opposite_colour_is_not(term: str, rgb: tuple[int, int, int]) -> None:
    score = {word: float(colour_log_likelihood([word], shares_of(rgb))) for word in BASIC_TERMS}
    assert score[term] > -0.7
    strangers = [word for word in BASIC_TERMS if word != term and term not in TOLERANCES[word]]
    assert sum(score[word] for word in strangers) / len(strangers) < -2.0


def test_red_on_a_white_object_counts_strongly_against_it() -> None:
    assert float(colour_log_likelihood(["red"], shares_of((240, 240, 238)))) < -3.0


def test_order_of_candidates_follows_the_colour() -> None:
    candidates = shares_of((245, 245, 245), (160, 160, 160), (20, 20, 20), (180, 30, 30))
    white = colour_log_likelihood(["white"], candidates)
    assert white.argsort(descending=True)[0] == 0
    assert white[1] > white[2]
    assert white[1] > white[3]


def test_two_named_colours_have_to_show_both() -> None:
    black, white = shares_of((15, 15, 15)), shares_of((240, 240, 240))
    both = (black + white) / 2
    words = ["black", "white"]
    assert float(colour_log_likelihood(words, both)) > -0.1
    assert float(colour_log_likelihood(words, white)) < -1.0
    assert float(colour_log_likelihood(words, black)) < -1.0


def test_excluded_colour_turns_the_order_round() -> None:
    candidates = shares_of((200, 20, 25), (30, 60, 160))
    score = colour_log_likelihood([], candidates, excluded=["red"])
    assert score[0] < -1.5
    assert score[1] > -0.2


def test_material_is_weaker_evidence_than_a_colour_word_and_gives_way_to_it() -> None:
    white_wood = shares_of((240, 240, 240))
    by_material = float(colour_log_likelihood([], white_wood, materials=["wooden"]))
    assert float(colour_log_likelihood(["brown"], white_wood)) < by_material < -0.1
    assert float(colour_log_likelihood(["white"], white_wood, materials=["wooden"])) > -0.1


def test_shade_words_accept_their_end_of_the_scale() -> None:
    navy = shares_of((18, 20, 38))
    assert colour_log_likelihood(["dark blue"], navy) > colour_log_likelihood(["blue"], navy)


@pytest.mark.parametrize("words", [[], ["shiny"], ["dark"], ["very blueish-like"]])
def test_words_that_are_no_colour_say_nothing(words: list[str]) -> None:
    assert colour_log_likelihood(words, shares_of((10, 200, 30))).tolist() == [0.0]


def test_warm_light_is_taken_out() -> None:
    scene = torch.rand(2000, 1, generator=torch.Generator().manual_seed(0)).expand(-1, 3) * 0.95
    cast = torch.tensor([1.0, 0.85, 0.62])
    white_wall = torch.tensor([[0.93, 0.93, 0.93]])
    light = estimate_white(scene * cast)
    assert light[0] == 1.0
    assert light[2] < light[1] < 1.0
    before = colour_log_likelihood(["white"], colour_shares(white_wall * cast))
    after = colour_log_likelihood(["white"], colour_shares(white_wall * cast, light))
    assert after > before + 0.1
    assert after > -0.2


def test_neutral_light_changes_nothing() -> None:
    rgb = torch.rand(50, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(colour_shares(rgb, torch.ones(3)), colour_shares(rgb), atol=1e-4, rtol=0.0)


def test_no_points_give_no_rows_and_neutral_light() -> None:
    assert colour_shares(torch.zeros(0, 3)).shape == (0, len(BASIC_TERMS))
    assert estimate_white(torch.zeros(0, 3)).tolist() == [1.0, 1.0, 1.0]
    assert estimate_white(torch.zeros(5, 3)).tolist() == [1.0, 1.0, 1.0]
    assert colour_log_likelihood(["red"], torch.zeros(0, len(BASIC_TERMS))).shape == (0,)


def test_points_that_are_not_finite_give_finite_shares() -> None:
    shares = colour_shares(torch.tensor([[float("nan"), 0.2, 0.1], [float("inf"), 0.0, 0.0], [-1.0, 2.0, 0.5]]))
    assert torch.isfinite(shares).all()


@settings(deadline=None)
@given(arrays("float32", (7, 3), elements=st.floats(0.0, 1.0, width=32)))
def test_shares_add_up_to_one_and_scores_stay_in_range(rgb) -> None:
    shares = colour_shares(torch.from_numpy(rgb))
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(7))
    for word in BASIC_TERMS:
        score = colour_log_likelihood([word], shares)
        assert bool((score <= 1e-5).all())
        assert bool((score >= -4.0).all())


def test_tables_speak_of_basic_terms_only() -> None:
    assert set(PROTOTYPES) == set(TOLERANCES) == set(BASIC_TERMS)
    for mixture in [*COLOUR_TERMS.values(), *MATERIAL_COLOURS.values()]:
        assert set(mixture) <= set(BASIC_TERMS)
        assert sum(mixture.values()) == pytest.approx(1.0)

"""Worked examples of MODEL_SPEC §16.4."""

from __future__ import annotations

import importlib.util

import pytest

from locate3d_ros.model.tokenizer import tokenise

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("open_clip") is None, reason="the CLIP vocabulary comes with open_clip_torch"
)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (
            "the small coffee table between the sofa and the lamp",
            [49406, 518, 2442, 2453, 2175, 1957, 518, 15723, 537, 518, 10725, 49407],
        ),
        ("Chair next to window.", [49406, 4269, 1131, 531, 4879, 269, 49407]),
        ("microwave", [49406, 24240, 49407]),
    ],
)
def test_ids_of_the_worked_examples(text: str, ids: list[int]) -> None:
    assert list(tokenise(text).ids) == ids


def test_offsets_point_into_the_original_text() -> None:
    offsets = tokenise("Chair next to window.").offsets
    assert offsets == ((0, 0), (0, 5), (6, 10), (11, 13), (14, 20), (20, 21), (0, 0))


def test_contractions_and_ordinals_are_split_into_their_pieces() -> None:
    text = "isn't the 2nd"
    assert [text[a:b] for a, b in tokenise(text).offsets] == ["", "isn", "'t", "the", "2", "nd", ""]


def test_long_sentences_are_cut_and_keep_their_end_mark() -> None:
    tokens = tokenise("chair " * 200)
    assert len(tokens.ids) == 77
    assert tokens.ids[-1] == 49407

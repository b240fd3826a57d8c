"""benchmarks/sentences.py counts generated sentences and people's by one rule, and shows neither."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dataset_folders import write_dataset

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "sentences.py"


def said(description, entities):
    tokens = description.split(" ")
    return {
        "object_id": 3,
        "object_name": "lamp",
        "description": description,
        "token": tokens,
        "entities": entities,
        "scene_id": "scene0000_00",
    }


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sentences")
    people = folder / "people.json"
    one = said("Red lamp on the table", [[[0, 1], ["3_lamp"]], [[4], ["5_table"]]])
    other = said("on table next to sofa is lamp", [[[6], ["3_lamp"]], [[1], ["5_table"]], [[4], ["8_sofa"]]])
    people.write_text(json.dumps([one, other]))
    write_dataset(folder / "made")
    command = [sys.executable, str(SCRIPT), str(folder / "made"), "--people", str(people)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def test_people_are_counted_word_by_word(printed):
    counted = json.loads(printed.stdout)["corpora"]["people"]
    assert counted["sentences"] == 2
    assert counted["words_mean"] == 6.0
    assert counted["lengths"] == {
        "1 to 2": 0,
        "3 to 4": 0,
        "5 to 6": 0.5,
        "7 to 9": 0.5,
        "10 to 14": 0,
        "15 or more": 0,
    }
    assert counted["objects"] == 2.5
    assert counted["colours"] == pytest.approx(1 / 12)
    assert counted["with_colour"] == counted["with_is"] == counted["with_article"] == counted["target_first"] == 0.5
    assert counted["relations"] == {"on": pytest.approx(2 / 3), "next to": pytest.approx(1 / 3)}
    assert counted["distractors"] is None
    assert counted["vocabulary"] is None  # too few sentences to say


def test_generated_sentences_know_their_distractors(printed):
    counted = json.loads(printed.stdout)["corpora"]["made (val)"]
    assert counted["distractors"] == 1.0
    assert counted["sentences"] > 0


def test_no_sentence_is_printed(printed):
    for text in (printed.stdout, printed.stderr):
        assert "lamp" not in text
        assert "sofa" not in text

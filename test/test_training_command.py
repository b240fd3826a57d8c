"""`locate3d train`: presets, resuming, and one line for what is wrong."""

from __future__ import annotations

import json

import pytest

from locate3d_ros.cli.main import main


def test_smoke_trains_and_goes_on(tmp_path, capfd):
    folder = tmp_path / "run"
    assert (
        main(["train", "grounding", "--preset", "smoke", "--out", str(folder), "--steps", "2", "--threads", "1"]) == 0
    )
    assert "2 of 360 steps done; ask it with `locate3d localize" in capfd.readouterr().out
    assert main(["train", "grounding", "--resume", str(folder), "--steps", "3"]) == 0
    assert "3 of 360 steps done" in capfd.readouterr().out
    assert json.loads((folder / "training.json").read_text())["run"]["threads"] == 1
    assert main(["train", "jepa", "--resume", str(folder)]) == 2
    assert "a run of `locate3d train grounding`" in capfd.readouterr().err


def test_pretraining_begins_with_an_encoder_that_learns(tmp_path, capfd):
    folder = tmp_path / "run"
    assert main(["train", "jepa", "--preset=smoke", "--out", str(folder), "--steps", "1", "--threads", "1"]) == 0
    assert "--initial" in capfd.readouterr().out
    assert json.loads((folder / "training.json").read_text())["schedule"]["frozen_epochs"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["jepa"], "give --out DIR for a new run, or --resume DIR"),
        (["grounding", "--out", "x", "--resume", "y"], "y: holds no run"),
        (["grounding", "--out", "OUT"], "data: no data set; give --data FOLDER"),
        (["grounding", "--preset", "smoke", "--out", "OUT", "--steps", "0"], "--steps 0: give 1 or more"),
        (["grounding", "--preset", "smoke", "--out", "OUT", "--batch", "0"], "batch = 0"),
        (["grounding", "--preset", "smoke", "--out", "OUT", "--initial", "nowhere"], "nowhere"),
        (["grounding", "--preset", "huge", "--out", "OUT"], "huge"),
        (["everything"], "everything"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, capfd, words, message):
    words = [str(tmp_path / "out") if word == "OUT" else word for word in words]
    assert main(["train", *words]) == 2
    printed = capfd.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1

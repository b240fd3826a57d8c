"""`locate3d train`: options that begin with a preset or a run, data sets from their folders, and wrong words."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from dataset_folders import write_dataset
from training_runs import lift_flat, write_lifted

from locate3d_ros.cli.arguments import parse
from locate3d_ros.cli.main import main
from locate3d_ros.errors import InputError
from locate3d_ros.training.presets import FULL, SMOKE, TINY
from locate3d_ros.training.run import sources_of
from locate3d_ros.training.scene_source import CachedSource

SMALL = ["--preset", "smoke", "--batch", "1", "--sentences", "2", "--threads", "1", "--device", "cpu"]
# `smoke` beside the data: its model is the least.


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_lifted(tmp_path_factory.mktemp("data") / "homes", "train")


def error_line(capfd) -> str:
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_options_begin_with_the_preset():
    for name, preset in (("smoke", SMOKE), ("tiny", TINY), ("locate3d", FULL)):
        given = parse(["train", "grounding", "--preset", name, "--out", "x", "--batch", "8"]).task
        assert given.config == replace(preset, data=replace(preset.data, batch=8))
    assert parse(["train", "grounding", "--out", "x"]).task.config == TINY
    assert parse(["train", "jepa", "--preset=smoke", "--out", "x"]).task.config.schedule.frozen_epochs == 0


def test_a_data_set_folder_is_trained_on_and_continued(dataset, tmp_path, capfd):
    run = tmp_path / "run"
    assert main(["train", "grounding", *SMALL, "--data", str(dataset), "--out", str(run), "--steps", "2"]) == 0
    out, err = capfd.readouterr()
    assert out == f"{run}: 2 steps; use it with `--model {run}`\n"
    assert "step 2 of 2: loss" in err
    assert main(["train", "grounding", "--resume", str(run), "--steps", "3"]) == 0
    model = json.loads((run / "config.json").read_text())
    assert model["trained_on"] == {"slots": [["image", 6]], "digest": "0" * 64}
    assert [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()] == [2, 3]


def test_scenes_are_read_as_they_were_lifted(dataset):
    source = CachedSource(dataset, "train")
    assert list(source.expressions) == ["a", "b"]
    voxels = source.voxels("a")
    assert voxels.features.shape == (len(voxels), 6)
    for number, box in source.boxes("a").items():
        own = voxels.xyz[voxels.object_ids == number]
        assert len(own) > 10
        assert bool(((own > box[:3] - 0.05) & (own < box[3:] + 0.05)).all())


FAULTS = {
    "no folder": (["grounding", "--preset", "smoke"], "give --out DIR, or --resume DIR"),
    "no data": (["grounding", "--out", "NEW"], "name data set folders with --data"),
    "no steps": (["jepa", "--preset", "smoke", "--out", "NEW", "--steps", "0"], "--steps 0: give 1 or more"),
    "no run": (["jepa", "--resume", "NEW"], "holds no run"),
    "no data set": (["jepa", "--out", "NEW", "--data", "NEW"], "NEW"),
    "not lifted": (["jepa", "--out", "NEW", "--data", "BARE"], "run `locate3d cache`"),
    "no split": (["jepa", "--out", "NEW", "--data", "DATA", "--split", "moon"], "moon"),
    "no cache": (["jepa", "--out", "NEW", "--data", "DATA", "--cache", "deep"], "named 'deep'"),
    "no weights": (["grounding", "--out", "NEW", "--data", "DATA", "--initial", "NEW"], "NEW"),
    "unknown preset": (["grounding", "--preset", "huge", "--out", "NEW"], "--preset"),
    "wrong value": (["grounding", "--clip", "0", "--out", "NEW"], "clip = 0.0: out of range"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_wrong_words_are_one_line_and_status_2(dataset, tmp_path, capfd, case):
    words, named = FAULTS[case]
    bare = write_dataset(tmp_path / "bare", split="train")
    places = {"NEW": str(tmp_path / "new"), "DATA": str(dataset), "BARE": str(bare)}
    assert main(["train", *(places.get(word, word) for word in words)]) == 2
    assert places.get(named, named) in error_line(capfd)


def test_a_run_is_continued_as_what_it_is(tmp_path, capfd):
    run = str(tmp_path / "run")
    assert main(["train", "jepa", *SMALL, "--max-voxels", "200", "--out", run, "--steps", "1"]) == 0
    capfd.readouterr()
    for words, named in (
        (["grounding", "--resume", run], "a jepa run; continue it with `locate3d train jepa`"),
        (["jepa", "--resume", run, "--out", run], "--out and --resume: give one"),
        (["jepa", "--resume", run, "--learning-rate", "0.5"], "--learning-rate: the run"),
        (["jepa", *SMALL, "--out", run], "holds a run"),
    ):
        assert main(["train", *words]) == 2
        assert named in error_line(capfd)


def test_features_of_two_extractors_do_not_mix(dataset, tmp_path):
    other = write_dataset(tmp_path / "other", scenes=("a",), split="train")
    lift_flat(other, ("a",), digest="1" * 64)
    config = replace(SMOKE, data=replace(SMOKE.data, data=(str(dataset), str(other))))
    with pytest.raises(InputError, match="another extractor"):
        sources_of(config)

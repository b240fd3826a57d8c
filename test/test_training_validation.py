"""Validation beside training: what it measures, what it keeps, and that training is the same with and without it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from dataset_folders import write_dataset
from training_runs import ran, small, weights, write_lifted

from locate3d_ros.cli.main import main
from locate3d_ros.evaluation.contestants import Guess, LocalizerContestant
from locate3d_ros.model.checkpoint import load_checkpoint
from locate3d_ros.training.config import TrainingConfig, ValidationConfig
from locate3d_ros.training.run_folder import RunFolder
from locate3d_ros.training.validation import Validation
from locate3d_ros.types import Box, Instance, Role

FIGURES = ("val_acc25", "val_acc50", "val_loss")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_lifted(tmp_path_factory.mktemp("data") / "homes", "train", "val")


@pytest.fixture
def config(dataset) -> TrainingConfig:
    config = small("grounding")
    data = replace(config.data, data=(str(dataset),), batch=1)
    return replace(config, data=data, validation=ValidationConfig((str(dataset),), validate_every=2))


def validated(folder: Path) -> dict[int, dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: {name: line[name] for name in FIGURES} for line in lines if FIGURES[0] in line}


def test_training_is_the_same_to_the_bit_with_validation_and_when_interrupted(config, tmp_path):
    without = ran("grounding", replace(config, validation=ValidationConfig()), tmp_path / "without", 4)
    whole = ran("grounding", config, tmp_path / "whole", 4)
    ran("grounding", config, tmp_path / "parts", 3)
    again = ran("grounding", RunFolder(tmp_path / "parts").config()[1], tmp_path / "parts", 4, resumed=True)
    for name, tensor in weights(without).items():
        assert torch.equal(tensor, weights(whole)[name]), name
        assert torch.equal(tensor, weights(again)[name]), name
    assert not (tmp_path / "without" / "best").exists()
    assert list(validated(tmp_path / "whole")) == [2, 4]
    assert validated(tmp_path / "whole") == validated(tmp_path / "parts")
    best = [(tmp_path / name / "best" / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert best[0] == best[1]


def test_the_best_model_is_kept_and_loads(config, tmp_path, monkeypatch):
    reached = iter([0.2, 0.6, 0.6, 0.4])
    made = []

    def measure(self, model, reader):  # noqa: ARG001
        made.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return {"val_acc25": next(reached), "val_acc50": 0.1, "val_loss": 1.0}

    monkeypatch.setattr(Validation, "measure", measure)
    ran("grounding", replace(config, validation=replace(config.validation, validate_every=1)), tmp_path / "run", 4)
    told = json.loads((tmp_path / "run" / "best" / "validation.json").read_text())
    assert told == {"step": 2, "val_acc25": 0.6, "val_acc50": 0.1, "val_loss": 1.0}
    best = load_checkpoint(tmp_path / "run" / "best").model.state_dict()
    assert all(torch.equal(tensor, made[1][name]) for name, tensor in best.items())
    assert any(not torch.equal(tensor, made[3][name]) for name, tensor in best.items())


def test_sentences_about_present_things_are_right_by_the_overlap_of_their_boxes(config, tmp_path, monkeypatch):
    asked = []

    def guess(self, question):
        """Answer the red crates exactly, and the blue ones with three tenths of their box."""
        asked.append(question.text)
        low, high = question.boxes[0].reshape(2, 3).tolist()
        if "blue" in question.text:
            high[2] = low[2] + 0.3 * (high[2] - low[2])
        box = Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))
        mask = torch.zeros(len(self._scene.snapshot), dtype=torch.bool)
        return Guess(Instance(0, question.text, Role.TARGET, 1.0, box, mask, torch.zeros(0, 3), torch.zeros(0, 3)), 1.0)

    monkeypatch.setattr(LocalizerContestant, "guess", guess)
    ran("grounding", config, tmp_path / "run", 2)
    figures = validated(tmp_path / "run")[2]
    assert figures["val_acc25"] == 1.0
    assert figures["val_acc50"] == 0.5
    assert 0 < figures["val_loss"] < 1000
    assert asked == 2 * ["the red crate", "the blue crate"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["grounding", "--val", "DATA"], "validate_every = 0: out of range; give the steps between validations"),
        (["grounding", "--validate-every", "2"], "val = (): out of range; name data set folders"),
        (["grounding", "--val", "BARE", "--validate-every", "2"], "run `locate3d cache`"),
        (["grounding", "--val", "DATA", "--val-split", "moon", "--validate-every", "2"], "no split 'moon'"),
        (["jepa", "--val", "DATA", "--validate-every", "2"], "an encoder alone answers no sentences"),
    ],
)
def test_what_cannot_be_validated_is_refused(dataset, tmp_path, capfd, words, reason):
    bare = write_dataset(tmp_path / "bare")
    places = {"DATA": str(dataset), "BARE": str(bare)}
    options = ["--preset", "smoke", "--data", str(dataset), "--out", str(tmp_path / "run")]
    assert main(["train", *(places.get(word, word) for word in words), *options]) == 2
    assert reason in capfd.readouterr().err

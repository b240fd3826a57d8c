"""Whole runs of the trainer: schedules, resuming to the bit, several processes, faults."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from locate3d_ros.errors import InputError
from locate3d_ros.model.checkpoint import load_checkpoint, load_encoder
from locate3d_ros.training.averaging import AveragedState
from locate3d_ros.training.config import AugmentationConfig, DataConfig, JepaConfig, RunConfig, ScheduleConfig
from locate3d_ros.training.presets import SMOKE, for_pretraining
from locate3d_ros.training.run import make_trainer, train
from locate3d_ros.training.run_folder import METRICS, STATE, RunFolder
from locate3d_ros.training.schedule import Schedule
from locate3d_ros.training.synchronised_norm import SynchronisedBatchNorm
from locate3d_ros.training.toy_scenes import ToySource

REPOSITORY = Path(__file__).resolve().parent.parent
SMALL = replace(SMOKE, data=replace(SMOKE.data, batch=2, sentences=2), run=replace(SMOKE.run, save_every=1000))


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_rates_follow_the_table():
    schedule = Schedule(
        ScheduleConfig(epochs=40, frozen_epochs=17, learning_rate=1.0, warmup_steps=10, last_rate=0.1), 5
    )
    assert schedule.steps == 200
    half = 0.1 + 0.9 * (1 + math.cos(math.pi * (105 - 10) / 190)) / 2
    table = {0: (0, 0.1), 9: (0, 1.0), 10: (0, 1.0), 84: (0, None), 85: (0.5, None), 105: (0.5, half), 199: (0.5, None)}
    for step, (encoder, decoder) in table.items():
        rates = schedule.at(step)
        assert decoder is None or rates.decoder == pytest.approx(decoder)
        assert rates.encoder == pytest.approx(encoder * rates.decoder)
        assert rates.frozen == (step < 85)
    assert schedule.at(500).decoder == pytest.approx(0.1)
    assert [schedule.target_decay(0.9, s) for s in (0, 100, 200)] == pytest.approx([0.9, 0.95, 1.0])


def test_average_is_a_mean_at_first_and_then_exponential():
    module = torch.nn.Linear(1, 1, bias=False)
    average = AveragedState(module, 0.5)
    with torch.no_grad():
        module.weight.fill_(1.0)
        average.tensors["weight"].fill_(0.0)
    for expected in (1 - 1 / 11, 1 - 1 / 11 * 2 / 12):
        average.update(module)
        assert float(average.tensors["weight"]) == pytest.approx(expected)
    with average.applied(module):
        assert module.weight.item() < 1
    assert module.weight.item() == 1


@pytest.mark.parametrize("task", ["grounding", "jepa"])
def test_ten_steps_are_five_and_five_resumed_to_the_bit(tmp_path, task):
    config = SMALL if task == "grounding" else for_pretraining(SMALL)
    config = replace(config, schedule=replace(config.schedule, epochs=2, frozen_epochs=0))
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(task, config, whole, 10, resumed=False)
    train(task, config, parts, 5, resumed=False)
    train(task, config, parts, 10, resumed=True)
    a, b = whole.load_state(), parts.load_state()
    assert a["step"] == b["step"] == 10
    for name, tensor in a["module"].items():
        assert torch.equal(tensor, b["module"][name]), name
    for name, tensor in a["average"].items():
        assert torch.equal(tensor, b["average"][name]), name
    lines = [[json.loads(line) for line in (run.path / METRICS).read_text().splitlines()] for run in (whole, parts)]
    assert lines[0][-1] == lines[1][-1]


def test_run_overfits_two_scenes_and_writes_a_model_that_loads(tmp_path):
    config = replace(
        SMALL,
        data=replace(SMALL.data, overfit=2, sentences=8),
        schedule=replace(SMALL.schedule, epochs=60, frozen_epochs=0),
    )
    trainer = train("grounding", config, RunFolder(tmp_path / "run"), 60, resumed=False)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / METRICS).read_text().splitlines()]
    assert losses[-1] < losses[0] / 3
    checkpoint = load_checkpoint(tmp_path / "run")
    assert checkpoint.trained_on == ToySource(1).trained_on
    averaged = trainer._average.tensors["model.decoder.query_feat.weight"]
    torch.testing.assert_close(checkpoint.model.state_dict()["decoder.query_feat.weight"], averaged)


def test_encoder_is_frozen_at_first_and_then_learns(tmp_path):
    config = replace(SMALL, schedule=replace(SMALL.schedule, epochs=4, frozen_epochs=1))
    trainer = make_trainer("grounding", config, RunFolder(tmp_path), torch.device("cpu"))
    first = trainer.schedule.steps_per_epoch
    encoder = trainer._task._model.encoder.state_dict()
    before = {name: tensor.clone() for name, tensor in encoder.items()}
    (tmp_path / "x").mkdir()
    trainer.step = first - 1
    trainer.run(first)
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.items())
    trainer.run(first + 1)
    assert not all(torch.equal(before[name], tensor) for name, tensor in encoder.items())


def test_pretrained_encoder_starts_a_model(tmp_path):
    train("jepa", for_pretraining(SMALL), RunFolder(tmp_path / "jepa"), 2, resumed=False)
    pretrained = load_encoder(tmp_path / "jepa").state_dict()
    config = replace(SMALL, run=replace(SMALL.run, initial=str(tmp_path / "jepa")))
    trainer = make_trainer("grounding", config, RunFolder(tmp_path / "run"), torch.device("cpu"))
    own = trainer._task._model.encoder.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in pretrained.items())


def test_loss_that_is_not_finite_stops_and_names_the_scenes(tmp_path, monkeypatch):
    real = ToySource.voxels
    broken = lambda self, name: replace(real(self, name), features=real(self, name).features * float("inf"))  # noqa: E731
    folder = RunFolder(tmp_path / "run")
    train("grounding", SMALL, folder, 1, resumed=False)
    kept = (folder.path / STATE).read_bytes()
    monkeypatch.setattr(ToySource, "voxels", broken)
    with pytest.raises((InputError, ValueError), match=r"not finite|nan"):
        train("grounding", SMALL, folder, 3, resumed=True)
    assert (folder.path / STATE).read_bytes() == kept


def test_accumulated_passes_equal_one_large_one(tmp_path):
    config = replace(SMALL, data=replace(SMALL.data, batch=4), schedule=replace(SMALL.schedule, norm_steps=0))
    states = []
    for count in (1, 2):
        own = replace(config, data=replace(config.data, accumulation=count))
        folder = RunFolder(tmp_path / str(count))
        train("grounding", own, folder, 2, resumed=False)
        states.append(folder.load_state()["module"])
    for name, tensor in states[0].items():
        torch.testing.assert_close(tensor, states[1][name], atol=1e-4, rtol=1e-3, msg=name)


def test_synchronised_norm_alone_is_torchs_own():
    torch.manual_seed(0)
    ours, theirs = SynchronisedBatchNorm(5), torch.nn.BatchNorm1d(5)
    x = torch.randn(1, 5, 40)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


TWO = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
torch.set_num_threads(1)
from locate3d_ros.training.presets import SMOKE
from locate3d_ros.training.run import train
from locate3d_ros.training.run_folder import RunFolder
config = replace(SMOKE, data=replace(SMOKE.data, batch=4, sentences=2), run=replace(SMOKE.run, device="cpu"),
                 schedule=replace(SMOKE.schedule, frozen_epochs=0))
train("grounding", config, RunFolder(Path(sys.argv[1])), 3, False)
"""


def test_two_processes_equal_one_with_all_scenes(tmp_path):
    script = tmp_path / "two.py"
    script.write_text(TWO)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    for name, words in (("one", ()), ("two", launch)):
        command = [sys.executable, *words, str(script), str(tmp_path / name)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-2000:]
    lines = [(tmp_path / name / METRICS) for name in ("one", "two")]
    one, two = (json.loads(path.read_text().splitlines()[-1]) for path in lines)
    assert one["loss"] == pytest.approx(two["loss"], rel=1e-5)
    a, b = (RunFolder(tmp_path / name).load_state()["module"] for name in ("one", "two"))
    for name, tensor in a.items():
        torch.testing.assert_close(tensor, b[name], atol=1e-4, rtol=1e-3, msg=name)


def test_damaged_and_foreign_states_are_refused(tmp_path):
    folder = RunFolder(tmp_path / "run")
    train("grounding", SMALL, folder, 1, resumed=False)
    with pytest.raises(InputError, match="holds a run"):
        train("grounding", SMALL, folder, 1, resumed=False)
    other = replace(SMALL, run=replace(SMALL.run, model="locate3d-tiny"))
    state = (folder.path / STATE).read_bytes()
    with pytest.raises(InputError, match="no data set"):
        train("grounding", other, folder, 2, resumed=True)
    (folder.path / STATE).write_bytes(state[: len(state) // 2])
    with pytest.raises(InputError, match="damaged"):
        train("grounding", SMALL, folder, 2, resumed=True)
    (folder.path / STATE).unlink()
    with pytest.raises(InputError, match="no such file"):
        train("grounding", SMALL, folder, 2, resumed=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DataConfig(batch=0), "batch = 0"),
        (lambda: DataConfig(mixing=(1.0,)), "one value above 0 for each data set"),
        (lambda: AugmentationConfig(scale=1.5), "scale = 1.5"),
        (lambda: ScheduleConfig(epochs=3, frozen_epochs=4), "frozen_epochs = 4"),
        (lambda: JepaConfig(mask_share=0), "mask_share = 0"),
        (lambda: JepaConfig(predictor_width=50, predictor_heads=4), "predictor_width = 50"),
        (lambda: RunConfig(save_every=0), "save_every = 0"),
    ],
)
def test_wrong_options_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_batch_that_does_not_divide_is_refused(tmp_path):
    config = replace(SMALL, data=replace(SMALL.data, batch=3, accumulation=2))
    with pytest.raises(InputError, match="batch = 3: not a multiple"):
        train("grounding", config, RunFolder(tmp_path / "run"), 1, resumed=False)

"""Whole runs: to the bit the same when they were interrupted, and everything a run writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_runs import ran, small, weights

from locate3d_ros.errors import InputError
from locate3d_ros.model.checkpoint import load_checkpoint, load_encoder
from locate3d_ros.training.config_file import config_of_json
from locate3d_ros.training.run import TOY_SCENES, make_trainer
from locate3d_ros.training.run_folder import RunFolder
from locate3d_ros.training.synchronised_norm import SynchronisedBatchNorm
from locate3d_ros.training.toy_scenes import ToySource

TASKS = ("grounding", "jepa")
REPOSITORY = Path(__file__).resolve().parent.parent


def steps_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def assert_same_gradients(one: Path, two: Path) -> None:
    """Compare averaged gradients, of length 1 at most, not weights: Adam makes whole steps of rounding around 0."""
    first, second = (RunFolder(path).load_state()["optimizer"] for path in (one, two))
    assert first.keys() == second.keys()
    for name, own in first.items():
        assert torch.allclose(own["exp_avg"], second[name]["exp_avg"], atol=1e-5), name


@pytest.mark.parametrize("task", TASKS)
def test_a_run_goes_on_to_the_bit_where_it_was_cut_off(task, tmp_path):
    config = small(task)
    whole = ran(task, config, tmp_path / "whole", 6)
    ran(task, config, tmp_path / "parts", 3)
    RunFolder(tmp_path / "parts").add_metrics(4, {"loss": 1.0})  # of a step after the last checkpoint
    again = ran(task, RunFolder(tmp_path / "parts").config()[1], tmp_path / "parts", 6, resumed=True)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name
    assert [line["loss"] for line in steps_of(tmp_path / "whole")] == [
        line["loss"] for line in steps_of(tmp_path / "parts")
    ]
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert files[0] == files[1]


def test_loading_in_workers_changes_nothing(tmp_path):
    config = small("jepa")
    alone = ran("jepa", config, tmp_path / "alone", 2)
    helped = ran("jepa", replace(config, data=replace(config.data, workers=1)), tmp_path / "helped", 2)
    assert all(torch.equal(tensor, weights(helped)[name]) for name, tensor in weights(alone).items())


def test_accumulated_passes_equal_one_large_pass(tmp_path):
    # Statistics of batch normalisation are each pass's own, so that they are kept from the start here.
    config = small("grounding")
    config = replace(config, data=replace(config.data, batch=4), schedule=replace(config.schedule, norm_steps=0))
    ran("grounding", config, tmp_path / "large", 2)
    ran("grounding", replace(config, data=replace(config.data, accumulation=2)), tmp_path / "parts", 2)
    assert_same_gradients(tmp_path / "large", tmp_path / "parts")


def test_recomputed_activations_change_nothing(tmp_path):
    config = small("grounding")
    kept = weights(ran("grounding", config, tmp_path / "kept", 1))
    again = weights(
        ran("grounding", replace(config, run=replace(config.run, checkpointing=True)), tmp_path / "again", 1)
    )
    for name, tensor in kept.items():
        if "running" not in name and "num_batches" not in name:
            assert torch.allclose(tensor.float(), again[name].float(), atol=1e-5), name


def test_bfloat16_trains_float32_weights(tmp_path):
    trained = ran("grounding", small("grounding", train_precision="bfloat16"), tmp_path, 1)
    assert {p.dtype for p in trained._task.module.parameters()} == {torch.float32}


def test_a_frozen_encoder_does_not_move_and_a_free_one_does(tmp_path):
    config = small("grounding")
    config = replace(
        config, schedule=replace(config.schedule, epochs=4, frozen_epochs=1), data=replace(config.data, overfit=1)
    )
    trainer = make_trainer("grounding", config, RunFolder(tmp_path), torch.device("cpu"))
    per_epoch = trainer.schedule.steps_per_epoch
    before = [p.clone() for p in trainer._task.encoder_parameters()]
    trainer.run(per_epoch)
    assert all(torch.equal(a, b) for a, b in zip(before, trainer._task.encoder_parameters(), strict=True))
    trainer.run(per_epoch + 2)
    assert not all(torch.equal(a, b) for a, b in zip(before, trainer._task.encoder_parameters(), strict=True))


def test_the_written_model_is_the_averaged_one_and_loads(tmp_path):
    trainer = ran("grounding", small("grounding"), tmp_path, 3)
    loaded = load_checkpoint(tmp_path)
    average = trainer._average.tensors
    for name, tensor in loaded.model.state_dict().items():
        assert torch.equal(tensor, average.get(f"model.{name}", tensor)), name
    assert loaded.trained_on == ToySource(1).trained_on


def test_a_grounding_run_begins_with_a_pretrained_encoder(tmp_path):
    ran("jepa", small("jepa"), tmp_path / "jepa", 2)
    config = small("grounding", initial=str(tmp_path / "jepa"))
    trainer = make_trainer("grounding", config, RunFolder(tmp_path / "new"), torch.device("cpu"))
    pretrained = load_encoder(tmp_path / "jepa").state_dict()
    started = trainer._task.module.model.encoder.state_dict()
    assert all(torch.equal(tensor, started[name]) for name, tensor in pretrained.items())
    ran("grounding", config, tmp_path / "new", 1)
    on = make_trainer(
        "grounding", small("grounding", initial=str(tmp_path / "new")), RunFolder(tmp_path / "x"), torch.device("cpu")
    )
    finished = load_checkpoint(tmp_path / "new").model.state_dict()
    assert all(torch.equal(tensor, finished[name]) for name, tensor in on._task.module.model.state_dict().items())


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_scenes(tmp_path, monkeypatch):
    ran("grounding", small("grounding"), tmp_path, 2)
    before = (tmp_path / "state.pt").read_bytes()
    broken = ToySource.voxels

    def voxels(self, scene_id):
        own = broken(self, scene_id)
        return replace(own, features=own.features * float("nan"))

    monkeypatch.setattr(ToySource, "voxels", voxels)
    with pytest.raises(InputError, match=r"step 2: the loss is not finite in toy0-\d{3}"):
        ran("grounding", small("grounding"), tmp_path, 4, resumed=True)
    assert (tmp_path / "state.pt").read_bytes() == before


def test_a_run_is_not_begun_over_another(tmp_path):
    ran("jepa", small("jepa"), tmp_path, 1)
    with pytest.raises(InputError, match="holds a run; continue it with --resume"):
        ran("jepa", small("jepa"), tmp_path, 1)


def test_a_failed_write_leaves_the_last_state(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    folder.save_state({"step": 1})

    def fail(_, file):
        Path(file).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(InputError, match="disk full"):
        folder.save_state({"step": 2})
    assert folder.load_state() == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize(
    ("content", "reason"), [(b"nonsense", "damaged"), (b"", "damaged"), (None, "has not reached its first checkpoint")]
)
def test_unreadable_states_are_one_line(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(InputError, match=reason) as error:
        RunFolder(tmp_path).load_state()
    assert "\n" not in str(error.value)


def test_settings_are_read_as_they_were_written(tmp_path):
    config = small("jepa", seed=3)
    RunFolder(tmp_path).begin("jepa", config)
    assert config_of_json(tmp_path / "training.json") == ("jepa", config)
    (tmp_path / "training.json").write_text('{"task": "jepa", "data": {"wheels": 4}}')
    with pytest.raises(InputError, match="wheels"):
        config_of_json(tmp_path / "training.json")
    (tmp_path / "training.json").write_text("[")
    with pytest.raises(InputError, match="not the configuration of a run"):
        config_of_json(tmp_path / "training.json")


def test_a_batch_that_does_not_split_is_refused(tmp_path):
    config = replace(small("jepa"), data=replace(small("jepa").data, batch=3, accumulation=2))
    with pytest.raises(InputError, match="batch = 3: not a multiple"):
        make_trainer("jepa", config, RunFolder(tmp_path), torch.device("cpu"))


def test_normalisation_over_all_rows_equals_torchs_own():
    torch.manual_seed(0)
    ours, reference = SynchronisedBatchNorm(6), torch.nn.BatchNorm1d(6)
    rows = torch.randn(1, 6, 50) * 3 + 1
    for _ in range(3):
        assert torch.allclose(ours(rows), reference(rows), atol=1e-5)
    assert torch.allclose(ours.running_var, reference.running_var, atol=1e-5)
    assert torch.allclose(ours.eval()(rows), reference.eval()(rows), atol=1e-5)


ONE_OF_TWO = """
import sys
from pathlib import Path
from training_runs import ran, small

if __name__ == "__main__":
    ran("grounding", small("grounding", strategy=sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.mark.parametrize(("strategy", "steps"), [("ddp", 2), ("fsdp", 1)])
def test_two_processes_equal_one(strategy, steps, tmp_path):
    script = tmp_path / "one_of_two.py"
    script.write_text(ONE_OF_TWO)
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "test")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    words += [strategy, str(tmp_path / "two"), str(steps)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    ran("grounding", small("grounding"), tmp_path / "one", steps)
    losses = [[step["loss"] for step in steps_of(tmp_path / name)] for name in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert_same_gradients(tmp_path / "one", tmp_path / "two")


def test_toy_scenes_are_the_same_for_a_seed():
    a, b = ToySource(2), ToySource(2)
    assert a.expressions == b.expressions
    name = next(iter(a.expressions))
    assert torch.equal(a.voxels(name).features, b.voxels(name).features)
    assert len(ToySource(TOY_SCENES).expressions) == TOY_SCENES

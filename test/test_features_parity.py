"""benchmarks/parity.py on folders of features: the released code's own tensors, and others of other sizes."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from pathlib import Path

import pytest
import torch
from features_folder import write_features_folder
from safetensors.torch import load_file, save_file

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "parity.py"
CHANGED = (
    "frame.mask_bbox_xywh",
    "frame.clip_input_sub",
    "frame.clip_crop_raw",
    "frame.clip_blended_f32",
    "frame.pixel_mask",
    "frame.pixel_clip",
    "frame.pixel_dino",
    "frame.pixel_dino_unscrambled",
    "frame.dino_patch_tokens",
    "frame.pixel_xyz",
    "ideal.voxel_count",
    "ideal.voxel_xyz",
    "ideal.features_clip",
    "ideal.features_dino",
)


@pytest.fixture
def compare(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    script = runpy.run_path(str(SCRIPT))

    def run(folder):
        monkeypatch.setattr(sys, "argv", [SCRIPT.name, str(folder)])
        return script["main"]()

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_features_folder(tmp_path_factory.mktemp("features") / "small")


def changed(folder, place, names):
    """A copy of a folder in which one value of each named tensor differs by a hundredth of the largest, or by one."""
    shutil.copytree(folder, place, copy_function=shutil.copyfile)
    tensors = load_file(place / "io.safetensors")
    for name in names:
        flat = tensors[name].flatten()
        step = 0.01 * flat.abs().max() if flat.is_floating_point() else 1
        flat[len(flat) // 2] += step
        tensors[name] = flat.reshape(tensors[name].shape)
    save_file(tensors, place / "io.safetensors")
    return place


@pytest.mark.parametrize("source", ["released", "other sizes"])
def test_all_tensors_are_compared_and_reproduced(request, compare, capsys, source):
    path = request.getfixturevalue("folder")
    if source == "released":
        path = request.getfixturevalue("test_data") / "parity" / "features_a"
    assert compare(path) == 0, capsys.readouterr().out
    assert "not compared" not in capsys.readouterr().err


def test_every_changed_value_fails_and_is_named(folder, compare, capsys, tmp_path):
    assert compare(changed(folder, tmp_path / "changed", CHANGED)) == 1
    printed = capsys.readouterr().out
    assert [name for name in CHANGED if f"FAILED {name}:" not in printed] == []


def test_tolerances_are_those_of_the_folder(folder, compare, capsys, tmp_path):
    place = changed(folder, tmp_path / "lenient", ["frame.pixel_xyz"])
    config = json.loads((place / "config.json").read_text())
    config["suggested_tolerance"]["pixel_xyz"] = 1.0
    (place / "config.json").write_text(json.dumps(config))
    assert compare(place) == 0, capsys.readouterr().out


def test_networks_of_other_sizes_than_described_are_refused_in_one_line(folder, compare, capsys, tmp_path):
    place = changed(folder, tmp_path / "wrong", [])
    weights = load_file(place / "weights.safetensors")
    weights["visual.proj"] = torch.zeros(3, 3)
    save_file(weights, place / "weights.safetensors")
    assert compare(place) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1

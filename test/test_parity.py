from __future__ import annotations

import importlib.util
import json
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "parity.py"


@pytest.fixture(params=["released", "small"])
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Tensors of the released model, and our own of other sizes, depths, orders and texts."""
    if importlib.util.find_spec("open_clip") is None:
        pytest.skip("the CLIP vocabulary comes with open_clip_torch")
    folder, source = tmp_path / "golden", Path(__file__).resolve().parent / "data" / "parity_small"
    if request.param == "released":
        source = request.getfixturevalue("test_data") / "parity" / "golden_a"
    shutil.copytree(source, folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    return folder


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], int]:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    script = runpy.run_path(str(SCRIPT))

    def run(folder: Path) -> int:
        monkeypatch.setattr(sys, "argv", [SCRIPT.name, str(folder)])
        return script["main"]()

    return run


def test_golden_tensors_are_reproduced_and_all_of_them_compared(golden: Path) -> None:
    result = subprocess.run([sys.executable, SCRIPT, golden], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "not compared" not in result.stderr


@pytest.mark.parametrize(
    "name", ["ptv3.serialized_code", "ptv3.stem", "encoder.features", "query1.pred_masks", "query0.layer0.text_feats"]
)
def test_changed_golden_value_fails_and_is_named(golden: Path, compare, capsys, name: str) -> None:
    tensors = load_file(golden / "io.safetensors")
    flat = tensors[name].flatten()
    flat[len(flat) // 2] += 1 if not flat.is_floating_point() else 0.01 * flat.abs().max()
    save_file(tensors, golden / "io.safetensors")
    assert compare(golden) == 1
    assert f"FAILED {name}" in capsys.readouterr().out


def test_changed_instances_fail(golden: Path, compare, capsys) -> None:
    config = json.loads((golden / "config.json").read_text())
    config["expected_instances"][0][0]["text"] += " "
    (golden / "config.json").write_text(json.dumps(config))
    assert compare(golden) == 1
    assert "query0: queries, tokens, text" in capsys.readouterr().out


def test_folder_without_the_files_is_refused_in_one_line(tmp_path: Path, compare, capsys) -> None:
    assert compare(tmp_path) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1

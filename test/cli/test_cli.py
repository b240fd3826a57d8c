"""The `locate3d` command: what it writes and what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from locate3d_ros.cli.main import main
from locate3d_ros.types import Status

REPOSITORY = Path(__file__).resolve().parents[2]


def test_map_writes_a_file_that_localize_reads(tmp_path, recording, capfd):
    output, answers = tmp_path / "hall.safetensors", tmp_path / "out.json"
    assert main(["map", str(recording), "-o", str(output)]) == 0
    out, err = capfd.readouterr()
    assert f"{output}: " in out
    assert "3 frames" in out
    assert err == ""
    assert main(["localize", str(output), "the wall", "--json", str(answers)]) == 0
    report = json.loads(answers.read_text())
    assert report["source"] == str(output)
    assert report["frame_id"] == "hall"
    assert report["map"]["voxels"] > 10


@pytest.mark.parametrize("color", ["rgb", "features"])
def test_export_writes_a_map_file_as_a_point_cloud(tmp_path, recording, capfd, color):
    pytest.importorskip("open3d")
    map_file, cloud = tmp_path / "hall.safetensors", tmp_path / "hall.ply"
    assert main(["map", str(recording), "-o", str(map_file)]) == 0
    assert main(["export", str(map_file), "-o", str(cloud), "--color", color]) == 0
    assert f"{cloud}: " in capfd.readouterr().out
    assert cloud.read_bytes().startswith(b"ply\nformat binary_little_endian")


def test_compressed_map_is_read_like_the_other(tmp_path, recording, capfd):
    whole, small, alike = (tmp_path / f"{name}.safetensors" for name in ("whole", "small", "alike"))
    answers = tmp_path / "out.json"
    assert main(["map", str(recording), "-o", str(whole)]) == 0
    assert main(["compress", str(whole), "-o", str(small)]) == 0
    assert "image 2 -> 1 channels (100.0% kept)" in capfd.readouterr().out
    assert main(["compress", str(whole), "-o", str(alike), "--like", str(small)]) == 0
    assert all(torch.equal(tensor, load_file(small)[name]) for name, tensor in load_file(alike).items())
    assert main(["localize", str(small), "the wall", "--json", str(answers)]) == 0
    assert json.loads(answers.read_text())["results"][0]["status"] == "found"
    capfd.readouterr()
    for words, named in (
        (["compress", str(small), "-o", str(alike)], f"{small}: the map is compressed already"),
        (["compress", str(whole), "-o", str(alike), "--like", str(whole)], "is not compressed"),
        (["compress", str(recording), "-o", str(alike)], "no such file"),
    ):
        assert main(words) == 2
        assert named in capfd.readouterr().err


def test_json_has_exactly_the_documented_form(tmp_path, recording):
    answers = tmp_path / "out.json"
    assert main(["localize", str(recording), "the wall", "a bicycle", "--json", str(answers)]) == 0
    report = json.loads(answers.read_text())
    assert set(report) == {"schema", "source", "frame_id", "backend", "model", "map", "results"}
    assert report["schema"] == "locate3d/localizations@1"
    assert (report["source"], report["backend"], report["model"]) == (str(recording), "embedded", "walls")
    assert set(report["map"]) == {"voxels", "voxel_size", "revision", "seconds"}
    assert report["map"]["voxel_size"] == 0.05
    assert report["map"]["revision"] == 3
    found, absent = report["results"]
    assert set(found) == set(absent) == {"text", "status", "message", "seconds", "instances"}
    assert (found["text"], found["status"]) == ("the wall", "found")
    assert (absent["text"], absent["status"], absent["instances"]) == ("a bicycle", "not_found", [])
    assert absent["message"] == "nothing here is a a bicycle"
    (wall,) = found["instances"]
    assert set(wall) == {"score", "role", "phrase", "points", "box_min", "box_max"}
    assert (wall["score"], wall["role"], wall["phrase"]) == (0.9, "target", "wall")
    # The wall is 1.5 m in front of cameras at x = 0, 1, 2.
    assert wall["box_max"][2] == pytest.approx(1.5, abs=0.03)
    assert wall["box_max"][0] - wall["box_min"][0] == pytest.approx(3.5, abs=0.1)


def test_points_adds_the_coordinates_of_every_point(tmp_path, recording):
    answers = tmp_path / "out.json"
    assert main(["localize", str(recording), "the wall", "--json", str(answers), "--points"]) == 0
    (wall,) = json.loads(answers.read_text())["results"][0]["instances"]
    assert np.array(wall["xyz"]).shape == (wall["points"], 3)
    np.testing.assert_allclose(np.min(wall["xyz"], axis=0), wall["box_min"])


def test_table_names_sentence_status_and_place(recording, capfd):
    assert main(["localize", str(recording), "the [red] wall", "a bicycle"]) == 0
    out, err = capfd.readouterr()
    assert "the [red] wall" in out
    assert "0.90" in out
    assert "not found" in out
    assert "nothing here is a a bicycle" in out
    assert err == ""


def test_nothing_found_and_empty_text_are_answers_not_errors(tmp_path, recording):
    answers = tmp_path / "out.json"
    assert main(["localize", str(recording), "", "a bicycle", "--json", str(answers)]) == 0
    assert [result["status"] for result in json.loads(answers.read_text())["results"]] == ["bad_request", "not_found"]


def test_sentences_come_from_words_and_file_and_blank_lines_are_ignored(tmp_path, recording):
    texts, answers = tmp_path / "texts.txt", tmp_path / "out.json"
    texts.write_text("the wall\n\n  \na grüne Tür \n", encoding="utf-8")
    assert main(["localize", str(recording), "first", "--texts", str(texts), "--json", str(answers)]) == 0
    report = json.loads(answers.read_text(encoding="utf-8"))
    assert [result["text"] for result in report["results"]] == ["first", "the wall", "a grüne Tür"]


def test_options_are_the_fields_of_the_configuration(tmp_path, recording):
    answers = tmp_path / "out.json"
    options = ["--voxel-size", "0.1", "--min-score", "0.95", "--device", "cpu", "--quality", "paper"]
    assert main(["localize", *options, str(recording), "--json", str(answers), "the wall"]) == 0
    report = json.loads(answers.read_text())
    assert report["map"]["voxel_size"] == 0.1
    assert report["results"][0]["status"] == "not_found"


def test_map_file_keeps_its_voxel_size(tmp_path, recording):
    output, answers = tmp_path / "m.safetensors", tmp_path / "out.json"
    assert main(["map", str(recording), "-o", str(output), "--voxel-size", "0.2"]) == 0
    assert main(["localize", str(output), "wall", "--voxel-size", "0.05", "--json", str(answers)]) == 0
    assert json.loads(answers.read_text())["map"]["voxel_size"] == 0.2


def test_picture_is_given_the_map_and_the_answers(tmp_path, recording, monkeypatch):
    from locate3d_ros.visualization import picture

    calls = []
    monkeypatch.setattr(picture, "write_picture", lambda *arguments: calls.append(arguments))
    target = tmp_path / "out.png"
    assert main(["localize", str(recording), "the wall", "--picture", str(target)]) == 0
    ((path, snapshot, results),) = calls
    assert path == target
    assert len(snapshot) > 0
    assert [(text, answer.status) for text, answer in results] == [("the wall", Status.FOUND)]


def test_skipped_frames_are_counted_and_named(tmp_path, recording, capfd):
    (recording / "000001.pose.txt").write_text("nan " * 16)
    assert main(["map", str(recording), "-o", str(tmp_path / "m.safetensors")]) == 0
    err = capfd.readouterr().err.splitlines()
    assert err[0] == "left out 1 of 3 frames:"
    assert "000001.pose.txt" in err[1]
    assert "nan" in err[1]


def test_long_work_tells_plain_lines_where_there_is_no_terminal(tmp_path, recording, capfd, monkeypatch):
    from locate3d_ros.cli import progress

    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    assert main(["map", str(recording), "-o", str(tmp_path / "m.safetensors")]) == 0
    assert capfd.readouterr().err.splitlines() == [f"mapping: {n} of 3 frames" for n in (1, 2, 3)]


def test_bar_is_shown_on_a_terminal(tmp_path, recording, capfd, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(["map", str(recording), "-o", str(tmp_path / "m.safetensors")]) == 0
    assert (tmp_path / "m.safetensors").is_file()
    assert "of 3 frames\n" not in capfd.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["map", "--help"], ["localize", "--help"]])
def test_help_prints_options_and_exits_with_0(capfd, words):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 0
    out, err = capfd.readouterr()
    assert "usage: locate3d" in out
    assert err == ""
    if len(words) > 1:
        assert "--voxel-size" in out


def test_help_and_usage_errors_import_no_torch():
    code = "import sys, locate3d_ros.cli.main as m; m.main(['map']); sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, check=False).returncode == 0
    )


def test_python_m_is_the_same_command():
    run = subprocess.run(
        [sys.executable, "-m", "locate3d_ros", "map"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert run.stderr.startswith("locate3d: ")


def test_reader_of_a_pipe_that_goes_away_is_no_defect():
    run = subprocess.Popen(
        [sys.executable, "-m", "locate3d_ros", "localize", "--help"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    run.stdout.close()
    assert run.stderr.read() == b""
    assert run.wait() == 141
    run.stderr.close()

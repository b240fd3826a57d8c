"""The `locate3d` command with wrong input: exit status 2, and one line that names what, why and the mend."""

from __future__ import annotations

from pathlib import Path

import cli_parts
import numpy as np
import pytest
import torch
from recording_writers import png

from locate3d_ros.cli.main import main
from locate3d_ros.pipeline import Locate3D


def error_line(capfd) -> str:
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("locate3d: ")
    return err


USAGE = {
    "no command": ([], "map, localize, export"),
    "unknown command": (["fly"], "fly"),
    "no output": (["map", "SRC"], "-o"),
    "no source": (["localize"], "SOURCE"),
    "unknown option": (["map", "SRC", "-o", "x", "--bogus"], "--bogus"),
    "no number": (["map", "SRC", "-o", "x", "--voxel-size", "abc"], "--voxel-size"),
    "out of range": (["map", "SRC", "-o", "x", "--voxel-size", "-1"], "voxel_size = -1.0: out of range; give a value"),
    "unknown choice": (["map", "SRC", "-o", "x", "--backend", "magic"], "--backend"),
    "missing value": (["map", "SRC", "-o", "x", "--device"], "--device"),
    "no compression": (["compress", "SRC", "-o", "x", "--factor", "1"], "--factor = 1: out of range; give 2 or more"),
    "no sentence": (["localize", "SRC"], "--texts"),
}


@pytest.mark.parametrize("case", USAGE)
@pytest.mark.usefixtures("no_work")
def test_wrong_usage_is_one_line_and_status_2(recording, capfd, case):
    words, named = USAGE[case]
    assert main([str(recording) if word == "SRC" else word for word in words]) == 2
    assert named in error_line(capfd)


@pytest.mark.usefixtures("no_work")
def test_unwritable_outputs_are_found_before_the_long_work(tmp_path, recording, capfd):
    for option, command in (
        ("-o", "map"),
        ("--json", "localize"),
        ("--picture", "localize"),
        ("-o", "export"),
        ("-o", "compress"),
    ):
        for target in (tmp_path / "missing" / "x", tmp_path, Path("/proc/x")):
            words = [command, str(recording), *(["a wall"] if command == "localize" else []), option, str(target)]
            assert main(words) == 2
            assert f"{option} {target}" in error_line(capfd)


@pytest.mark.usefixtures("no_work")
def test_wrong_sources_are_one_line_and_status_2(tmp_path, capfd):
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    (tmp_path / "texts.txt").write_bytes(b"\xff\xfe\xfd")
    output = str(tmp_path / "m.safetensors")
    for words, named in (
        (["map", str(tmp_path / "nowhere"), "-o", output], "nowhere: no such file or folder"),
        (["map", str(tmp_path / "empty"), "-o", output], "empty: empty folder"),
        (["localize", str(tmp_path / "cut.safetensors"), "wall"], "cut.safetensors: truncated, or not a map"),
        (["localize", str(tmp_path), "--texts", str(tmp_path / "none.txt")], "none.txt: cannot be read"),
        (["localize", str(tmp_path), "--texts", str(tmp_path / "texts.txt")], "texts.txt: not a text file"),
    ):
        assert main(words) == 2
        assert named in error_line(capfd)
    assert not Path(output).exists()


def test_recording_without_a_usable_frame_is_one_line_and_status_2(tmp_path, recording, capfd):
    for path in recording.glob("*.color.png"):
        path.write_bytes(path.read_bytes()[:-20])
    output = tmp_path / "m.safetensors"
    assert main(["map", str(recording), "-o", str(output)]) == 2
    assert "no usable frame" in error_line(capfd)
    assert not output.exists()


def test_recording_without_depth_in_range_is_not_written_as_an_empty_map(tmp_path, recording, capfd):
    for path in recording.glob("*.depth.png"):
        path.write_bytes(png(np.zeros((24, 32), np.uint16)))
    output = tmp_path / "m.safetensors"
    assert main(["map", str(recording), "-o", str(output)]) == 2
    assert "no depth between 0.1 and 4.0 m" in error_line(capfd)
    assert not output.exists()


def test_map_of_another_extractor_is_refused_with_one_line(tmp_path, recording, capfd, monkeypatch):
    output = tmp_path / "m.safetensors"
    assert main(["map", str(recording), "-o", str(output)]) == 0
    capfd.readouterr()
    monkeypatch.setattr(cli_parts.FlatExtractor, "digest", "1" * 64)
    assert main(["localize", str(output), "wall"]) == 2
    assert str(output) in error_line(capfd)


def test_interrupt_exits_with_130_and_leaves_no_file(tmp_path, recording, capfd, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Locate3D, "add", interrupted)
    output = tmp_path / "m.safetensors"
    assert main(["map", str(recording), "-o", str(output)]) == 130
    assert error_line(capfd) == "locate3d: interrupted\n"
    assert not output.exists()


def test_defect_of_ours_is_not_taken_for_wrong_input(recording, monkeypatch):
    monkeypatch.setattr(Locate3D, "localize", lambda *_: torch.zeros(0)[1])
    with pytest.raises(IndexError):
        main(["localize", str(recording), "wall"])

"""`locate3d map` recognises each layout by itself, and says what it found where it does not."""

from __future__ import annotations

import pytest
from dataset_writers import (
    pose,
    write_arkitscenes,
    write_posed_images,
    write_replica,
    write_scannet_folder,
    write_scannetpp,
    write_sens,
)
from recording_writers import write_bag, write_frames, write_plain, write_tum

from locate3d_ros.cli.main import main

POSES = [pose(0.0), pose(0.5)]
TRACK = {10.0: pose(0.0), 10.1: pose(0.1)}
LAYOUTS = {
    "bag": lambda folder: write_bag(folder / "bag"),
    "plain": lambda folder: write_plain(folder / "plain"),
    "7-Scenes": lambda folder: write_frames(folder / "seven", "frame-"),
    "TUM": lambda folder: write_tum(folder / "tum"),
    "ScanNet stream": lambda folder: write_sens(folder / "scene0000_00.sens", POSES),
    "ScanNet folders": lambda folder: write_scannet_folder(folder / "scene0000_00", POSES),
    "ScanNet posed images": lambda folder: write_posed_images(folder / "scene0000_00", POSES),
    "ScanNet++": lambda folder: write_scannetpp(folder / "0a5c013435", POSES),
    "ARKitScenes": lambda folder: write_arkitscenes(folder / "42444949", (10.05,), TRACK, (9, 9)),
    "Replica": lambda folder: write_replica(folder / "Replica" / "room0", POSES),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_becomes_a_map(tmp_path, capfd, layout):
    source = LAYOUTS[layout](tmp_path)
    assert main(["map", str(source), "-o", str(tmp_path / "map.safetensors")]) == 0
    assert "voxels of 0.05 m" in capfd.readouterr().out


def test_options_of_the_recording_hold(tmp_path, capfd):
    source = write_sens(tmp_path / "scene0000_00.sens", [pose(0.1 * n) for n in range(5)])
    output = str(tmp_path / "map.safetensors")
    assert main(["map", str(source), "-o", output, "--frame-step", "2", "--protocol", "locate3d"]) == 0
    assert "from 3 frames" in capfd.readouterr().out


def test_unknown_folder_is_refused_with_what_it_holds(tmp_path, capfd):
    for name in ("a.txt", "b.txt", "c.txt", "d.txt"):
        (tmp_path / name).write_text("hello")
    assert main(["map", str(tmp_path), "-o", str(tmp_path / "map.safetensors")]) == 2
    error = capfd.readouterr().err.splitlines()[-1]
    assert "unknown layout (4 entries: a.txt, b.txt, c.txt …)" in error
    assert "give a rosbag2, 7-Scenes, TUM, ScanNet" in error

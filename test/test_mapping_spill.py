"""A map that may use the disk: far parts leave, come back with the robot, and never cost more memory than allowed."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch
from mapping_scenes import DEVICES, PLAIN, by_cell, empty_map, make_features, make_frame

from locate3d_ros.errors import InputError

BUDGET = 12.0  # MB
STEPS = 240


def place(x):
    T = torch.eye(4, dtype=torch.float64)
    T[0, 3] = x
    return T


def drive(voxel_map, places, start=0):
    """Frames of random depths at places along x, metres; the memory is looked at after each."""
    for number, x in enumerate(places):
        voxel_map.add(
            make_frame(int(x * 10), T_map_camera=place(x), stamp=float(start + number)), make_features(int(x * 10))
        )
        assert voxel_map.nbytes <= BUDGET * 1e6


def return_blindly(voxel_map, x):
    """Frames without depth from x metres back to the start: what comes back is what had left."""
    for number in range(x, -1, -1):
        voxel_map.add(make_frame(0, T_map_camera=place(float(number)), stamp=2.0 * x, depth=torch.zeros(18, 24)))
        assert voxel_map.nbytes <= BUDGET * 1e6


def near(snapshot, x, radius=2.0):
    """{cell: features} of the voxels around a place."""
    found = by_cell(snapshot, torch.cat((snapshot.xyz, snapshot.features["image"].float()), dim=1))
    return {cell: row[3:] for cell, row in found.items() if abs(row[0] - x) < radius}


@pytest.mark.parametrize("device", DEVICES)
def test_ten_times_the_budget_is_driven_through_and_the_start_comes_back(tmp_path, device):
    config = replace(PLAIN, memory_mb=BUDGET, spill_directory=str(tmp_path), carve_views=0)
    voxel_map = empty_map(config, device=device)
    unbounded = empty_map(replace(config, memory_mb=1e6, spill_directory=""), device=device)
    there = [float(x) for x in range(STEPS)]
    drive(voxel_map, there)
    for number, x in enumerate(there):
        frame = make_frame(int(x * 10), T_map_camera=place(x), stamp=float(number))
        unbounded.add(frame, make_features(int(x * 10)))
    assert unbounded.nbytes >= 10 * BUDGET * 1e6
    assert len(near(voxel_map.snapshot(), 0.0)) == 0
    assert voxel_map.spill.voxels + len(voxel_map) >= 0.99 * len(unbounded)

    expected = near(unbounded.snapshot(), 0.0)
    return_blindly(voxel_map, STEPS)
    found = near(voxel_map.snapshot(), 0.0)
    kept = expected.keys() & found.keys()
    assert len(kept) > 0.95 * len(expected)
    for cell in kept:
        np.testing.assert_allclose(found[cell], expected[cell], rtol=2e-3, atol=2e-3)
    assert voxel_map.spill.lost == 0


def test_without_a_folder_what_left_is_forgotten():
    voxel_map = empty_map(replace(PLAIN, memory_mb=BUDGET))
    drive(voxel_map, [float(x) for x in range(30)])
    return_blindly(voxel_map, 30)
    assert len(near(voxel_map.snapshot(), 0.0)) == 0


def spilled(tmp_path):
    voxel_map = empty_map(replace(PLAIN, memory_mb=BUDGET, spill_directory=str(tmp_path)))
    drive(voxel_map, [float(x) for x in range(30)])
    assert voxel_map.spill.voxels > 100
    return voxel_map


def files(tmp_path):
    return list(tmp_path.rglob("*.safetensors"))


def test_files_go_with_the_map_and_with_its_content(tmp_path):
    voxel_map = spilled(tmp_path)
    assert files(tmp_path)
    voxel_map.clear()
    assert not files(tmp_path)
    assert voxel_map.spill.voxels == 0
    voxel_map = spilled(tmp_path)
    voxel_map.restore(empty_map().snapshot())
    assert not files(tmp_path)
    voxel_map = spilled(tmp_path)
    del voxel_map
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_what_is_removed_is_removed_on_disk_too(tmp_path):
    voxel_map = spilled(tmp_path)
    total = voxel_map.spill.voxels + len(voxel_map)
    removed = voxel_map.remove_where(lambda xyz: xyz[:, 0] < 4.0)
    assert removed > 100
    assert voxel_map.spill.voxels + len(voxel_map) == total - removed
    return_blindly(voxel_map, 10)
    assert len(near(voxel_map.snapshot(), 5.0)) > 100
    assert float(voxel_map.snapshot().xyz[:, 0].min()) >= 4.0


def test_a_disk_that_fails_costs_what_leaves_and_nothing_else(tmp_path, monkeypatch):
    voxel_map = spilled(tmp_path)
    for file in files(tmp_path):
        file.write_bytes(file.read_bytes()[:50])
    on_disk = voxel_map.spill.voxels
    drive(voxel_map, [10.0, 5.0, 0.0], start=30)
    assert 0 < voxel_map.spill.lost <= on_disk

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("locate3d_ros.mapping.spill.save_file", full)
    lost = voxel_map.spill.lost
    drive(voxel_map, [float(x) for x in range(30, 60)], start=40)
    assert voxel_map.spill.lost > lost


def test_a_folder_that_cannot_be_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="spill_directory.*writable"):
        empty_map(replace(PLAIN, spill_directory=str(tmp_path / "file" / "inside")))

"""Snapshots beside a writer, the memory bound, and what a map forgets."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from mapping_scenes import CAMERA, DEVICES, PLAIN, by_cell, columns, empty_map, make_features, make_frame, pose

from locate3d_ros.config import MappingConfig
from locate3d_ros.errors import InputError
from locate3d_ros.mapping.scene_grids import SceneGrids


@pytest.mark.parametrize("device", DEVICES)
def test_snapshot_is_the_same_object_until_something_changes(device):
    voxel_map = empty_map(device=device)
    assert voxel_map.snapshot() is voxel_map.snapshot()
    voxel_map.add(make_frame(1))
    first = voxel_map.snapshot()
    assert first is voxel_map.snapshot()
    voxel_map.add(make_frame(1))
    assert voxel_map.snapshot() is not first


@pytest.mark.parametrize("device", DEVICES)
def test_later_changes_leave_a_snapshot_as_it_was(device):
    voxel_map = empty_map(device=device)
    voxel_map.add(make_frame(1), make_features(1))
    snapshot = voxel_map.snapshot()
    before = {name: values.clone() for name, values in columns(snapshot).items()}
    voxel_map.add(make_frame(1), make_features(2))
    voxel_map.add(make_frame(2), make_features(2))
    voxel_map.snapshot()
    voxel_map.clear()
    assert all(torch.equal(values, before[name]) for name, values in columns(snapshot).items())
    assert len(voxel_map.snapshot()) == 0
    assert len(snapshot) > 0


def test_snapshots_in_steps_equal_one_at_the_end():
    stepwise, once = empty_map(), empty_map()
    for seed in range(6):
        for voxel_map in (stepwise, once):
            voxel_map.add(make_frame(seed % 4), make_features(seed) if seed % 2 else None)
        stepwise.snapshot()
    a, b = columns(stepwise.snapshot()), columns(once.snapshot())
    assert all(torch.equal(values, b[name]) for name, values in a.items())


def test_readers_see_whole_frames_while_a_writer_adds():
    frames = [make_frame(seed % 5, stamp=float(seed)) for seed in range(60)]
    tables = make_features(1)
    voxel_map = empty_map()
    done, failures = threading.Event(), []

    def read():
        last = 0
        while not done.is_set():
            snapshot = voxel_map.snapshot()
            pixels = CAMERA.width * CAMERA.height
            if snapshot.weight.sum().item() != snapshot.revision * pixels or snapshot.revision < last:
                failures.append(snapshot.revision)
            last = snapshot.revision

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    held = voxel_map.snapshot()
    before = {name: values.clone() for name, values in columns(held).items()}
    for frame in frames:
        voxel_map.add(frame, tables)
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert voxel_map.snapshot().revision == len(frames)
    assert all(torch.equal(values, before[name]) for name, values in columns(held).items())


def test_a_snapshot_taken_while_a_frame_is_prepared_stays_as_it_was(monkeypatch):
    voxel_map, earlier, taken = empty_map(), empty_map(), []
    for each in (voxel_map, earlier):
        each.add(make_frame(1), make_features(1))
    probe = SceneGrids.probe

    def probe_and_read(self, *arguments):
        found = probe(self, *arguments)
        if self is voxel_map._grids and not taken:
            taken.append(voxel_map.snapshot())
        return found

    monkeypatch.setattr(SceneGrids, "probe", probe_and_read)
    voxel_map.add(make_frame(1, stamp=2.0), make_features(2))
    expected = columns(earlier.snapshot())
    assert taken
    assert all(torch.equal(values, expected[name]) for name, values in columns(taken[0]).items())
    assert voxel_map.snapshot().weight.sum() == 2 * expected["weight"].sum()


@pytest.mark.parametrize("device", DEVICES)
def test_memory_bound_holds_and_the_nearest_voxels_stay(device):
    config = replace(PLAIN, memory_mb=6.0)
    voxel_map, unbounded = empty_map(config, device=device), empty_map(device=device)
    for i in range(20):
        frame = make_frame(i, T_map_camera=pose(i, translation=(float(i), 0.0, 0.0)))
        voxel_map.add(frame, make_features(i))
        unbounded.add(frame, make_features(i))
        assert voxel_map.nbytes <= 6e6
    assert unbounded.nbytes > 12e6
    assert voxel_map.nbytes > 3e6
    snapshot = voxel_map.snapshot()
    camera = torch.tensor([19.0, 0.0, 0.0], device=device)
    kept = (snapshot.xyz - camera).norm(dim=1).max().item()
    everything = unbounded.snapshot()
    near = int(((everything.xyz - camera).norm(dim=1) < kept - 1.0).sum())
    assert len(snapshot) >= near
    assert len(by_cell(snapshot, snapshot.weight)) == len(snapshot)


def test_map_goes_on_after_voxels_left():
    voxel_map = empty_map(replace(PLAIN, memory_mb=6.0))
    for i in range(12):
        voxel_map.add(make_frame(i), make_features(i))
        voxel_map.snapshot()
    snapshot = voxel_map.snapshot()
    cells = np.floor(snapshot.xyz.double().numpy() / 0.05).astype(int)
    np.testing.assert_array_equal(cells, snapshot.cells.numpy())
    assert len({tuple(cell) for cell in cells.tolist()}) == len(snapshot)


def test_frame_id_can_be_set_only_while_the_map_is_empty():
    voxel_map = empty_map()
    voxel_map.frame_id = "odom"
    assert voxel_map.snapshot().frame_id == "odom"
    voxel_map.add(make_frame(1))
    voxel_map.frame_id = "odom"
    with pytest.raises(InputError, match="'odom'"):
        voxel_map.frame_id = "map"
    voxel_map.clear()
    voxel_map.frame_id = "map"
    assert voxel_map.frame_id == "map"


def test_clear_returns_to_the_configured_sizes():
    voxel_map = empty_map(MappingConfig(voxel_size=0.2))
    other = empty_map(MappingConfig(voxel_size=0.1))
    other.add(make_frame(1))
    voxel_map.restore(other.snapshot())
    assert voxel_map.snapshot().voxel_size == 0.1
    voxel_map.clear()
    assert voxel_map.snapshot().voxel_size == 0.2


def test_last_seen_is_the_stamp_of_the_frame_that_saw_a_voxel_last():
    voxel_map = empty_map()
    voxel_map.add(make_frame(1, stamp=1.0))
    voxel_map.add(make_frame(2, stamp=2.0))
    voxel_map.add(make_frame(1, stamp=3.0))
    alone = empty_map()
    alone.add(make_frame(1, stamp=3.0))
    snapshot = voxel_map.snapshot()
    seen_again = by_cell(alone.snapshot(), alone.snapshot().last_seen).keys()
    for cell, stamp in by_cell(snapshot, snapshot.last_seen).items():
        assert stamp == (3.0 if cell in seen_again else 2.0)

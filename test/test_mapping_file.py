"""Map files: what they keep, what they refuse, and that a crash leaves the old one whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_files import EXTRACTOR, make_snapshot, rewrite, same, saved
from mapping_scenes import DEVICES, FixedExtractor, columns, empty_map, make_features, make_frame
from safetensors import safe_open
from safetensors.torch import load_file

from locate3d_ros.config import MappingConfig
from locate3d_ros.errors import InputError
from locate3d_ros.mapping.map_file import load_map, save_map


@given(st.integers(0, 10_000), st.sampled_from([0.02, 0.05, 0.0625, 0.3]))
@settings(max_examples=6, deadline=None)
def test_file_keeps_the_map_to_its_quantisation(tmp_path_factory, seed, voxel_size):
    path = tmp_path_factory.mktemp("maps") / "map.safetensors"
    snapshot = make_snapshot(seed, MappingConfig(edge_threshold=0.0, voxel_size=voxel_size))
    save_map(snapshot, path)
    loaded = load_map(path, EXTRACTOR)
    before, after = columns(snapshot), columns(loaded)
    for name in ("cells", "weight", "last_seen", "has_features", "features.image", "features.text"):
        assert torch.equal(before[name], after[name])
    spacing = torch.tensor(voxel_size / 2).half().item() * 2**-10
    torch.testing.assert_close(before["xyz"], after["xyz"], atol=2.5 * spacing, rtol=0)
    torch.testing.assert_close(before["rgb"], after["rgb"], atol=0.5 / 255 + 1e-6, rtol=0)
    torch.testing.assert_close(before["fine.rgb"], after["fine.rgb"], atol=0.5 / 255 + 1e-6, rtol=0)
    torch.testing.assert_close(before["fine.xyz"], after["fine.xyz"], atol=3e-5, rtol=0)
    facts = ("revision", "stamp", "frame_id", "voxel_size", "extractor", "digest")
    assert [getattr(snapshot, fact) for fact in facts] == [getattr(loaded, fact) for fact in facts]
    assert torch.equal(snapshot.camera_pose, loaded.camera_pose)

    save_map(loaded, path)
    assert same(loaded, load_map(path, EXTRACTOR))


def test_format_is_the_documented_one(tmp_path):
    path = saved(tmp_path / "map.safetensors")
    tensors = load_file(path)
    count = len(tensors["cells"])
    form = {
        name: (str(t.dtype).removeprefix("torch."), tuple(t.shape[1:]), len(t) == count) for name, t in tensors.items()
    }
    expected = {
        "cells": ("int32", (3,), True),
        "offset": ("float16", (3,), True),
        "rgb": ("uint8", (3,), True),
        "weight": ("float32", (), True),
        "last_seen": ("float64", (), True),
        "features.image": ("float16", (5,), True),
        "features.text": ("float16", (3,), True),
    }
    assert {name: form[name] for name in expected} == expected
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert metadata["schema"] == "locate3d/map@1"
    assert (metadata["extractor"], metadata["digest"]) == (EXTRACTOR.name, EXTRACTOR.digest)
    assert (metadata["frame_id"], float(metadata["voxel_size"]), metadata["revision"]) == ("map", 0.05, "2")
    middle = (tensors["cells"].double() + 0.5) * 0.05
    xyz = make_snapshot().xyz.double()
    torch.testing.assert_close(middle + tensors["offset"].double(), xyz, atol=4e-5, rtol=0)


def test_views_survive(tmp_path):
    snapshot = make_snapshot()
    (before,) = snapshot.views
    loaded = load_map(saved(tmp_path / "map.safetensors"), EXTRACTOR)
    (after,) = loaded.views
    assert torch.equal(before.rgb, after.rgb)
    torch.testing.assert_close(before.depth, after.depth, atol=5.1e-4, rtol=0)
    assert torch.equal(before.T_map_camera, after.T_map_camera)
    assert (before.intrinsics, before.stamp, before.camera) == (after.intrinsics, after.stamp, after.camera)


def test_empty_map_survives(tmp_path):
    path = tmp_path / "empty.safetensors"
    save_map(empty_map(frame_id="world").snapshot(), path)
    loaded = load_map(path, EXTRACTOR)
    assert (len(loaded), len(loaded.fine.xyz), loaded.camera_pose, loaded.frame_id) == (0, 0, None, "world")


def test_minimal_file_of_the_documented_tensors_is_read(tmp_path):
    path = saved(tmp_path / "map.safetensors")
    extras = [name for name in load_file(path) if name.startswith(("fine.", "views.")) or name == "has_features"]
    rewrite(path, dict.fromkeys(extras), {"views": None, "fine_voxel_size": None, "camera_pose": None, "stamp": None})
    loaded = load_map(path, EXTRACTOR)
    assert len(loaded) == len(make_snapshot())
    assert torch.equal(
        loaded.has_features, (loaded.features["image"] != 0).any(1) | (loaded.features["text"] != 0).any(1)
    )
    assert (len(loaded.fine.xyz), loaded.views, loaded.camera_pose) == (0, (), None)


@pytest.mark.parametrize("device", DEVICES)
def test_restored_map_goes_on_with_the_sizes_of_the_file(tmp_path, device):
    config = MappingConfig(edge_threshold=0.0, voxel_size=0.1, fine_voxel_size=0.03)
    loaded = load_map(saved(tmp_path / "map.safetensors", config=config), EXTRACTOR)
    voxel_map = empty_map(device=device, frame_id="odom")
    voxel_map.add(make_frame(50))
    voxel_map.restore(loaded)
    snapshot = voxel_map.snapshot()
    assert (snapshot.voxel_size, snapshot.fine.voxel_size, voxel_map.frame_id) == (0.1, 0.03, "map")
    assert (snapshot.revision, snapshot.views) == (loaded.revision, loaded.views)
    before, after = columns(loaded), columns(snapshot)
    for name, values in before.items():
        # The finer grid keeps float16.
        tolerance = {"xyz": 1e-6, "fine.xyz": 1e-5, "fine.rgb": 2.5e-4}.get(name, 0)
        torch.testing.assert_close(after[name], values, atol=tolerance, rtol=0)
    voxel_map.add(make_frame(1), make_features(1))
    assert voxel_map.revision == loaded.revision + 1
    assert voxel_map.snapshot().weight.sum().item() == loaded.weight.sum().item() + 18 * 24


def test_revision_never_goes_back():
    voxel_map = empty_map()
    for seed in range(5):
        voxel_map.add(make_frame(seed))
    voxel_map.restore(make_snapshot())
    assert voxel_map.revision == 6
    voxel_map.clear()
    assert (voxel_map.revision, len(voxel_map)) == (7, 0)


def test_snapshot_of_another_extractor_is_not_restored():
    voxel_map = empty_map(extractor=FixedExtractor(name="other"))
    with pytest.raises(InputError, match="'fixed'"):
        voxel_map.restore(make_snapshot())


def test_saving_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = saved(tmp_path / "map.safetensors")
    first = load_map(path, EXTRACTOR)
    save_map(make_snapshot(9), path)
    assert not same(first, load_map(path, EXTRACTOR))
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.safetensors"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize(("name", "named"), [("none/map.safetensors", "does not exist"), (".", "is a folder")])
def test_unwritable_paths_are_refused(tmp_path, name, named):
    with pytest.raises(InputError, match=named):
        save_map(make_snapshot(), tmp_path / name)


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = saved(tmp_path / "map.safetensors")
    old = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match="No space left"):
        save_map(make_snapshot(5), path)
    assert path.read_bytes() == old
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.safetensors"]


SAVER = """
import sys
from pathlib import Path
import torch
from locate3d_ros.mapping.map_file import save_map, load_map
sys.path.insert(0, sys.argv[2])
from mapping_files import EXTRACTOR, make_snapshot, rewrite, same, saved
from mapping_scenes import FixedExtractor
path = Path(sys.argv[1])
snapshot = load_map(path, FixedExtractor())
print("saving", flush=True)
while True:
    save_map(snapshot, path)
"""


def test_kill_while_saving_leaves_a_whole_file(tmp_path):
    path = saved(tmp_path / "map.safetensors")
    expected = load_map(path, EXTRACTOR)
    here = os.path.dirname(__file__)
    rng = random.Random(0)
    environment = os.environ | {"PYTHONPATH": os.path.dirname(here), "OMP_NUM_THREADS": "1"}
    for _ in range(3):
        saver = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(path), here], stdout=subprocess.PIPE, env=environment
        )
        assert saver.stdout.readline() == b"saving\n"
        time.sleep(rng.uniform(0.0, 0.05))
        saver.send_signal(signal.SIGKILL)
        saver.communicate()
        assert same(expected, load_map(path, EXTRACTOR))

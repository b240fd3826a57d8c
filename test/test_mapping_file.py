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
from mapping_scenes import DEVICES, PLAIN, FixedExtractor, columns, empty_map, make_features, make_frame
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from locate3d_ros.config import MappingConfig
from locate3d_ros.errors import InputError
from locate3d_ros.mapping.map_file import is_map_file, load_map, save_map
from locate3d_ros.types import Slot

EXTRACTOR = FixedExtractor()


def make_snapshot(seed=1, config=PLAIN, **changes):
    voxel_map = empty_map(config)
    voxel_map.add(make_frame(seed, **changes), make_features(seed))
    voxel_map.add(make_frame(seed + 1, **changes))
    return voxel_map.snapshot()


def saved(path, **changes):
    save_map(make_snapshot(**changes), path)
    return path


def rewrite(path, tensors=None, metadata=None):
    """Write a map file again with some tensors or metadata replaced; None removes one."""
    with safe_open(path, "pt") as file:
        old = file.metadata()
    named = load_file(path) | (tensors or {})
    texts = old | (metadata or {})
    keep = {name: value for name, value in named.items() if value is not None}
    save_file(keep, path, {name: value for name, value in texts.items() if value is not None})


def same(a, b):
    return all(torch.equal(values, columns(b)[name]) for name, values in columns(a).items())


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
        torch.testing.assert_close(after[name], values, atol=1e-6 if "xyz" in name else 0, rtol=0)
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


FAULTS = {
    "schema": ({}, {"schema": "locate3d/map@2"}, "locate3d/map@2"),
    "foreign": ({}, {"schema": None}, "not a map"),
    "extractor": ({}, {"extractor": "clip_sam"}, "clip_sam"),
    "digest": ({}, {"digest": "e" * 64}, "weights"),
    "slot missing": ({"features.text": None}, {}, "slots"),
    "slot width": ({"features.text": torch.zeros(1, 4, dtype=torch.float16)}, {}, "slots"),
    "slot length": ({"features.text": torch.zeros(1, 3, dtype=torch.float16)}, {}, "features.text"),
    "slot flat": ({"features.text": torch.zeros(3, dtype=torch.float16)}, {}, "features.text"),
    "tensor missing": ({"weight": None}, {}, "weight is missing"),
    "dtype": ({"rgb": torch.zeros(1, 3)}, {}, "rgb"),
    "fine length": ({"fine.rgb": torch.zeros(1, 3, dtype=torch.uint8)}, {}, "fine.rgb"),
    "voxel size": ({}, {"voxel_size": "nan"}, "voxel_size"),
    "voxel size sign": ({}, {"voxel_size": "-0.05"}, "above 0"),
    "voxel size words": ({}, {"voxel_size": "five"}, "voxel_size"),
    "revision": ({}, {"revision": None}, "revision"),
    "frame": ({}, {"frame_id": None}, "frame_id"),
    "pose": ({}, {"camera_pose": "[[1, 0], [0, 1]]"}, "camera_pose"),
    "pose words": ({}, {"camera_pose": "here"}, "camera_pose"),
    "views": ({"views.0.rgb": torch.zeros(9, dtype=torch.uint8)}, {}, "thumbnails"),
    "views empty": ({"views.0.rgb": torch.zeros(0, dtype=torch.uint8)}, {}, "thumbnails"),
    "views missing": ({"views.0.rgb": None}, {}, "thumbnails"),
    "views words": ({}, {"views": "{"}, "thumbnails"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_files_are_refused_with_one_line(tmp_path, fault):
    tensors, metadata, named = FAULTS[fault]
    path = saved(tmp_path / "map.safetensors")
    rewrite(path, tensors, metadata)
    assert_refused(path, named)


def assert_refused(path, named, extractor=EXTRACTOR):
    with pytest.raises(InputError, match=named) as caught:
        load_map(path, extractor)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message


EDITS = {
    "nan offset": ("offset", lambda t: t.fill_(float("nan")), "nan"),
    "inf weight": ("weight", lambda t: t.fill_(float("inf")), "infinity"),
    "negative weight": ("weight", lambda t: t.fill_(-1.0), "weight"),
    "nan features": ("features.image", lambda t: t.fill_(float("nan")), "nan"),
    "nan last_seen": ("last_seen", lambda t: t.fill_(float("nan")), "nan"),
    "twice": ("cells", lambda t: t[1].copy_(t[0]), "twice"),
    "far": ("cells", lambda t: t.fill_(1 << 20), "outside"),
    "farther": ("cells", lambda t: t.fill_(-(1 << 31)), "outside"),
    "inconsistent": ("offset", lambda t: t.fill_(0.03), "out of its cell"),
    "fine inconsistent": ("fine.offset", lambda t: t.fill_(0.03), "out of its cell"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_inconsistent_values_are_refused_with_one_line(tmp_path, edit):
    name, change, named = EDITS[edit]
    path = saved(tmp_path / "map.safetensors")
    tensor = load_file(path)[name].clone()
    change(tensor)
    rewrite(path, {name: tensor})
    assert_refused(path, named)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_truncated_files_are_refused(tmp_path, share):
    path = saved(tmp_path / "map.safetensors")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert_refused(path, "truncated, or not a map file")


def test_files_of_other_kinds_are_refused_and_known_as_such(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a map, but long enough for a header\n" * 10)
    other = tmp_path / "weights.safetensors"
    save_file({"w": torch.zeros(2)}, other)
    for path, named in (
        (text, "not a map"),
        (other, "not a map"),
        (tmp_path / "none", "no such"),
        (tmp_path, "no such"),
    ):
        assert_refused(path, named)
        assert not is_map_file(path)
    good = saved(tmp_path / "map.safetensors")
    assert is_map_file(good)
    rewrite(good, metadata={"schema": "locate3d/map@9"})
    assert is_map_file(good)


def test_slots_of_another_width_are_refused(tmp_path):
    path = saved(tmp_path / "map.safetensors")
    assert_refused(path, "slots", FixedExtractor(slots=(Slot("image", 6), Slot("text", 3))))


def test_a_refused_file_leaves_the_running_map(tmp_path):
    path = saved(tmp_path / "map.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    voxel_map = empty_map()
    voxel_map.add(make_frame(1))
    before = voxel_map.snapshot()
    with pytest.raises(InputError):
        voxel_map.restore(load_map(path, EXTRACTOR))
    assert voxel_map.snapshot() is before


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

"""Map files that are refused, each with one line, while the running map stays."""

from __future__ import annotations

import pytest
import torch
from mapping_files import EXTRACTOR, rewrite, saved
from mapping_scenes import FixedExtractor, empty_map, make_frame
from safetensors.torch import load_file, save_file

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.map_file import is_map_file, load_map
from locate3d_ros.types import Slot

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

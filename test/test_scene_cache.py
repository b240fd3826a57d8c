"""Lifted scenes: the object of every voxel, their files, and the command that makes them."""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict

import numpy as np
import pytest
import torch
from dataset_folders import CRATES, WALL, seen_box, write_dataset, write_scene

from locate3d_ros.cli.main import main
from locate3d_ros.config import Config, MappingConfig
from locate3d_ros.data.scene_folder import SceneFolder, SceneObject
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.cache_jobs import scene_of, variant_name
from locate3d_ros.evaluation.object_votes import ObjectVotes, objects_of_boxes
from locate3d_ros.evaluation.scene_cache import cache_key, lift_scene, read_cached_scene, read_scene, write_cached_scene
from locate3d_ros.mapping.map_file import load_map, save_map
from locate3d_ros.types import Frame, FrameFeatures, Intrinsics, Slot, TokenTable


class FlatExtractor:
    """One token for the whole image."""

    name, digest, slots = "flat", "0" * 64, (Slot("image", 2),)

    def extract(self, frame):
        index = torch.zeros((*frame.rgb.shape[:2], 1), dtype=torch.int32)
        return FrameFeatures((TokenTable("image", torch.ones((1, 2)), index, torch.ones(index.shape)),))


@pytest.fixture
def lifted(tmp_path):
    return lift_scene(SceneFolder(write_scene(tmp_path / "s")), FlatExtractor(), Config(), torch.device("cpu"))


def test_voxels_take_the_object_that_is_there(lifted):
    xyz, ids = lifted.snapshot.xyz.numpy(), lifted.object_ids.numpy()
    for number, pixels in CRATES.items():
        low, high = seen_box(pixels)
        # Voxels well inside the face show nothing else; those well away from it, another thing.
        inside = ((xyz > low + [-0.1, 0.05, 0.05]) & (xyz < high - [-0.1, 0.05, 0.05])).all(axis=1)
        assert inside.sum() > 20
        assert (ids[inside] == number).all()
    assert (ids[xyz[:, 0] > WALL - 0.1] == 0).all()
    assert set(ids.tolist()) == {0, 7, 9}


def test_without_instance_images_boxes_tell_the_objects(tmp_path):
    folder = write_scene(tmp_path / "s")
    shutil.rmtree(folder / "instances")
    lifted = lift_scene(SceneFolder(folder), FlatExtractor(), Config(), torch.device("cpu"))
    xyz = lifted.snapshot.xyz.numpy()
    boxes = [(number, *seen_box(pixels)) for number, pixels in CRATES.items()]
    expected = [next((i for i, a, b in boxes if ((p >= a) & (p <= b)).all()), 0) for p in xyz]
    assert lifted.object_ids.tolist() == expected
    assert set(expected) == {0, 7, 9}


def test_a_corrected_box_counts_without_lifting_again(tmp_path):
    folder = write_scene(tmp_path / "s")
    objects = json.loads((folder / "objects.json").read_text())
    path = tmp_path / "s.safetensors"
    for instances in (True, False):
        if not instances:
            shutil.rmtree(folder / "instances")
        (folder / "objects.json").write_text(json.dumps(objects))
        write_cached_scene(path, lift_scene(SceneFolder(folder), FlatExtractor(), Config(), torch.device("cpu")))
        before = read_scene(path, SceneFolder(folder)).object_ids
        renumbered = [{**each, "id": each["id"] + 10} for each in objects]
        (folder / "objects.json").write_text(json.dumps(renumbered))
        after = read_scene(path, SceneFolder(folder)).object_ids
        # Images of ids stay what they are; boxes are asked anew.
        assert torch.equal(after, before if instances else torch.where(before > 0, before + 10, 0))


def test_variants_are_of_their_scene():
    for name in ("room", "a.b", "scene0.1"):
        assert [scene_of(variant_name(name, variant)) for variant in (0, 1, 12)] == [name] * 3


def test_of_boxes_within_each_other_the_smaller_counts():
    objects = [
        SceneObject(i, "a", "a", box, box, None, "", {})
        for i, box in ((5, np.array([[0.0, 0, 0], [2, 2, 2]])), (6, np.array([[0.0, 0, 0], [1, 1, 1]])))
    ]
    assert objects_of_boxes(torch.tensor([[0.5, 0.5, 0.5], [1.5, 1, 1], [3, 0, 0]]), objects).tolist() == [6, 5, 0]


def test_votes_equal_a_count_by_hand():
    generator = np.random.default_rng(3)
    config = MappingConfig(edge_threshold=0.0)
    votes, counted = ObjectVotes(config), defaultdict(Counter)
    k = Intrinsics(20.0, 20.0, 7.5, 5.5, 16, 12)
    for stamp in range(3):
        depth = generator.uniform(0.0, 1.2, (12, 16)).astype(np.float32)
        ids = generator.integers(0, 4, depth.shape).astype(np.uint16)
        pose = np.eye(4)
        pose[:3, 3] = generator.uniform(-0.1, 0.1, 3)
        rgb = torch.zeros((12, 16, 3), dtype=torch.uint8)
        votes.add(Frame(rgb, torch.from_numpy(depth), k, torch.from_numpy(pose), float(stamp)), ids)
        for v, u in np.ndindex(depth.shape):
            z = np.float64(depth[v, u])
            if config.min_depth < z < config.max_depth:
                point = np.array([(u - k.cx) / k.fx * z, (v - k.cy) / k.fy * z, z]) + pose[:3, 3]
                counted[tuple(np.floor(point / config.voxel_size).astype(int).tolist())][int(ids[v, u])] += 1
    cells = [*counted, (500, 500, 500)]
    expected = [min(c, key=lambda i, c=c: (-c[i], i)) for c in counted.values()] + [0]
    assert votes.winners(torch.tensor(cells, dtype=torch.int32)).tolist() == expected


def test_an_instance_image_of_another_size_is_refused(tmp_path):
    frame = next(iter(SceneFolder(write_scene(tmp_path / "s")).frames()))[1]
    with pytest.raises(InputError, match="instance image of 3x2 for depth of 128x96"):
        ObjectVotes(MappingConfig()).add(frame, np.zeros((2, 3), np.uint16))


def test_a_file_brings_back_the_scene_and_is_a_map(lifted, tmp_path):
    path = tmp_path / "s.safetensors"
    write_cached_scene(path, lifted)
    read = read_cached_scene(path)
    assert torch.equal(read.object_ids, lifted.object_ids)
    assert torch.equal(read.snapshot.cells, lifted.snapshot.cells)
    assert torch.equal(load_map(path, FlatExtractor()).features["image"], lifted.snapshot.features["image"])


def test_a_map_without_objects_is_no_lifted_scene(lifted, tmp_path):
    save_map(lifted.snapshot, tmp_path / "map.safetensors")
    with pytest.raises(InputError, match="no object_ids in it"):
        read_cached_scene(tmp_path / "map.safetensors")


def test_the_key_tells_configurations_and_weights_apart():
    other = FlatExtractor()
    other.digest = "1" * 64
    fine = Config(mapping=MappingConfig(voxel_size=0.02))
    keys = [cache_key(Config(), FlatExtractor()), cache_key(fine, FlatExtractor()), cache_key(Config(), other)]
    assert len(set(keys)) == 3
    assert cache_key(Config(model="elsewhere", threads=1), FlatExtractor()) == keys[0]


@pytest.fixture
def two_scenes(tmp_path, monkeypatch):
    """A data set, and the command running in this process with flat features."""
    from locate3d_ros.cli import cache_command
    from locate3d_ros.evaluation import cache_work

    def in_this_process(jobs, _workers, work):
        for job in jobs:
            yield work(job)

    monkeypatch.setattr(cache_command, "build_extractor", lambda *_: FlatExtractor())
    monkeypatch.setattr(cache_work, "_extractor", lambda *_: FlatExtractor())
    monkeypatch.setattr(cache_command, "lift_in_pool", in_this_process)
    return write_dataset(tmp_path / "set")


def test_the_command_lifts_what_is_missing_or_torn_only(two_scenes, capsys):
    assert main(["cache", str(two_scenes)]) == 0
    assert "2 of 2 scenes (0 there already)" in capsys.readouterr().out
    first, second = sorted(two_scenes.glob("cache/*/*.safetensors"))
    kept = second.stat().st_mtime_ns
    first.write_bytes(first.read_bytes()[:1000])
    assert main(["cache", str(two_scenes)]) == 0
    assert "2 of 2 scenes (1 there already)" in capsys.readouterr().out
    assert second.stat().st_mtime_ns == kept
    assert len(read_cached_scene(first).snapshot) > 100


def test_variants_are_lifted_beside_the_scenes_and_kept(two_scenes, capsys):
    assert main(["cache", str(two_scenes)]) == 0
    assert main(["cache", str(two_scenes), "--variants", "2"]) == 0
    assert "6 of 6 scenes and variants (2 there already)" in capsys.readouterr().out
    files = [path.relative_to(path.parent.parent).as_posix() for path in two_scenes.glob("cache/*/variants/*")]
    assert sorted(files) == [f"variants/{name}.{number}.safetensors" for name in "ab" for number in (1, 2)]
    assert main(["cache", str(two_scenes), "--variants", "2"]) == 0
    assert "(6 there already)" in capsys.readouterr().out


def test_shards_are_disjoint_and_complete(two_scenes):
    for shard, names in (("1/2", ["a"]), ("2/2", ["a", "b"])):
        assert main(["cache", str(two_scenes), "--shard", shard]) == 0
        assert [path.stem for path in sorted(two_scenes.glob("cache/*/*"))] == names


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nowhere"], "no such folder"),
        (["{set}", "--shard", "3/2"], "--shard 3/2: give I/N"),
        (["{set}", "--workers", "-1"], "--workers -1: give 0"),
        (["{set}", "--variants", "-1"], "--variants -1: give 0"),
    ],
)
def test_wrong_arguments_end_in_one_line(two_scenes, capsys, words, reason):
    assert main(["cache", *(word.format(set=two_scenes) for word in words)]) == 2
    told = capsys.readouterr().err
    assert reason in told
    assert told.count("\n") == 1

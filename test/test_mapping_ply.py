"""PLY files of the map: true colours, and features as colours."""

from __future__ import annotations

import builtins
from dataclasses import replace

import numpy as np
import pytest
import torch
from mapping_files import make_snapshot, saved
from mapping_scenes import empty_map

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.map_file import load_any_map
from locate3d_ros.mapping.ply import feature_colors, write_ply


def read_ply(path):
    open3d = pytest.importorskip("open3d")
    cloud = open3d.io.read_point_cloud(str(path))
    return np.asarray(cloud.points), np.asarray(cloud.colors)


def with_features(snapshot, values):
    features = {"image": values.to(torch.float16), "text": torch.zeros(len(values), 3, dtype=torch.float16)}
    return replace(snapshot, features=features, has_features=torch.ones(len(values), dtype=torch.bool))


def test_true_colours_come_from_the_finer_grid(tmp_path):
    snapshot = make_snapshot()
    write_ply(snapshot, tmp_path / "map.ply", "rgb")
    xyz, rgb = read_ply(tmp_path / "map.ply")
    np.testing.assert_allclose(xyz, snapshot.fine.xyz.numpy(), atol=1e-6)
    np.testing.assert_allclose(rgb, snapshot.fine.rgb.numpy(), atol=1.01 / 255)
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.ply"]


def test_voxels_of_like_features_get_like_colours_and_others_other_ones(tmp_path):
    snapshot = make_snapshot()
    kind = torch.arange(len(snapshot)) % 3
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=(len(snapshot), 5)))
    snapshot = with_features(snapshot, torch.eye(5, dtype=torch.float64)[kind] + 0.01 * noise)
    write_ply(snapshot, tmp_path / "map.ply", "features")
    xyz, rgb = read_ply(tmp_path / "map.ply")
    np.testing.assert_allclose(xyz, snapshot.xyz.numpy(), atol=1e-6)
    means = np.stack([rgb[kind == i].mean(axis=0) for i in range(3)])
    apart = np.linalg.norm(means[:, None] - means[None], axis=2)[np.triu_indices(3, 1)].min()
    within = max(np.linalg.norm(rgb[kind == i][:, :2] - means[i, :2], axis=1).max() for i in range(3))
    assert apart > 0.7
    assert within < 0.2


def test_the_same_map_gets_the_same_colours_and_voxels_without_features_none():
    snapshot = make_snapshot()
    has_features = torch.arange(len(snapshot)) % 4 > 0
    snapshot = replace(snapshot, has_features=has_features)
    xyz, rgb = feature_colors(snapshot)
    assert torch.equal(xyz, snapshot.xyz[has_features])
    assert torch.equal(rgb, feature_colors(snapshot)[1])
    assert rgb.min() >= 0
    assert rgb.max() <= 1


def test_few_and_equal_features_are_no_error():
    snapshot = with_features(make_snapshot(), torch.ones(len(make_snapshot()), 5))
    assert torch.isfinite(feature_colors(snapshot)[1]).all()


def test_what_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    snapshot = make_snapshot()
    with pytest.raises(InputError, match="no points"):
        write_ply(empty_map().snapshot(), tmp_path / "map.ply", "rgb")
    bare = replace(snapshot, has_features=torch.zeros(len(snapshot), dtype=torch.bool))
    with pytest.raises(InputError, match="no features"):
        write_ply(bare, tmp_path / "map.ply", "features")
    with pytest.raises(InputError, match="cannot be written"):
        write_ply(snapshot, tmp_path / "none" / "map.ply", "rgb")
    imported = builtins.__import__

    def without_open3d(name, *arguments, **named):
        if name == "open3d":
            raise ImportError("no module")
        return imported(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_open3d)
    with pytest.raises(InputError, match="pip install"):
        write_ply(snapshot, tmp_path / "map.ply", "rgb")
    assert list(tmp_path.iterdir()) == []


def test_a_map_of_any_extractor_is_read_to_be_looked_at(tmp_path):
    path = saved(tmp_path / "map.safetensors")
    loaded = load_any_map(path)
    assert (loaded.extractor, {name: each.shape[1] for name, each in loaded.features.items()}) == (
        "fixed",
        {"image": 5, "text": 3},
    )
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match="truncated"):
        load_any_map(path)

"""Makes map files, and breaks them, for the tests of the map."""

from __future__ import annotations

import torch
from mapping_scenes import PLAIN, FixedExtractor, columns, empty_map, make_features, make_frame
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from locate3d_ros.mapping.map_file import save_map

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

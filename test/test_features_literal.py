"""The literal implementation of FEATURES_SPEC gives the tensors of the released code: so it may judge the product."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from literal_features import MovingGrid, clip_steps, clip_vector, dino_pixels, fixed_voxels, lifted
from mapping_dinov2 import patch_tokens
from safetensors.torch import load_file


@pytest.fixture(scope="module")
def golden(test_data):
    folder = test_data / "parity" / "features_a"
    if not folder.is_dir():
        pytest.skip(f"golden tensors not found: {folder}")
    config = json.loads((folder / "config.json").read_text())
    return load_file(folder / "io.safetensors"), load_file(folder / "weights.safetensors"), config


def unpacked(packed, width):
    return torch.from_numpy(np.unpackbits(packed.numpy(), axis=-1)[..., :width].astype(bool))


def literal_clip(golden, rgb, packed):
    _, weights, config = golden
    sizes = config["clip"]
    masks = unpacked(packed, rgb.shape[1])
    return clip_steps(rgb, masks, lambda x: clip_vector(x, weights, sizes["heads"]), sizes["image_size"])


def test_single_frame(golden):
    tensors, weights, config = golden
    limit = config["suggested_tolerance"]
    rgb = tensors["frame.rgb"]
    steps = literal_clip(golden, rgb, tensors["frame.masks_packed"])
    rows, columns = tensors["frame.pixel_rc"].long().unbind(1)
    assert torch.equal(steps["boxes"], tensors["frame.mask_bbox_xywh"].long())
    torch.testing.assert_close(steps["raw"][1:], tensors["frame.clip_crop_raw"], atol=limit["clip_*_raw"], rtol=0)
    torch.testing.assert_close(steps["weight"], tensors["frame.blend_weight"], atol=limit["blend_weight"], rtol=0)
    blended = tensors["frame.clip_blended_f32"]
    torch.testing.assert_close(steps["blended"], blended, atol=limit["clip_blended_f32"], rtol=0)
    dense = steps["dense"][rows, columns].float()
    torch.testing.assert_close(dense, tensors["frame.pixel_clip"].float(), atol=limit["pixel_clip"], rtol=0)
    assert torch.equal(steps["pixel_mask"][rows, columns], tensors["frame.pixel_mask"].long())
    tokens, grid = patch_tokens(rgb, weights)
    scrambled = dino_pixels(tokens, grid, rgb.shape[:2], scrambled=True)[rows, columns]
    torch.testing.assert_close(scrambled, tensors["frame.pixel_dino"], atol=limit["pixel_dino"], rtol=0)


def test_voxels_of_the_moving_grid_and_of_the_fixed_one(golden):
    tensors, weights, config = golden
    limit = config["suggested_tolerance"]
    grid, points, values = MovingGrid(config["voxel_size"]), [], []
    for i, rgb in enumerate(tensors["run.rgb"]):
        pose, K = tensors["run.cam_to_world"][i], tensors["run.K"][i]
        xyz, colours, pixel = lifted(rgb, tensors["run.depth_mm"][i], K, pose)
        clip = literal_clip(golden, rgb, tensors["run.masks_packed"][i])["dense"].flatten(0, 1)[pixel].float()
        tokens, size = patch_tokens(rgb, weights)
        dino = dino_pixels(tokens, size, rgb.shape[:2], scrambled=True).flatten(0, 1)[pixel]
        points.append(xyz)
        values.append(torch.cat((colours, clip, dino), dim=1))
        grid.add(xyz, values[-1])
        assert len(grid.values) == tensors["run.voxels_after_frame"][i]
    columns = (3, 3, clip.shape[1], dino.shape[1])
    xyz, rgb, clip, dino = grid.values.float().split(columns, dim=1)
    rows = tensors["official.feature_rows"].long()
    torch.testing.assert_close(xyz, tensors["official.voxel_xyz"], atol=limit["voxel_xyz/rgb"], rtol=0)
    torch.testing.assert_close(rgb, tensors["official.voxel_rgb"], atol=limit["voxel_xyz/rgb"], rtol=0)
    assert torch.equal(grid.weight.float(), tensors["official.voxel_weight"])
    torch.testing.assert_close(clip[rows], tensors["official.features_clip"], atol=limit["features_clip"], rtol=0)
    torch.testing.assert_close(dino[rows], tensors["official.features_dino"], atol=limit["features_dino"], rtol=0)
    cells, count, means = fixed_voxels(torch.cat(points), torch.cat(values), config["voxel_size"])
    assert torch.equal(cells, tensors["ideal.voxel_index"].long())
    assert torch.equal(count, tensors["ideal.voxel_count"].long())
    _, clip, dino = means[tensors["ideal.feature_rows"].long()].split(columns[1:], dim=1)
    torch.testing.assert_close(clip, tensors["ideal.features_clip"], atol=limit["features_clip"], rtol=0)
    torch.testing.assert_close(dino, tensors["ideal.features_dino"], atol=limit["features_dino"], rtol=0)

"""The map against golden voxels of the fixed grid (FEATURES_SPEC §4, §7: `ideal.*` of features_a)."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from mapping_dinov2 import patch_tokens
from mapping_scenes import FixedExtractor, empty_map
from safetensors.torch import load_file

from locate3d_ros.config import MappingConfig
from locate3d_ros.mapping.lifting import lift
from locate3d_ros.types import Frame, FrameFeatures, Intrinsics, Slot, TokenTable

CONFIG = MappingConfig(
    voxel_size=0.05, min_depth=0.1, max_depth=4.0, edge_threshold=0.0, max_observations=0, carve_views=0
)


@pytest.fixture(scope="module")
def golden(test_data):
    folder = test_data / "parity" / "features_a"
    if not folder.is_dir():
        pytest.skip(f"golden tensors not found: {folder}")
    tolerance = json.loads((folder / "config.json").read_text())["suggested_tolerance"]
    return load_file(folder / "io.safetensors") | load_file(folder / "weights.safetensors"), tolerance


def run_frames(tensors):
    """The three frames of the run, stamped 0, 1, 2."""
    for i, (rgb, depth_mm) in enumerate(zip(tensors["run.rgb"], tensors["run.depth_mm"], strict=True)):
        K = tensors["run.K"][i].double()
        intrinsics = Intrinsics(
            K[0, 0].item(), K[1, 1].item(), K[0, 2].item(), K[1, 2].item(), rgb.shape[1], rgb.shape[0]
        )
        depth = torch.from_numpy((depth_mm.numpy().astype(np.float64) * 0.001).astype(np.float32))
        yield Frame(rgb, depth, intrinsics, tensors["run.cam_to_world"][i].double(), float(i))


def pixel_grid_table(name, tokens, grid, size):
    """Bilinear upsampling of a token grid, then unit length per pixel, as a token table (FEATURES_SPEC §3.5)."""
    rows, row_share = bilinear_taps(size[0], grid[0])
    columns, column_share = bilinear_taps(size[1], grid[1])
    index = rows[:, None, :, None] * grid[1] + columns[None, :, None, :]
    weight = row_share[:, None, :, None] * column_share[None, :, None, :]
    index, weight = index.reshape(*size, 4), weight.reshape(*size, 4)
    length = (tokens[index] * weight[..., None]).sum(dim=2).norm(dim=-1, keepdim=True)
    return TokenTable(name, tokens, index.to(torch.int32), weight / length)


def bilinear_taps(pixels, cells):
    place = ((torch.arange(pixels) + 0.5) * cells / pixels - 0.5).clamp(min=0)
    low = place.floor().long()
    share = place - low
    return torch.stack((low, (low + 1).clamp(max=cells - 1)), 1), torch.stack((1 - share, share), 1)


def test_run_gives_the_golden_cells_counts_means(golden):
    tensors, tolerance = golden
    voxel_map = empty_map(CONFIG)
    frames = list(run_frames(tensors))
    for frame in frames:
        voxel_map.add(frame)
    snapshot = voxel_map.snapshot()
    cells = snapshot.cells.numpy()
    order = np.lexsort((cells[:, 2], cells[:, 1], cells[:, 0]))
    np.testing.assert_array_equal(cells[order], tensors["ideal.voxel_index"].numpy())
    np.testing.assert_array_equal(snapshot.weight.numpy()[order], tensors["ideal.voxel_count"].numpy())
    limit = tolerance["voxel_xyz/rgb"]
    np.testing.assert_allclose(snapshot.xyz.numpy()[order], tensors["ideal.voxel_xyz"].numpy(), atol=limit, rtol=0)
    np.testing.assert_allclose(snapshot.rgb.numpy()[order], tensors["ideal.voxel_rgb"].numpy(), atol=limit, rtol=0)
    assert snapshot.revision == len(frames)


def test_single_points_lie_where_the_golden_ones_do(golden):
    tensors, tolerance = golden
    K = tensors["frame.K"].double()
    intrinsics = Intrinsics(K[0, 0].item(), K[1, 1].item(), K[0, 2].item(), K[1, 2].item(), 640, 480)
    depth = torch.from_numpy((tensors["frame.depth_mm"].numpy().astype(np.float64) * 0.001).astype(np.float32))
    pose = tensors["frame.cam_to_world"].double()
    frame = Frame(tensors["frame.rgb"], depth, intrinsics, pose, 0.0)
    points = lift(frame, CONFIG, torch.device("cpu"))
    assert len(points.xyz) == tensors["frame.valid_count"].item()
    rows = torch.searchsorted(points.pixel, (tensors["frame.pixel_rc"].long() * torch.tensor([640, 1])).sum(dim=1))
    expected = tensors["frame.pixel_xyz"].double()
    torch.testing.assert_close(points.xyz[rows], expected, atol=tolerance["pixel_xyz"], rtol=0)


def dino_tables(frames, weights, scrambled):
    """One table a frame; scrambled: the token matrix re-read as [C, gh, gw], as the golden `features_dino` have it."""
    for frame in frames:
        tokens, grid = patch_tokens(frame.rgb, weights)
        if scrambled:
            tokens = tokens.reshape(tokens.shape[1], -1).T.contiguous()
        yield pixel_grid_table("dino", tokens, grid, frame.rgb.shape[:2])


def test_token_tables_give_the_golden_pixels(golden):
    tensors, tolerance = golden
    tokens, grid = patch_tokens(tensors["frame.rgb"], tensors)
    torch.testing.assert_close(tokens, tensors["frame.dino_patch_tokens"], atol=tolerance["dino_patch_tokens"], rtol=0)
    table = pixel_grid_table("dino", tokens, grid, (480, 640))
    rows, columns = tensors["frame.pixel_rc"][::8].long().unbind(1)
    pixels = (table.tokens[table.index[rows, columns].long()] * table.weight[rows, columns][..., None]).sum(1)
    expected = tensors["frame.pixel_dino_unscrambled"]
    torch.testing.assert_close(pixels, expected, atol=tolerance["pixel_dino"], rtol=0)


@pytest.mark.parametrize(
    ("name", "scrambled"), [("ideal.features_dino", True), ("ideal.features_dino_unscrambled", False)]
)
def test_run_gives_the_golden_features(golden, name, scrambled):
    tensors, tolerance = golden
    frames = list(run_frames(tensors))
    expected = tensors[name]
    voxel_map = empty_map(CONFIG, FixedExtractor(slots=(Slot("dino", expected.shape[1]),)))
    for frame, table in zip(frames, dino_tables(frames, tensors, scrambled), strict=True):
        voxel_map.add(frame, FrameFeatures((table,)))
    snapshot = voxel_map.snapshot()
    cells = snapshot.cells.numpy()
    order = np.lexsort((cells[:, 2], cells[:, 1], cells[:, 0]))[tensors["ideal.feature_rows"].numpy()]
    # A map keeps means in float16: its rounding, at every frame, comes on top of the tolerance of the sums.
    limit = tolerance["features_dino"] + 1e-3 * expected.abs().max()
    assert ((snapshot.features["dino"][order].float() - expected).abs() <= limit).all()

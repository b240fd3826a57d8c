"""Compressed maps: what projections keep, that frames go into them as into whole ones, and what does not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_files import EXTRACTOR, rewrite, same
from mapping_scenes import PLAIN, FixedExtractor, by_cell, empty_map, make_features, make_frame
from safetensors.torch import load_file

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.anchored_map import AnchoredMap
from locate3d_ros.mapping.cells import pack_cells
from locate3d_ros.mapping.compression import compressed, digest_of, fit_projections, kept_share
from locate3d_ros.mapping.frame_voxels import FrameVoxels
from locate3d_ros.mapping.map_changes import apply_change, decode, encode_change, encode_map
from locate3d_ros.mapping.map_file import load_any_map, load_map, load_projections, save_map
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import Slot

IDENTITY = torch.eye(4, dtype=torch.float64)
SMALL = {"image": 2, "text": 1}


def whole_map(*seeds, config=PLAIN):
    voxel_map = empty_map(config)
    for seed in seeds:
        voxel_map.add(make_frame(seed), make_features(seed))
    return voxel_map.snapshot()


def small_map(*seeds):
    snapshot = whole_map(*seeds)
    return compressed(snapshot, fit_projections(snapshot, 2))


def map_like(snapshot, config=PLAIN):
    return VoxelFeatureMap(config, EXTRACTOR, torch.device("cpu"), projections=snapshot.projections)


def widths(snapshot):
    return {name: values.shape[1] for name, values in snapshot.features.items()}


def features_of_rank(rank, width, count=200, noise=0.0, seed=0):
    """A map whose features lie near a subspace of that rank."""
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(width, rank, generator=generator))[0]
    values = torch.randn(count, rank, generator=generator) @ basis.T
    values += noise * torch.randn(count, width, generator=generator)
    snapshot = whole_map(seed + 1)
    rows = torch.arange(len(snapshot)) % count
    features = {"image": values[rows].half()}
    return replace(snapshot, features=features, has_features=torch.ones(len(snapshot), dtype=torch.bool))


@given(st.integers(0, 1000), st.sampled_from([(16, 2), (24, 4), (40, 5), (7, 8)]))
@settings(max_examples=12, deadline=None)
def test_columns_are_orthonormal_and_the_largest_come_first(seed, form):
    width, factor = form
    snapshot = features_of_rank(width, width, seed=seed)
    columns = fit_projections(snapshot, factor)["image"]
    assert columns.shape == (width, max(1, width // factor))
    torch.testing.assert_close(columns.T @ columns, torch.eye(columns.shape[1]), atol=1e-5, rtol=0)
    energy = (snapshot.features["image"].float() @ columns).square().sum(dim=0)
    assert (energy[:-1] >= energy[1:] * (1 - 1e-4)).all()


@given(st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_no_other_projection_of_the_width_keeps_more(seed):
    snapshot = features_of_rank(6, 24, noise=0.2, seed=seed)
    columns = fit_projections(snapshot, 4)["image"]
    features = snapshot.features["image"].float()
    other = torch.linalg.qr(torch.randn(24, 6, generator=torch.Generator().manual_seed(seed)))[0]
    near = torch.linalg.qr(columns + 0.05 * other)[0]
    kept = kept_share(features, features @ columns)
    assert kept > 0.85
    for rival in (other, near):
        assert kept_share(features, features @ rival) < kept


def test_features_of_a_subspace_come_back_to_half_precision():
    snapshot = features_of_rank(6, 24)
    small = compressed(snapshot, fit_projections(snapshot, 4))
    back = small.features["image"].float() @ small.projections["image"].T
    torch.testing.assert_close(back, snapshot.features["image"].float(), atol=6e-3, rtol=0)


def test_frames_go_into_a_compressed_map_as_their_means_would():
    """Pixels without a token, a third of them, count as zero in both."""
    expected = small_map(1, 2, 3)
    voxel_map = map_like(expected)
    for seed in (1, 2, 3):
        voxel_map.add(make_frame(seed), make_features(seed))
    found = voxel_map.snapshot()
    assert widths(found) == SMALL
    for name in SMALL:
        a, b = by_cell(expected, expected.features[name].float()), by_cell(found, found.features[name].float())
        assert a.keys() == b.keys()
        assert max(abs(a[cell] - b[cell]).max() for cell in a) < 4e-3, name


def test_file_keeps_the_projection_and_the_map_goes_on_with_it(tmp_path):
    small = small_map(1, 2)
    save_map(small, tmp_path / "small.safetensors")
    loaded = load_map(tmp_path / "small.safetensors", EXTRACTOR)
    assert digest_of(loaded.projections) == digest_of(small.projections) != ""
    assert same(loaded, load_any_map(tmp_path / "small.safetensors"))
    voxel_map = empty_map()
    voxel_map.restore(loaded)
    voxel_map.add(make_frame(3), make_features(3))
    save_map(voxel_map.snapshot(), tmp_path / "small.safetensors")
    grown = load_map(tmp_path / "small.safetensors", EXTRACTOR)
    assert (widths(grown), digest_of(grown.projections)) == (SMALL, digest_of(small.projections))
    assert len(grown) > len(small)


def test_cleared_map_is_as_it_was_configured():
    small = small_map(1)
    for voxel_map, expected in ((empty_map(), {"image": 5, "text": 3}), (map_like(small), SMALL)):
        voxel_map.restore(small)
        voxel_map.clear()
        voxel_map.add(make_frame(2), make_features(2))
        assert widths(voxel_map.snapshot()) == expected


def edited(name, change):
    def edit(path):
        tensor = load_file(path)[name].clone()
        change(tensor)
        rewrite(path, {name: tensor})

    return edit


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (edited("projection.image", lambda columns: columns[0, 0].add_(1e-3)), "not the one that its features"),
        (edited("projection.image", lambda columns: columns.fill_(float("nan"))), "nan"),
        (lambda path: rewrite(path, metadata={"projection": None}), "not the one that its features"),
        (lambda path: rewrite(path, {"projection.image": None}), "not the one that its features"),
        (lambda path: rewrite(path, {"projection.image": torch.ones(3)}), "projection.image is float32"),
        (lambda path: rewrite(path, {"features.image": torch.zeros(1, 5, dtype=torch.float16)}), "features.image is"),
    ],
)
def test_damaged_projections_are_refused_in_one_line(tmp_path, fault, named):
    path = tmp_path / "small.safetensors"
    save_map(small_map(1), path)
    fault(path)
    with pytest.raises(InputError, match=named) as caught:
        load_map(path, EXTRACTOR)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_projection_of_another_extractor_is_refused(tmp_path):
    path = tmp_path / "small.safetensors"
    save_map(small_map(1), path)
    for other, named in (
        (FixedExtractor(slots=(Slot("image", 6), Slot("text", 3))), "slots {'image': 5, 'text': 3}"),
        (FixedExtractor(digest="e" * 64), "other fixed weights"),
    ):
        with pytest.raises(InputError, match=named):
            load_map(path, other)
        with pytest.raises(InputError, match=named):
            load_projections(path, other)
    save_map(whole_map(1), path)
    with pytest.raises(InputError, match="is not compressed"):
        load_projections(path, EXTRACTOR)


def test_what_cannot_be_compressed_says_why():
    small, bare = small_map(1), empty_map()
    bare.add(make_frame(1))
    with pytest.raises(InputError, match="compressed already"):
        fit_projections(small, 2)
    with pytest.raises(InputError, match="no features"):
        fit_projections(bare.snapshot(), 2)
    with pytest.raises(InputError, match="other features"):
        compressed(whole_map(2), {"image": torch.eye(6)[:, :2]})


def test_maps_merge_where_their_projections_are_the_same():
    small = small_map(1, 2)
    amap = AnchoredMap(map_like(small), PLAIN, EXTRACTOR, 1.0)
    amap.restore(small)
    amap.merge(whole_map(3), IDENTITY)
    amap.add(make_frame(4), make_features(4))
    assert widths(amap.snapshot()) == SMALL
    before = amap.snapshot()
    with pytest.raises(InputError, match="--like"):
        amap.merge(small_map(5), IDENTITY)
    assert amap.snapshot() is before
    running = AnchoredMap(empty_map(), PLAIN, EXTRACTOR, 0.0)
    with pytest.raises(InputError, match="--like"):
        running.merge(small, IDENTITY)


def test_pieces_of_a_compressed_map_move_with_it():
    amap = AnchoredMap(map_like(small_map(1)), PLAIN, EXTRACTOR, 0.5)
    for seed in range(1, 5):
        amap.add(make_frame(seed), make_features(seed))
    shifted = IDENTITY.clone()
    shifted[0, 3] = 0.3
    moved = amap.correct({amap.submaps[0].id: shifted})
    assert (moved, widths(amap.snapshot())) == (1, SMALL)
    assert all(widths(each.content) == SMALL for each in amap.submaps)


def test_messages_carry_the_projection():
    small = small_map(1)
    voxel_map = map_like(small)
    voxel_map.add(make_frame(1), make_features(1))
    before = voxel_map.snapshot()
    received = decode(encode_map(before, "m"), EXTRACTOR, "topic").snapshot
    voxel_map.add(make_frame(2), make_features(2))
    change = decode(encode_change(voxel_map.snapshot(), before, "m"), EXTRACTOR, "topic")
    received = apply_change(received, change)
    assert (widths(received), digest_of(received.projections)) == (SMALL, digest_of(small.projections))
    assert len(received) == len(voxel_map)
    with pytest.raises(InputError, match="send it whole"):
        apply_change(replace(before, projections=small_map(7).projections), change)


def test_a_wide_map_takes_less_than_a_quarter():
    slots = (Slot("clip", 768), Slot("dino", 768))
    columns = torch.linalg.qr(torch.randn(768, 153, generator=torch.Generator().manual_seed(0)))[0]
    sizes = []
    for projections in ({}, {"clip": columns, "dino": columns}):
        voxel_map = VoxelFeatureMap(PLAIN, FixedExtractor(slots=slots), torch.device("cpu"), projections=projections)
        cells = torch.cartesian_prod(torch.arange(127), torch.arange(129), torch.zeros(1, dtype=torch.int64))
        keys, ones = torch.sort(pack_cells(cells))[0], torch.ones(len(cells))
        features = {
            slot.name: torch.rand(len(cells), 768) @ projections.get(slot.name, torch.eye(768)) for slot in slots
        }
        voxels = FrameVoxels(keys, ones, ones, torch.zeros(len(cells), 3), torch.zeros(len(cells), 3), features)
        none = FrameVoxels(keys[:0], ones[:0], ones[:0], torch.zeros(0, 3), torch.zeros(0, 3), {})
        voxel_map.merge(voxels, none, torch.zeros(len(cells), dtype=torch.float64))
        sizes.append(voxel_map.nbytes)
    assert sizes[0] > 4 * sizes[1]

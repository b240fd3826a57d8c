"""The map as messages: whole, then the blocks that changed; what comes out is what went in."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_files import EXTRACTOR
from mapping_scenes import FixedExtractor, columns, empty_map, make_features, make_frame

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.map_changes import apply_change, decode, encode_change, encode_map
from locate3d_ros.mapping.map_file import load_map, save_map


def through_file(snapshot, folder):
    """The snapshot as a map file keeps it: the same quantisation as in messages."""
    save_map(snapshot, folder / "map.safetensors")
    return load_map(folder / "map.safetensors", EXTRACTOR)


def assert_same_map(a, b):
    orders = {}
    for snapshot in (a, b):
        order = torch.argsort((snapshot.cells.long() + 5000) @ torch.tensor([10_000**2, 10_000, 1]))
        fine = torch.argsort((snapshot.fine.xyz.double() / 0.02).floor().long() @ torch.tensor([10_000**2, 10_000, 1]))
        orders[id(snapshot)] = (order, fine)
    first, second = columns(a), columns(b)
    for name, values in first.items():
        which = 1 if name.startswith("fine.") else 0
        assert torch.equal(values[orders[id(a)][which]], second[name][orders[id(b)][which]]), name
    assert (a.revision, a.stamp, a.frame_id) == (b.revision, b.stamp, b.frame_id)
    assert [view.stamp for view in a.views] == [view.stamp for view in b.views]
    assert all(torch.equal(one.rgb, two.rgb) for one, two in zip(a.views, b.views, strict=True))


def sent(encoded):
    return decode(encoded, EXTRACTOR, "topic")


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=5))
@settings(max_examples=8, deadline=None)
def test_changes_lead_to_the_same_map_as_the_whole(tmp_path_factory, steps):
    voxel_map = empty_map()
    voxel_map.add(make_frame(100), make_features(100))
    before = voxel_map.snapshot()
    received = sent(encode_map(before, "m")).snapshot
    for seed, has_features in steps:
        voxel_map.add(make_frame(seed), make_features(seed) if has_features else None)
        after = voxel_map.snapshot()
        received = apply_change(received, sent(encode_change(after, before, "m")))
        before = after
    assert_same_map(received, through_file(before, tmp_path_factory.mktemp("maps")))


def test_what_is_gone_leaves_the_receiver_too(tmp_path):
    voxel_map = empty_map()
    voxel_map.add(make_frame(1), make_features(1))
    base = voxel_map.snapshot()
    kept = base.xyz[:, 0] > base.xyz[:, 0].median()
    names = ("cells", "xyz", "rgb", "has_features", "weight", "last_seen")
    smaller = replace(
        base,
        features={name: each[kept] for name, each in base.features.items()},
        revision=base.revision + 1,
        **{name: getattr(base, name)[kept] for name in names},
    )
    received = apply_change(sent(encode_map(base, "m")).snapshot, sent(encode_change(smaller, base, "m")))
    assert 0 < len(received) < len(base)
    assert_same_map(received, through_file(smaller, tmp_path))


def test_a_small_change_is_a_small_message():
    voxel_map = empty_map()
    for seed in range(8):
        voxel_map.add(make_frame(seed), make_features(seed))
    base = voxel_map.snapshot()
    near = torch.zeros(18, 24)
    near[8:10, 10:13] = 1.0
    voxel_map.add(make_frame(1, depth=near))
    change = encode_change(voxel_map.snapshot(), base, "m")
    assert len(change) < 0.1 * len(encode_map(voxel_map.snapshot(), "m"))
    assert len(sent(change).snapshot.views) == 0


def test_nothing_changed_is_an_empty_change():
    voxel_map = empty_map()
    voxel_map.add(make_frame(1), make_features(1))
    base = voxel_map.snapshot()
    change = sent(encode_change(replace(base, revision=2), base, "m"))
    assert (len(change.snapshot), len(change.blocks), len(change.fine_blocks)) == (0, 0, 0)


def test_what_cannot_be_used_is_refused_with_one_line():
    voxel_map = empty_map()
    voxel_map.add(make_frame(1), make_features(1))
    base = voxel_map.snapshot()
    voxel_map.add(make_frame(2))
    whole, change = encode_map(base, "m"), encode_change(voxel_map.snapshot(), base, "m")
    for data, extractor, words in [
        (whole[:-5], EXTRACTOR, "truncated"),
        (b"", EXTRACTOR, "truncated"),
        (b"\xff" * 64, EXTRACTOR, "truncated"),
        (whole, FixedExtractor(name="other"), "other"),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            decode(data, extractor, "topic")
        assert "topic" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="revision 1"):
        apply_change(replace(base, revision=7), sent(change))

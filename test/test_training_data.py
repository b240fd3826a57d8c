"""What training draws: the order of sentences, parts of scenes, their variations, and lifted scenes on the disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.errors import InputError
from locate3d_ros.training.augmentation import augment, motion, moved_boxes, moved_voxels
from locate3d_ros.training.config import AugmentationConfig, DataConfig
from locate3d_ros.training.cropping import cropped, filled
from locate3d_ros.training.scene import Sample
from locate3d_ros.training.scene_source import CachedSource, FirstScenes, cache_of
from locate3d_ros.training.stream import SampleStream, whole_scenes
from locate3d_ros.training.toy_scenes import ToySource

STILL = AugmentationConfig(turn=False, flip=False, scale=0, voxel_dropout=0, feature_noise=0, colour_jitter=0)


@pytest.fixture(scope="module")
def source():
    return ToySource(5)


def sample_of(source, scene_id="toy0-001"):
    return Sample(scene_id, source.voxels(scene_id), source.boxes(scene_id), source.expressions[scene_id])


def texts(source, scene_id):
    return [each.text for each in source.expressions[scene_id]]


def test_an_epoch_shows_every_sentence_once(source):
    stream = SampleStream([source], DataConfig(sentences=3), None, seed=1)
    shown = Counter((s.scene_id, e.text) for s in map(stream.__getitem__, range(stream.chunks)) for e in s.expressions)
    assert shown == Counter((name, text) for name in source.expressions for text in texts(source, name))
    assert max(len(stream[i].expressions) for i in range(stream.chunks)) == 3


def test_the_stream_depends_on_seed_and_position_alone(source):
    first, again, other = (SampleStream([source], DataConfig(), AugmentationConfig(), seed) for seed in (1, 1, 2))
    again[40], again[0]  # noqa: B018 - another order of asking
    for position in (0, 7, 40):
        assert first[position].expressions == again[position].expressions
        assert torch.equal(first[position].voxels.features, again[position].voxels.features)
    assert any(first[p].scene_id != other[p].scene_id for p in range(10))


def test_data_sets_are_mixed_as_weighted():
    streams = SampleStream(
        [ToySource(3), ToySource(3, seed=1)], DataConfig(mixing=(1.0, 3.0), data=("a", "b")), None, 0
    )
    drawn = Counter(streams[i].scene_id.split("-")[0] for i in range(400))
    assert 0.68 < drawn["toy1"] / 400 < 0.82


def test_pretraining_takes_whole_scenes(source):
    stream = SampleStream([source], whole_scenes(DataConfig()), None, 0)
    assert stream.chunks == 5
    assert {stream[i].scene_id for i in range(5)} == set(source.expressions)


@given(st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_parts_hold_what_their_sentences_mean(seed):
    whole = sample_of(ToySource(2))
    part = cropped(whole, 200, torch.Generator().manual_seed(seed))
    assert len(part.voxels) == 200
    for said in part.expressions:
        own = [part.voxels.object_ids == number for number in said.target_ids]
        before = [whole.voxels.object_ids == number for number in said.target_ids]
        assert not own or max(int(a.sum()) / int(b.sum()) for a, b in zip(own, before, strict=True)) >= 0.5
    assert {e.text for e in part.expressions} >= {e.text for e in whole.expressions if not e.target_ids}


def test_small_scenes_are_not_cut(source):
    whole = sample_of(source)
    assert cropped(whole, 10_000, torch.Generator()) is whole


def test_parts_are_filled_with_other_sentences_about_them(source):
    whole = sample_of(source)
    few = replace(whole, expressions=whole.expressions[:1])
    more = filled(few, whole.expressions, 4, torch.Generator().manual_seed(0))
    assert len(more.expressions) == len(set(more.expressions)) == 4
    assert more.expressions[0] == whole.expressions[0]
    assert all(each.target_ids for each in more.expressions[1:])


@given(st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_boxes_follow_their_voxels(seed):
    whole = sample_of(ToySource(1), "toy0-000")
    matrix = motion(AugmentationConfig(), seed % 2 == 0, torch.Generator().manual_seed(seed))
    voxels = moved_voxels(whole.voxels, matrix)
    assert len(torch.unique(voxels.cells, dim=0)) == len(voxels)
    assert torch.equal(voxels.cells, torch.floor(voxels.xyz / voxels.voxel_size).long())
    for number, box in moved_boxes(whole.boxes, whole.voxels, matrix).items():
        own = voxels.xyz[voxels.object_ids == number]
        assert bool((own >= box[:3] - 1e-5).all())
        assert bool((own <= box[3:] + 1e-5).all())


def test_boxes_stay_exact_where_nothing_turns(source):
    whole = sample_of(source)
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
    for number, box in moved_boxes(whole.boxes, whole.voxels, mirror).items():
        before = whole.boxes[number]
        torch.testing.assert_close(box, torch.tensor([-before[3], *before[1:3], -before[0], *before[4:]]))


def test_nothing_changes_without_augmentation(source):
    whole = sample_of(source)
    same = augment(whole, STILL, torch.Generator())
    assert torch.equal(same.voxels.xyz.sort(dim=0).values, whole.voxels.xyz.sort(dim=0).values)
    assert same.expressions == whole.expressions


def test_mirrored_scenes_are_not_asked_about_left_and_right(source):
    whole = sample_of(source)
    sided = GroundedExpression(
        "the chair on the left", ("the", "chair", "on", "the", "left"), (), (1,), "s", "relation"
    )
    asked = replace(whole, expressions=(*whole.expressions, sided))
    flips = [augment(asked, replace(STILL, flip=True), torch.Generator().manual_seed(s)) for s in range(12)]
    mirrored = [not torch.allclose(f.boxes[1], whole.boxes[1]) for f in flips]
    assert any(mirrored)
    assert not all(mirrored)
    assert all((sided in f.expressions) != m for f, m in zip(flips, mirrored, strict=True))


def test_empty_voxels_keep_their_empty_features(source):
    whole = sample_of(source)
    features = whole.voxels.features.clone()
    features[:10] = 0
    noisy = augment(
        replace(whole, voxels=replace(whole.voxels, features=features)),
        replace(STILL, feature_noise=0.5),
        torch.Generator(),
    )
    assert int((noisy.voxels.features == 0).all(dim=1).sum()) == 10


def test_first_scenes_are_a_part(source):
    part = FirstScenes(source, 2)
    assert list(part.expressions) == list(source.expressions)[:2]
    assert torch.equal(part.voxels("toy0-000").xyz, source.voxels("toy0-000").xyz)
    assert part.boxes("toy0-001").keys() == source.boxes("toy0-001").keys()


def test_missing_and_ambiguous_caches_are_named(tmp_path):
    with pytest.raises(InputError, match="no lifted scenes; run `locate3d cache`"):
        cache_of(tmp_path, "")
    for name in ("a", "b"):
        (tmp_path / "cache" / name).mkdir(parents=True)
    with pytest.raises(InputError, match=r"several caches \(a, b\)"):
        cache_of(tmp_path, "")
    assert cache_of(tmp_path, "b").name == "b"
    with pytest.raises(InputError, match="named 'c'"):
        cache_of(tmp_path, "c")


def test_data_set_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError):
        CachedSource(tmp_path / "nowhere", "train")

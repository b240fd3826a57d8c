"""What training sees: the stream of samples, crops, variations, and what a sentence's words mean in a scene."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_runs import toy_sample_source

from locate3d_ros.data.annotations import GroundedExpression, Span
from locate3d_ros.errors import InputError
from locate3d_ros.training.augmentation import augment, motion, moved_boxes, moved_voxels
from locate3d_ros.training.config import AugmentationConfig, DataConfig
from locate3d_ros.training.cropping import cropped, filled
from locate3d_ros.training.scene import Sample
from locate3d_ros.training.scene_source import FirstScenes
from locate3d_ros.training.stream import SampleStream, whole_scenes
from locate3d_ros.training.targets import answerable, object_columns, targets_of
from locate3d_ros.training.toy_scenes import ToySource

STILL = AugmentationConfig(turn=False, flip=False, scale=0.0, voxel_dropout=0.0, feature_noise=0.0, colour_jitter=0.0)
SENTENCE = GroundedExpression(
    "the red mug left of the red sofa",
    ("the", "red", "mug", "left", "of", "the", "red", "sofa"),
    (Span((0, 1, 2), (4,)), Span((5, 6, 7), (2,))),
    (4,),
    "s",
    "relation",
)
# As a tokenizer splits it: marks at both ends, "mug" and "sofa" in two pieces each.
OFFSETS = [(0, 0), (0, 3), (4, 7), (8, 9), (9, 11), (12, 16), (17, 19), (20, 23), (24, 27), (28, 30), (30, 32), (0, 0)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sample(place: int = 0) -> Sample:
    source = toy_sample_source()
    scene_id = list(source.expressions)[place]
    return Sample(scene_id, source.voxels(scene_id), source.boxes(scene_id), source.expressions[scene_id])


def test_words_that_mean_an_object_become_its_token_columns():
    columns = object_columns(SENTENCE, OFFSETS)
    assert {number: torch.nonzero(each)[:, 0].tolist() for number, each in columns.items()} == {
        4: [1, 2, 3, 4],
        2: [7, 8, 9, 10],
    }


def test_a_target_without_a_span_is_meant_by_all_words():
    columns = object_columns(replace(SENTENCE, spans=SENTENCE.spans[1:]), OFFSETS)
    assert torch.nonzero(columns[4])[:, 0].tolist() == list(range(1, 11))
    assert torch.nonzero(columns[2])[:, 0].tolist() == [7, 8, 9, 10]


def test_several_objects_of_one_phrase_share_its_columns():
    both = replace(SENTENCE, spans=(Span((0, 1, 2), (4, 5)),), target_ids=(4, 5))
    targets = targets_of(both, OFFSETS, torch.tensor([4, 5, 5, 0]), {4: torch.rand(6), 5: torch.rand(6)})
    assert len(targets) == 2
    assert torch.equal(targets.columns[0], targets.columns[1])
    assert targets.masks.tolist() == [[True, False, False, False], [False, True, True, False]]


def test_what_no_voxel_shows_is_no_target():
    targets = targets_of(SENTENCE, OFFSETS, torch.tensor([2, 2, 0]), {4: torch.rand(6), 2: torch.rand(6)})
    assert len(targets) == 1
    nothing = targets_of(
        replace(SENTENCE, spans=(), target_ids=()), OFFSETS, torch.tensor([2, 2, 0]), {2: torch.rand(6)}
    )
    assert (len(nothing), nothing.masks.shape) == (0, (0, 3))


def test_sentences_about_what_is_not_shown_are_left_out_but_absent_ones_stay():
    one = sample()
    gone = one.expressions[0].target_ids[0]
    without = replace(one, voxels=one.voxels.rows(one.voxels.object_ids != gone))
    kept = answerable(without)
    assert all(gone not in each.target_ids for each in kept)
    assert {each.text for each in one.expressions if not each.target_ids} <= {each.text for each in kept}


def test_every_epoch_shows_every_sentence_once():
    source = ToySource(3)
    stream = SampleStream([source], DataConfig(sentences=4), None, seed=5)
    for epoch in range(2):
        places = range(epoch * stream.chunks, (epoch + 1) * stream.chunks)
        seen = Counter(each for place in places for each in stream[place].expressions)
        assert seen == Counter(each for said in source.expressions.values() for each in said)


def test_the_stream_is_the_same_for_every_reader_and_in_any_order():
    config = DataConfig(sentences=4)
    streams = [SampleStream([ToySource(4)], config, AugmentationConfig(max_voxels=300), 1) for _ in range(2)]
    streams.append(pickle.loads(pickle.dumps(streams[0])))  # as a loading process gets it
    forward = [streams[0][place] for place in range(6)]
    backward = [streams[1][place] for place in reversed(range(6))][::-1]
    for a, b, c in zip(forward, backward, (streams[2][place] for place in range(6)), strict=True):
        assert a.expressions == b.expressions == c.expressions
        assert torch.equal(a.voxels.features, b.voxels.features)
        assert torch.equal(a.voxels.xyz, c.voxels.xyz)
    other = SampleStream([ToySource(4)], config, AugmentationConfig(max_voxels=300), 2)
    assert [each.scene_id for each in forward] != [other[place].scene_id for place in range(6)]


def test_data_sets_are_drawn_by_their_weights():
    sources = [ToySource(3, seed=1), ToySource(3, seed=2)]
    stream = SampleStream(sources, DataConfig(data=("a", "b"), mixing=(3.0, 1.0)), None, 0)
    first = sum(stream[place].scene_id.startswith("toy1") for place in range(400))
    assert first == pytest.approx(300, abs=35)


def test_pretraining_sees_each_scene_once_an_epoch():
    stream = SampleStream([ToySource(5)], whole_scenes(DataConfig()), None, 0)
    assert Counter(stream[place].scene_id for place in range(5)) == Counter(list(ToySource(5).expressions))


def test_the_first_scenes_alone_are_overfitted_on():
    assert list(FirstScenes(ToySource(5), 2).expressions) == list(ToySource(5).expressions)[:2]


@given(st.integers(0, 500), st.integers(100, 900))
@settings(max_examples=15, deadline=None)
def test_a_crop_keeps_its_size_and_sentences_that_it_can_answer(seed, most):
    whole = sample(seed % 5)
    part = cropped(whole, most, seeded(seed))
    assert len(part.voxels) == min(most, len(whole.voxels))
    for expression in part.expressions:
        shares = [
            float((part.voxels.object_ids == number).sum() / (whole.voxels.object_ids == number).sum())
            for number in expression.target_ids
        ]
        assert not shares or max(shares) >= 0.5
    full = filled(part, whole.expressions, 6, seeded(seed))
    assert full.expressions[: len(part.expressions)] == part.expressions
    assert len(set(full.expressions)) == len(full.expressions) <= max(6, len(part.expressions))


def test_a_crop_is_around_a_target():
    whole = sample()
    one = replace(whole, expressions=(next(each for each in whole.expressions if each.target_ids),))
    part = cropped(one, 200, seeded())
    assert bool((part.voxels.object_ids == one.expressions[0].target_ids[0]).any())


def test_small_scenes_are_not_cropped():
    whole = sample()
    assert cropped(whole, len(whole.voxels), seeded()) is whole


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_motion_keeps_angles_and_the_vertical(seed):
    matrix = motion(AugmentationConfig(scale=0.2), bool(seed % 2), seeded(seed))
    scale = float(matrix[2, 2])
    assert 0.8 <= scale <= 1.2
    assert torch.allclose(matrix @ matrix.T, scale**2 * torch.eye(3), atol=1e-5)
    assert float(torch.linalg.det(matrix)) == pytest.approx((-1 if seed % 2 else 1) * scale**3, abs=1e-4)


def test_boxes_go_with_the_voxels():
    one = sample()
    quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    for matrix in (quarter, motion(AugmentationConfig(), False, seeded(4))):
        voxels, boxes = moved_voxels(one.voxels, matrix), moved_boxes(one.boxes, one.voxels, matrix)
        assert set(boxes) == set(one.boxes)
        for number, box in boxes.items():
            own = voxels.xyz[voxels.object_ids == number]
            assert bool(((own >= box[:3] - 0.05) & (own <= box[3:] + 0.05)).all())
            assert bool((own.amax(dim=0) >= box[3:] - 0.11).all())
        assert torch.equal(voxels.cells, torch.floor(voxels.xyz / voxels.voxel_size).long())
        assert len(torch.unique(voxels.cells, dim=0)) == len(voxels)


def test_a_mirrored_scene_is_not_asked_for_left_or_right():
    one = replace(sample(), expressions=(SENTENCE, sample().expressions[0]))
    config = replace(STILL, flip=True)
    seen = set()
    for seed in range(12):
        varied = augment(one, config, seeded(seed))
        mirrored = float((varied.voxels.xyz[:, 0] < 0).float().mean()) > 0.5
        seen.add(mirrored)
        assert (SENTENCE in varied.expressions) is not mirrored
    assert seen == {True, False}
    sided = replace(one, expressions=(SENTENCE,))
    assert all(float(augment(sided, config, seeded(s)).voxels.xyz[:, 0].mean()) > 0 for s in range(12))


def test_without_variation_a_sample_stays_as_it_is():
    one = sample()
    same = augment(one, STILL, seeded())
    order = torch.unique(one.voxels.cells, dim=0, return_inverse=True)[1].argsort()
    assert torch.equal(same.voxels.xyz, one.voxels.xyz[order])
    assert torch.equal(same.voxels.features, one.voxels.features[order])
    assert torch.allclose(same.voxels.rgb, one.voxels.rgb[order])


def test_voxels_without_features_get_no_noise():
    one = sample()
    features = one.voxels.features.clone()
    features[::2] = 0
    noisy = augment(
        replace(one, voxels=replace(one.voxels, features=features)), replace(STILL, feature_noise=0.1), seeded()
    )
    assert math.isclose(float((noisy.voxels.features == 0).all(dim=1).float().mean()), 0.5, abs_tol=0.01)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (DataConfig, {"batch": 0}),
        (DataConfig, {"overfit": -1}),
        (DataConfig, {"mixing": (1.0,)}),
        (AugmentationConfig, {"scale": 1.0}),
        (AugmentationConfig, {"max_voxels": 5}),
    ],
)
def test_impossible_settings_are_refused_by_name(kind, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        kind(**wrong)

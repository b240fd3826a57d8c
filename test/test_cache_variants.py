"""Variants of lifted scenes: other frames and other light, the same for a number, drawn from by training."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from dataset_folders import write_dataset, write_scene
from training_runs import FlatExtractor

from locate3d_ros.config import Config
from locate3d_ros.data.scene_folder import SceneFolder
from locate3d_ros.evaluation.cache_jobs import variant_name
from locate3d_ros.evaluation.scene_cache import cached_path, lift_scene, write_cached_scene
from locate3d_ros.evaluation.variation import JITTER, varied
from locate3d_ros.training.config import AugmentationConfig, DataConfig
from locate3d_ros.training.scene_source import CachedSource
from locate3d_ros.training.stream import SampleStream

FRAMES = 20


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> SceneFolder:
    return SceneFolder(write_scene(tmp_path_factory.mktemp("scenes") / "home", frames=FRAMES))


def numbers(scene: SceneFolder, variant: int) -> list[int]:
    return [number for number, _ in varied(scene.frames(), scene.id, variant)]


def test_variant_0_is_the_recording(scene):
    plain = list(scene.frames())
    same = list(varied(scene.frames(), scene.id, 0))
    assert [number for number, _ in same] == [number for number, _ in plain]
    assert all(torch.equal(a.rgb, b.rgb) for (_, a), (_, b) in zip(plain, same, strict=True))


@pytest.mark.parametrize("variant", range(1, 9))
def test_a_variant_keeps_half_of_the_frames_or_more_in_order_and_the_first(scene, variant):
    kept = numbers(scene, variant)
    assert kept == sorted(set(kept))
    assert kept[0] == 0
    assert FRAMES / 4 <= len(kept) <= FRAMES  # half on average at least
    assert kept == numbers(scene, variant)


def test_variants_and_scenes_differ(scene):
    assert len({tuple(numbers(scene, variant)) for variant in range(1, 9)}) > 5
    other = [[number for number, _ in varied(scene.frames(), "another", variant)] for variant in range(1, 9)]
    assert other != [numbers(scene, variant) for variant in range(1, 9)]


def test_colours_change_as_in_another_light_and_depth_stays(scene):
    plain = dict(scene.frames())
    means = []
    for variant in range(1, 9):
        frames = dict(varied(scene.frames(), scene.id, variant))
        for number, frame in frames.items():
            assert torch.equal(frame.depth, plain[number].depth)
            assert torch.equal(frame.T_map_camera, plain[number].T_map_camera)
        change = frames[0].rgb.float().mean(dim=(0, 1)) / plain[0].rgb.float().mean(dim=(0, 1))
        assert bool(((change > 1 - 2 * JITTER) & (change < 1 + 2 * JITTER)).all())
        means.append(change)
    spread = torch.stack(means).std(dim=0)
    assert bool((spread > 0.02).all())
    balance = torch.stack(means)[:, 0] / torch.stack(means)[:, 2]
    assert float(balance.std()) > 0.01  # colours shift against each other


@pytest.fixture(scope="module")
def lifted(tmp_path_factory):
    """Two scenes, one of them with two variants; in the second variant the object 7 is gone."""
    folder = write_dataset(tmp_path_factory.mktemp("data") / "homes", split="train")
    cache = folder / "cache" / "flat"
    (cache / "variants").mkdir(parents=True)
    for name, variants in (("a", 2), ("b", 0)):
        scene = SceneFolder(folder / "scenes" / name)
        for variant in range(variants + 1):
            made = lift_scene(scene, FlatExtractor(), Config(), torch.device("cpu"), variant)
            if variant == 2:
                made = replace(made, object_ids=torch.where(made.object_ids == 7, 0, made.object_ids))
            write_cached_scene(cached_path(cache, variant_name(name, variant)), made)
    return folder


def stream(folder, augmentation: AugmentationConfig | None) -> SampleStream:
    return SampleStream([CachedSource(folder, "train")], DataConfig(sentences=3), augmentation, seed=0)


STILL = AugmentationConfig(turn=False, flip=False, scale=0.0, voxel_dropout=0.0, feature_noise=0.0, colour_jitter=0.0)


def test_training_draws_the_scene_and_its_variants(lifted):
    source = CachedSource(lifted, "train")
    assert source.lifted("a") == ("a", "variants/a.1", "variants/a.2")
    assert source.lifted("b") == ("b",)
    colours = [source.voxels(name).rgb.mean() for name in source.lifted("a")]
    drawn = Counter()
    for position in range(60):
        sample = stream(lifted, STILL)[position]
        if sample.scene_id == "a":
            drawn[min(range(3), key=lambda k: abs(float(sample.voxels.rgb.mean() - colours[k])))] += 1
    assert set(drawn) == {0, 1, 2}


def test_what_a_variant_no_longer_shows_has_no_box(lifted):
    shown = {7 in sample.boxes for sample in map(stream(lifted, STILL).__getitem__, range(60))}
    assert shown == {True, False}
    for sample in map(stream(lifted, STILL).__getitem__, range(60)):
        assert (7 in sample.boxes) == bool((sample.voxels.object_ids == 7).any())


def test_without_variation_the_scene_itself_is_seen(lifted):
    source = CachedSource(lifted, "train")
    for position in range(20):
        sample = stream(lifted, None)[position]
        assert torch.equal(sample.voxels.rgb, source.voxels(sample.scene_id).rgb)

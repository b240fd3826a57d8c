"""The whole foundation backend, from weight files to token tables, against FEATURES_SPEC written out literally."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from foundation_parts import (
    CLIP,
    CLIP_HEADS,
    CPU,
    FEW_POINTS,
    demo_frame,
    random_clip_state,
    random_sam,
    released_dino_state,
    use_small_networks,
    write_small_weights,
)
from literal_features import clip_steps, clip_vector, dino_pixels, lifted
from mapping_dinov2 import patch_tokens
from mapping_scenes import dense_features
from segment_anything import SamAutomaticMaskGenerator

from locate3d_ros.build import build, build_extractor
from locate3d_ros.config import Config, FeaturesConfig, MappingConfig
from locate3d_ros.data.recordings import load_recording
from locate3d_ros.errors import InputError
from locate3d_ros.features.sam import SamSegmenter
from locate3d_ros.mapping.compression import compressed, fit_projections
from locate3d_ros.mapping.map_file import save_map
from locate3d_ros.types import LocalizeOptions, Status
from locate3d_ros.weights.catalog import CLIP as CLIP_FILE
from locate3d_ros.weights.catalog import DINO, entry

PLAIN = MappingConfig(edge_threshold=0.0, max_observations=0, carve_views=0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_small_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def config(weights, monkeypatch):
    use_small_networks(monkeypatch)
    monkeypatch.delenv("LOCATE3D_WEIGHTS", raising=False)
    return Config(backend="foundation", quality="paper", weights=str(weights), device="cpu")


@pytest.fixture(scope="module")
def frame():
    return demo_frame()


def generated_masks(rgb, points=FEW_POINTS.points_per_side, layers=FEW_POINTS.crop_layers):
    """The masks of the library's own generator with the paper's settings, in its order."""
    options = {"points_per_batch": 64, "crop_n_points_downscale_factor": 2, "pred_iou_thresh": 0.86}
    generator = SamAutomaticMaskGenerator(random_sam(), points, crop_n_layers=layers, **options)
    found = generator.generate(rgb.numpy())
    return [torch.from_numpy(each["segmentation"]) for each in found]


def literal(rgb, quirks):
    """Dense features [H * W, C] of both slots."""
    state = random_clip_state()
    masks = generated_masks(rgb)
    steps = clip_steps(rgb, masks, lambda x: clip_vector(x, state, CLIP_HEADS), CLIP.vision_cfg["image_size"])
    names = {f"dino.{name}": values for name, values in released_dino_state().items()}
    tokens, grid = patch_tokens(rgb, names, divided=not quirks)
    dino = dino_pixels(tokens, grid, rgb.shape[:2], scrambled=quirks)
    return len(masks), steps["dense"].flatten(0, 1).float(), dino.flatten(0, 1)


@pytest.mark.parametrize("quirks", [False, True])
def test_token_tables_are_the_literal_pixels(config, frame, quirks):
    extractor = build_extractor(replace(config, features=FeaturesConfig(official_quirks=quirks)), CPU)
    clip, dino = extractor.extract(frame).slots
    count, expected_clip, expected_dino = literal(frame.rgb, quirks)
    assert count > 5
    assert (expected_clip.norm(dim=1) > 0).float().mean() > 0.01
    # Half precision keeps 11 bits.
    torch.testing.assert_close(torch.from_numpy(dense_features(clip)).float(), expected_clip, atol=5e-4, rtol=0)
    torch.testing.assert_close(torch.from_numpy(dense_features(dino)).float(), expected_dino, atol=2e-5, rtol=0)


def test_released_model_asks_for_both_quirks(config):
    name = build_extractor(replace(config, model="locate3d"), CPU).name
    quirky = build_extractor(replace(config, features=FeaturesConfig(official_quirks=True)), CPU).name
    assert name == quirky == "foundation-sam-vit-h-paper-scale255-layout"
    assert build_extractor(config, CPU).name == "foundation-sam-vit-h-paper"


@pytest.mark.parametrize(("points", "layers"), [(6, 0), (6, 1), (8, 2)])
def test_masks_and_their_order_are_those_of_the_library(frame, points, layers):
    segmenter = SamSegmenter(
        random_sam(), "sam", replace(FEW_POINTS, points_per_side=points, crop_layers=layers, points_per_batch=7)
    )
    masks = segmenter.segment(frame.rgb)
    expected = generated_masks(frame.rgb, points, layers)
    assert len(masks) == len(expected) > 1
    assert torch.equal(masks, torch.stack(expected))


def test_black_image_has_no_segments_and_a_visual_slot_alone(config, frame):
    clip, dino = build_extractor(config, CPU).extract(replace(frame, rgb=torch.zeros_like(frame.rgb))).slots
    assert (clip.index == -1).all()
    assert clip.tokens.shape == (0, CLIP.embed_dim)
    assert torch.isfinite(dino.weight).all()


def test_features_may_enter_the_map_and_answer_sentences(config, frame):
    robot = build(replace(config, mapping=PLAIN))
    robot.add(frame)
    snapshot = robot.snapshot()
    assert {name: values.shape[1] for name, values in snapshot.features.items()} == {"clip": 24, "dino": 48}
    assert snapshot.extractor == "foundation-sam-vit-h-paper"
    answer = robot.localize("the red chair", LocalizeOptions(0.0, 3))
    assert answer.status in (Status.FOUND, Status.NOT_FOUND), answer.message


def test_compressed_map_answers_and_goes_on(config, frame, tmp_path):
    robot = build(replace(config, mapping=PLAIN))
    robot.add(frame)
    whole = robot.snapshot()
    small = compressed(whole, fit_projections(whole, 2))
    save_map(small, tmp_path / "small.safetensors")
    robot.load(tmp_path / "small.safetensors")
    robot.add(replace(frame, stamp=frame.stamp + 60.0))
    grown = robot.snapshot()
    assert {name: values.shape[1] for name, values in grown.features.items()} == {"clip": 12, "dino": 24}
    # The same frame again: its projected tokens must be what was fitted, up to half precision and chance.
    for name, values in small.features.items():
        torch.testing.assert_close(grown.features[name].float(), values.float(), atol=4e-3, rtol=0)
    answer = robot.localize("the red chair", LocalizeOptions(0.0, 3))
    assert answer.status in (Status.FOUND, Status.NOT_FOUND), answer.message


def test_map_of_one_frame_holds_the_means_of_the_literal_pixels(config, frame):
    robot = build(replace(config, mapping=PLAIN))
    robot.add(frame)
    snapshot = robot.snapshot()
    _, clip, dino = literal(frame.rgb, quirks=False)
    lens = frame.intrinsics
    K = torch.tensor([[lens.fx, 0, lens.cx], [0, lens.fy, lens.cy], [0, 0, 1]])
    depth_mm = (frame.depth.double() * 1000).round()
    xyz, _, pixel = lifted(frame.rgb, depth_mm, K, frame.T_map_camera)
    cells = torch.floor(xyz.double() / snapshot.voxel_size).long()
    order = {tuple(cell): row for row, cell in enumerate(snapshot.cells.tolist())}
    wanted = [order.get(tuple(cell), -1) for cell in cells.tolist()]
    place = torch.tensor(wanted)
    # Points within rounding of a cell's border may fall on either side.
    assert (place < 0).float().mean() < 1e-3
    for name, dense in (("clip", clip), ("dino", dino)):
        total = torch.zeros(len(snapshot), dense.shape[1]).index_add_(0, place[place >= 0], dense[pixel][place >= 0])
        mean = total / torch.bincount(place[place >= 0], minlength=len(snapshot)).clamp(min=1)[:, None]
        off = (snapshot.features[name].float() - mean).abs().amax(dim=1)
        assert off.median() < 1e-3
        assert (off > 2e-3).float().mean() < 0.02


def test_real_frames_of_a_kitchen(config, test_data):
    recording = test_data / "kitchen"
    if not recording.is_dir():
        pytest.skip(f"recording not found: {recording}")
    real = next(iter(load_recording(recording)))
    extractor = build_extractor(replace(config, features=FeaturesConfig(official_quirks=True)), CPU)
    clip, dino = extractor.extract(real).slots
    _, expected_clip, expected_dino = literal(real.rgb, quirks=True)
    torch.testing.assert_close(torch.from_numpy(dense_features(clip)).float(), expected_clip, atol=5e-4, rtol=0)
    torch.testing.assert_close(torch.from_numpy(dense_features(dino)).float(), expected_dino, atol=2e-5, rtol=0)


@pytest.mark.parametrize("name", ["clip-vit-l14", "dinov2-vitb14-reg", "sam-vit-h"])
def test_missing_file_is_named_with_its_source_and_the_backend_that_needs_none(config, weights, tmp_path, name):
    for path in weights.iterdir():
        if path.name != entry(name).file:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(InputError, match=f"{name}: .*--backend embedded") as caught:
        build_extractor(replace(config, weights=str(tmp_path)), CPU)
    assert "\n" not in str(caught.value)


def test_file_of_another_model_is_refused_in_one_line(config, weights, tmp_path):
    for path in weights.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / entry(DINO).file).unlink()
    (tmp_path / entry(DINO).file).symlink_to(weights / entry(CLIP_FILE).file)
    with pytest.raises(InputError, match="not the expected weights: .* missing keys") as caught:
        build_extractor(replace(config, weights=str(tmp_path)), CPU)
    assert "\n" not in str(caught.value)


def test_image_of_another_kind_is_refused(config, frame):
    with pytest.raises(InputError, match=r"give \[H, W, 3\] uint8"):
        build_extractor(config, CPU).extract(replace(frame, rgb=frame.rgb.float()))

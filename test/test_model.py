"""Behaviour of the Locate 3D model at small sizes; its numbers are checked in test_parity.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from locate3d_ros.errors import InputError
from locate3d_ros.model.config import (
    PRESETS,
    DecoderConfig,
    EncoderConfig,
    ModelConfig,
    PointTransformerConfig,
    TextConfig,
)
from locate3d_ros.model.encoder import harmonic_embedding
from locate3d_ros.model.heads import decode_boxes
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.model.point_transformer import SceneBatchNorm
from locate3d_ros.model.postprocess import joined_text, phrase, to_instances

SMALL = ModelConfig(
    EncoderConfig(
        feature_dim=10,
        embed_dim=16,
        rgb_dim=8,
        harmonics=4,
        backbone=PointTransformerConfig(
            in_channels=16,
            encoder_depths=(1, 2, 1),
            encoder_channels=(16, 24, 32),
            encoder_heads=(2, 2, 4),
            decoder_depths=(1, 1),
            decoder_channels=(16, 24),
            decoder_heads=(2, 2),
            patch_sizes=(32, 16, 16),
        ),
    ),
    DecoderConfig(
        width=24,
        feature_dim=16,
        queries=6,
        layers=2,
        heads=3,
        feedforward=32,
        text=TextConfig("clip", width=12, layers=1, heads=2, feedforward=16, projection=8, vocabulary=50),
    ),
)
WORDS = torch.tensor([0, 5, 6, 1])


@pytest.fixture
def model() -> Locate3DModel:
    torch.manual_seed(0)
    return Locate3DModel(SMALL).eval()


def scene(n: int = 200, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    others = 1 + torch.randperm(12**3 - 1, generator=generator)[: n - 1]
    places = torch.cat((torch.zeros(1, dtype=torch.int64), others))[torch.randperm(n, generator=generator)]
    cells = torch.stack((places // 144, places // 12 % 12, places % 12), dim=1)
    jitter = torch.rand(n, 3, generator=generator) * 0.4 - 0.2
    # The least corner lies lowest in its cell, so that no point is near a border of the released model's grid.
    jitter[(cells == 0).all(dim=1)] = -0.25
    xyz = (cells + 0.5 + jitter) * 0.05
    return xyz, torch.rand(n, 3, generator=generator), torch.randn(n, 10, generator=generator)


@torch.inference_mode()
def predict(model: Locate3DModel, xyz: torch.Tensor, rgb: torch.Tensor, features: torch.Tensor):
    states = model.decoder.text_encoder(WORDS)
    return next(iter(model.decode(model.encode(xyz, rgb, features), [states])))


def test_result_does_not_depend_on_the_order_of_the_points(model: Locate3DModel) -> None:
    given = scene()
    shuffle = torch.randperm(200)
    plain, shuffled = predict(model, *given), predict(model, *(t[shuffle] for t in given))
    torch.testing.assert_close(shuffled.mask_logits, plain.mask_logits[:, shuffle], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(shuffled.boxes, plain.boxes, atol=1e-4, rtol=1e-4)


def test_several_sentences_equal_one_by_one(model: Locate3DModel) -> None:
    with torch.inference_mode():
        encoding = model.encode(*scene())
        states = [model.decoder.text_encoder(torch.tensor(ids)) for ids in ([0, 3, 1], [0, 4, 5, 6, 1])]
        together = list(model.decode(encoding, states))
        alone = [next(iter(model.decode(encoding, [s]))) for s in states]
    for a, b in zip(together, alone, strict=True):
        assert torch.equal(a.mask_logits, b.mask_logits)


@pytest.mark.parametrize("n", [1, 2, 33])
def test_scenes_of_any_size_are_finite(model: Locate3DModel, n: int) -> None:
    prediction = predict(model, *scene(n))
    assert prediction.mask_logits.shape == (6, n)
    assert torch.isfinite(prediction.mask_logits).all()
    assert torch.isfinite(prediction.boxes).all()


def test_single_row_normalises_to_the_bias() -> None:
    norm = SceneBatchNorm(3)
    torch.nn.init.normal_(norm.bias)
    assert torch.equal(norm(torch.randn(1, 3)), norm.bias[None])


def test_empty_scene_wrong_shapes_and_nan_are_refused(model: Locate3DModel) -> None:
    xyz, rgb, features = scene(5)
    with pytest.raises(ValueError, match="no points"):
        model.encode(xyz[:0], rgb[:0], features[:0])
    with pytest.raises(ValueError, match=r"give \(n, 3\)"):
        model.encode(xyz, rgb, features[:, :9])
    features[2, 3] = float("nan")
    with pytest.raises(ValueError, match="nan"):
        model.encode(xyz, rgb, features)


def test_own_cells_keep_voxels_apart_whose_centroids_share_a_cell(model: Locate3DModel) -> None:
    xyz, rgb, features = scene(40)
    squeezed = xyz * 0.2  # many centroids in one cell of the released rule
    cells = torch.floor(xyz / 0.05).int()
    with torch.inference_mode():
        own = model.encode(squeezed, rgb, features, cells - 100).features
        reference = model.encode(xyz, rgb, features, cells).features
    torch.testing.assert_close(own, reference, atol=1e-5, rtol=1e-5)


def test_huge_coordinates_are_encoded_like_near_ones(model: Locate3DModel) -> None:
    xyz, rgb, features = scene(60)
    cells = torch.floor(xyz / 0.05).int()
    with torch.inference_mode():
        near = model.encode(xyz, rgb, features, cells).features
        far = model.encode(xyz + 1e4, rgb, features, cells + 200_000).features
    torch.testing.assert_close(far, near)


def test_gradient_reaches_every_parameter_that_is_used(model: Locate3DModel) -> None:
    xyz, rgb, features = scene()
    features[:3] = 0.0  # so that the zero token is used
    model.train()
    states = model.decoder.text_encoder(WORDS)
    predictions = model.decoder(model.encode(xyz, rgb, features).scene, states, every_layer=True)
    sum(
        p.mask_logits.square().mean() + p.token_logits.square().mean() + p.boxes.square().mean() for p in predictions
    ).backward()
    unused = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    allowed = ("keys_norm", "text_projection", "in_proj_bias", "position_embedding_head.0.bias")
    assert all(any(part in name for part in allowed) for name in unused), unused


def test_full_size_has_exactly_the_released_keys_and_shapes(test_data: Path) -> None:
    released = json.loads((test_data / "parity" / "state_dict_shapes.json").read_text())
    with torch.device("meta"):
        ours = Locate3DModel(PRESETS["locate3d"]).state_dict()
    assert {key: list(tensor.shape) for key, tensor in ours.items()} == {k: v[0] for k, v in released.items()}
    assert {key: str(t.dtype) for key, t in ours.items()} == {k: f"torch.{v[1]}" for k, v in released.items()}


def test_tiny_preset_is_small_and_reads_the_embedded_backend() -> None:
    config = PRESETS["locate3d-tiny"]
    with torch.device("meta"):
        tiny = Locate3DModel(config)
    assert sum(p.numel() for p in tiny.parameters()) < 8_000_000
    assert config.encoder.feature_dim == 256
    assert tiny.decoder.text_encoder is None


def test_harmonic_embedding_of_the_worked_example() -> None:
    embedded = harmonic_embedding(torch.tensor([[100.25, 7.5, 255.0]]), 3)[0]
    sines = [-0.277283, -0.532820, -0.901775, 0.938000, 0.650288, -0.988032, -0.506392, 0.873327, 0.850856]
    cosines = [0.960787, 0.846231, 0.432209, 0.346636, -0.759688, 0.154252, -0.862301, 0.487131, -0.525403]
    torch.testing.assert_close(embedded, torch.tensor([*sines, *cosines, 100.25, 7.5, 255.0]), atol=2e-6, rtol=0)


def test_harmonic_cosine_is_the_shifted_sine_of_float32() -> None:
    embedded = harmonic_embedding(torch.tensor([[200.7, 0.0, 0.0]]), 16)[0]
    assert embedded[15].item() == pytest.approx(0.2997149, abs=1e-6)
    assert embedded[48 + 15].item() == pytest.approx(-0.9304380, abs=1e-6)


def test_box_decoding_of_the_worked_example() -> None:
    raw = torch.tensor([0.5, 1e-9, 2.0]).double().expm1().log()  # the inverse of softplus
    boxes = decode_boxes(torch.cat((torch.tensor([1.0, 2.0, 3.0]).double(), raw))[None])
    expected = torch.tensor([[0.75, 1.9999995, 2.0, 1.25, 2.0000005, 4.0]]).double()
    torch.testing.assert_close(boxes, expected, atol=1e-7, rtol=0)


def test_phrase_keeps_the_spaces_that_the_released_text_drops() -> None:
    text, offsets = "the coffee table", ((0, 0), (0, 3), (4, 10), (11, 16), (0, 0))
    assert joined_text(text, offsets, (2, 3, 60)) == "coffeetable"
    assert phrase(text, offsets, (2, 3, 60)) == "coffee table"
    assert phrase(text, offsets, (0, 70)) == ""


def test_instances_are_the_queries_with_a_word_above_one_half(model: Locate3DModel) -> None:
    prediction = predict(model, *scene(30))
    instances = to_instances(prediction)
    probability = prediction.token_logits.sigmoid()
    assert [i.query for i in instances] == [q for q in range(6) if (probability[q] > 0.5).any()]
    for instance in instances:
        assert instance.confidence > 0.5
        assert all(probability[instance.query, t] > 0.5 for t in instance.tokens)


def test_sizes_that_do_not_fit_are_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="not a multiple"):
        DecoderConfig(width=50)
    with pytest.raises(InputError, match="decoder_heads: give 4 values"):
        PointTransformerConfig(decoder_heads=(2,))

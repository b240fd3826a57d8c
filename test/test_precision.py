from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from test_model import SMALL, WORDS, scene

from locate3d_ros.model.checkpoint import load_checkpoint
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.model.precision import choose_dtype, lower_precision
from locate3d_ros.model.tokenizer import tokenise

CPU = torch.device("cpu")
SHARE_OF_RANGE = 0.02


@torch.inference_mode()
def golden_logits(folder, text, dtype):
    """Token and mask logits of a golden scene and its boxes, computed in a precision from the map on."""
    given = load_file(folder / "io.safetensors")
    model = lower_precision(load_checkpoint(folder).model, dtype)
    features = torch.cat((given["in.features_clip"], given["in.features_dino"]), dim=1)
    encoding = model.encode(given["in.points"], given["in.rgb"], features)
    states = model.decoder.text_encoder(torch.tensor(tokenise(text).ids))
    return next(iter(model.decode(encoding, [states])))


@pytest.mark.parametrize("text", ["the small coffee table between the sofa and the lamp", "Chair next to window."])
def test_bfloat16_logits_stay_within_two_percent_of_their_range(test_data, text):
    pytest.importorskip("open_clip", reason="the CLIP vocabulary comes with open_clip_torch")
    folder = test_data / "parity" / "golden_a"
    exact, lowered = (golden_logits(folder, text, dtype) for dtype in (torch.float32, torch.bfloat16))
    for name in ("token_logits", "mask_logits"):
        reference = getattr(exact, name)
        gap = (getattr(lowered, name).float() - reference).abs()
        assert gap.max() > 0, "the lowered model computed in float32"
        assert gap.mean() <= SHARE_OF_RANGE * (reference.max() - reference.min()), name
    assert lowered.boxes.dtype is torch.float32


def test_boxes_colour_and_normalisations_keep_float32_weights():
    model = lower_precision(Locate3DModel(SMALL), torch.bfloat16)
    kept = [*model.decoder.bbox_head.parameters(), *model.encoder.rgb_projector.parameters()]
    kept += [p for m in model.modules() if isinstance(m, torch.nn.LayerNorm) for p in m.parameters()]
    assert all(p.dtype is torch.float32 for p in kept)
    assert model.encoder.feature_embed.weight.dtype is torch.bfloat16
    assert model.encoder.point_transformer_v3.embedding["stem"].conv.weight.dtype is torch.bfloat16


def test_float32_leaves_the_model_and_its_numbers_alone():
    torch.manual_seed(0)
    model = Locate3DModel(SMALL).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert lower_precision(model, torch.float32) is model
    with torch.inference_mode():
        states = model.decoder.text_encoder(WORDS)
        assert next(iter(model.decode(model.encode(*scene()), [states]))).mask_logits.dtype is torch.float32
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_named_types_are_taken_and_auto_measures(monkeypatch):
    assert choose_dtype("float32", CPU) is torch.float32
    assert choose_dtype("bfloat16", CPU) is torch.bfloat16
    for speedup, chosen in ((1.1, torch.float32), (4.0, torch.bfloat16)):
        monkeypatch.setattr("locate3d_ros.model.precision._speedup", lambda _device, speedup=speedup: speedup)
        assert choose_dtype("auto", CPU) is chosen


@pytest.mark.cuda
@pytest.mark.parametrize(("dtype", "share"), [(torch.float32, 1e-3), (torch.bfloat16, SHARE_OF_RANGE)])
def test_gpu_gives_the_numbers_of_the_cpu(dtype, share):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    torch.manual_seed(0)
    model, given = Locate3DModel(SMALL).eval(), scene(1500)
    with torch.inference_mode():
        states = model.decoder.text_encoder(WORDS)
        expected = next(iter(model.decode(model.encode(*given), [states])))
        lowered = lower_precision(model.cuda(), dtype)
        encoding = lowered.encode(*(tensor.cuda() for tensor in given))
        computed = next(iter(lowered.decode(encoding, [states.cuda()])))
    for name in ("token_logits", "mask_logits", "boxes"):
        reference = getattr(expected, name)
        gap = (getattr(computed, name).float().cpu() - reference).abs().mean()
        assert gap <= share * (reference.max() - reference.min()), name

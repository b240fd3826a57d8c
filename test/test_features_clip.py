"""CLIP: one model for images and sentences, crops, segments' boxes, blending and painting."""

from __future__ import annotations

import pytest
import torch
from foundation_parts import CLIP, CPU, random_clip_state
from hypothesis import given, settings
from hypothesis import strategies as st
from literal_features import clip_steps, mask_box
from safetensors.torch import save_file
from torch.nn.functional import normalize

from locate3d_ros.errors import InputError
from locate3d_ros.features.clip import load_clip
from locate3d_ros.features.clip_classes import ClipClassHead, ClipText, share_text_tower
from locate3d_ros.features.clip_sam import Blend, painted
from locate3d_ros.features.crops import crop_images
from locate3d_ros.features.segmenters import mask_boxes, with_area
from locate3d_ros.model.clip_text import ClipTextEncoder
from locate3d_ros.model.config import TextConfig


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.safetensors"
    save_file(random_clip_state(), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("locate3d_ros.features.clip.released_config", lambda: CLIP)
        return load_clip(path, CPU)


def tower_state(clip):
    """The text tower's weights under the names of released Locate 3D checkpoints."""
    ours = clip.model.state_dict()
    state = {
        "text_model.embeddings.token_embedding.weight": ours["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": ours["positional_embedding"],
        "text_model.final_layer_norm.weight": ours["ln_final.weight"],
        "text_model.final_layer_norm.bias": ours["ln_final.bias"],
        "text_projection.weight": ours["text_projection"].T,
    }
    for layer in range(CLIP.text_cfg["layers"]):
        block, place = f"transformer.resblocks.{layer}", f"text_model.encoder.layers.{layer}"
        for leaf in ("weight", "bias"):
            q, k, v = ours[f"{block}.attn.in_proj_{leaf}"].chunk(3)
            parts = {"self_attn.q_proj": q, "self_attn.k_proj": k, "self_attn.v_proj": v}
            names = {"self_attn.out_proj": "attn.out_proj", "layer_norm1": "ln_1", "layer_norm2": "ln_2"}
            names |= {"mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
            parts |= {name: ours[f"{block}.{source}.{leaf}"] for name, source in names.items()}
            state |= {f"{place}.{name}.{leaf}": values for name, values in parts.items()}
    return {name: values.clone() for name, values in state.items()}


@pytest.fixture
def tower(clip):
    sizes = CLIP.text_cfg
    config = TextConfig(
        "clip",
        width=sizes["width"],
        layers=sizes["layers"],
        heads=sizes["heads"],
        feedforward=4 * sizes["width"],
        vocabulary=sizes["vocab_size"],
        positions=sizes["context_length"],
        projection=CLIP.embed_dim,
    )
    encoder = ClipTextEncoder(config).eval()
    encoder.load_state_dict(tower_state(clip))
    return encoder


def test_decoders_equal_text_tower_takes_the_memory_of_clips(clip, tower):
    ids = torch.tensor([49406, 320, 1125, 49407])
    with torch.no_grad():
        before = tower(ids)
        assert share_text_tower(clip, tower)
        torch.testing.assert_close(tower(ids), before, atol=1e-6, rtol=0)
    ours = {values.untyped_storage().data_ptr() for values in clip.model.parameters()}
    assert all(values.untyped_storage().data_ptr() in ours for values in tower.parameters())


def test_text_tower_that_was_trained_on_stays_its_own(clip, tower):
    with torch.no_grad():
        tower.text_model.layers[1].mlp.fc2.bias[3] += 1e-3
    place = tower.text_projection.weight.data_ptr()
    assert not share_text_tower(clip, tower)
    assert tower.text_projection.weight.data_ptr() == place


def test_sentences_are_unit_vectors_and_the_same_alone_and_among_many(clip):
    texts = [f"a mug number {i}" for i in range(70)]
    many = clip.sentence_vectors(texts)
    torch.testing.assert_close(many.norm(dim=1), torch.ones(70))
    torch.testing.assert_close(clip.sentence_vectors(texts[:2]), many[:2], atol=1e-5, rtol=0)
    assert clip.sentence_vectors([]).shape == (0, CLIP.embed_dim)
    assert torch.isfinite(clip.sentence_vectors(["word " * 200])).all()
    with pytest.raises(TypeError, match="not one text"):
        clip.sentence_vectors("mug")


def test_class_head_names_the_class_whose_words_the_features_are(clip, monkeypatch):
    monkeypatch.setattr(
        "locate3d_ros.features.clip_classes.class_lemmas", lambda: (("chair",), ("table", "desk"), ("mug",))
    )
    text = ClipText(clip)
    head = ClipClassHead(text)
    assert head.logits(3.0 * text.class_vectors).argmax(dim=1).tolist() == [0, 1, 2]
    assert head.names == ("chair", "table", "mug")
    assert torch.isfinite(head.logits(torch.zeros(2, CLIP.embed_dim))).all()
    with pytest.raises(InputError, match=r"CLIP's classifier reads \[n, 24\]"):
        head.logits(torch.zeros(2, 5))


@pytest.mark.parametrize("box", [(0, 0, 64, 48), (3, 5, 40, 2), (10, 0, 1, 48), (7, 9, 1, 1), (0, 0, 20, 20)])
def test_crops_on_the_device_are_near_pillows(box):
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 6, 8, generator=generator) * 255
    smooth = torch.nn.functional.interpolate(coarse, (48, 64), mode="bilinear")
    rgb = smooth[0].permute(1, 2, 0).to(torch.uint8)
    exact, quick = (crop_images(rgb, torch.tensor([box]), 56, exact) for exact in (True, False))
    assert exact.shape == quick.shape == (1, 3, 56, 56)
    # 0.015 is one of 255 levels; of a line of pixels the middle lies between two, and one of them is taken.
    assert (exact - quick).abs().mean() < (0.1 if min(box[2:]) == 1 else 0.06)


masks_of = st.tuples(st.integers(0, 5), st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**30))


@settings(max_examples=60, deadline=None)
@given(masks_of)
def test_boxes_and_painting_are_the_literal_ones(sizes):
    count, height, width, seed = sizes
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(count, height, width, generator=generator) < torch.rand(count, 1, 1, generator=generator) ** 2
    boxes = mask_boxes(masks)
    assert boxes.tolist() == [[int(value) for value in mask_box(mask)] for mask in masks]
    kept, of_kept = with_area(masks)
    assert (of_kept[:, 2] * of_kept[:, 3] > 0).all()
    vectors = torch.rand(len(kept), 3, generator=generator) + 0.1
    table = painted("clip", kept, vectors)
    dense = torch.zeros(height, width, 3)
    for mask, vector in zip(kept, vectors, strict=True):
        dense[mask] = vector
    index, weight = table.index[..., 0].long(), table.weight
    if len(vectors):
        assert torch.equal(vectors[index.clamp(min=0)] * weight, dense)
    assert torch.equal(weight[..., 0] > 0, dense.sum(dim=2) > 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(0, 2**30))
def test_blended_vectors_are_the_literal_ones(count, seed):
    generator = torch.Generator().manual_seed(seed)
    raw = iter(torch.randn(count + 1, 8, generator=generator) * 3)
    embeddings = list(raw)
    rgb = torch.zeros(4, 4, 3, dtype=torch.uint8)
    masks = torch.ones(count, 4, 4, dtype=torch.bool)
    queue = iter(embeddings)
    steps = clip_steps(rgb, masks, lambda _: next(queue), 4)
    blend = Blend.of(embeddings[0], torch.stack(embeddings[1:]))
    torch.testing.assert_close(blend.share, steps["weight"], atol=1e-6, rtol=0)
    torch.testing.assert_close(blend.mixed(), steps["blended"], atol=3e-4, rtol=0)
    torch.testing.assert_close(blend.mixed(), normalize(blend.mixed(), dim=1), atol=1e-6, rtol=0)

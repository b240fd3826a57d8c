"""Keys and shapes of the released files, on the meta device: nothing of their gigabytes is here."""

from __future__ import annotations

import pytest
import torch
from foundation_parts import DINO as SMALL_DINO
from foundation_parts import released_dino_state
from safetensors.torch import save_file

from locate3d_ros.errors import InputError
from locate3d_ros.features.clip import clip_state, load_clip, make_clip, released_config
from locate3d_ros.features.dinov2 import dino_state, load_dino, make_dino
from locate3d_ros.features.sam import load_sam, make_sam
from locate3d_ros.weights.state_dict import differences

CPU, META = torch.device("cpu"), torch.device("meta")


def on_meta(make):
    with META:
        return make()


def layers(count, block, shapes):
    """The keys and shapes of `count` blocks; linears and norms have a weight and a bias."""
    named = {}
    for i in range(count):
        for name, shape in shapes.items():
            named[f"{block}.{i}.{name}.weight"] = shape
            named[f"{block}.{i}.{name}.bias"] = shape[:1]
    return named


def clip_shapes():
    """Every tensor of OpenAI's ViT-L/14, as its paper and its release name them."""

    def tower(count, block, width):
        linears = {"attn.out_proj": (width, width), "mlp.c_fc": (4 * width, width), "mlp.c_proj": (width, 4 * width)}
        named = layers(count, block, {"ln_1": (width,), "ln_2": (width,)} | linears)
        for i in range(count):
            named[f"{block}.{i}.attn.in_proj_weight"] = (3 * width, width)
            named[f"{block}.{i}.attn.in_proj_bias"] = (3 * width,)
        return named

    named = tower(24, "visual.transformer.resblocks", 1024) | tower(12, "transformer.resblocks", 768)
    named |= {f"visual.{name}.{leaf}": (1024,) for name in ("ln_pre", "ln_post") for leaf in ("weight", "bias")}
    named |= {"visual.class_embedding": (1024,), "visual.positional_embedding": (257, 1024)}
    named |= {"visual.proj": (1024, 768), "visual.conv1.weight": (1024, 3, 14, 14)}
    named |= {"ln_final.weight": (768,), "ln_final.bias": (768,), "text_projection": (768, 768), "logit_scale": ()}
    return named | {"token_embedding.weight": (49408, 768), "positional_embedding": (77, 768)}


def dino_shapes():
    """Every tensor of dinov2_vitb14_reg, as facebookresearch/dinov2 names them."""
    width = 768
    linears = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
    linears |= {"mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
    named = layers(12, "blocks", {"norm1": (width,), "norm2": (width,)} | linears)
    named |= {f"blocks.{i}.{scale}.gamma": (width,) for i in range(12) for scale in ("ls1", "ls2")}
    named |= {"cls_token": (1, 1, width), "register_tokens": (1, 4, width), "mask_token": (1, width)}
    named |= {"pos_embed": (1, 37 * 37 + 1, width), "norm.weight": (width,), "norm.bias": (width,)}
    return named | {"patch_embed.proj.weight": (width, 3, 14, 14), "patch_embed.proj.bias": (width,)}


def sam_shapes():
    """Every tensor of SAM ViT-H, as Meta's file names them."""
    width, out = 1280, 256
    linears = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
    linears |= {"mlp.lin1": (4 * width, width), "mlp.lin2": (width, 4 * width)}
    named = layers(32, "image_encoder.blocks", {"norm1": (width,), "norm2": (width,)} | linears)
    for i in range(32):
        places = 127 if i % 8 == 7 else 27  # every eighth block sees the whole image, the others 14 x 14 windows
        named |= {f"image_encoder.blocks.{i}.attn.rel_pos_{axis}": (places, width // 16) for axis in "hw"}
    named |= {"image_encoder.pos_embed": (1, 64, 64, width), "image_encoder.patch_embed.proj.bias": (width,)}
    named |= {"image_encoder.patch_embed.proj.weight": (width, 3, 16, 16)}
    named |= {"image_encoder.neck.0.weight": (out, width, 1, 1), "image_encoder.neck.2.weight": (out, out, 3, 3)}
    named |= {f"image_encoder.neck.{i}.{leaf}": (out,) for i in (1, 3) for leaf in ("weight", "bias")}
    return named | sam_prompt_shapes(out) | sam_decoder_shapes(out)


def sam_prompt_shapes(out):
    named = {f"point_embeddings.{i}.weight": (1, out) for i in range(4)}
    named |= {"not_a_point_embed.weight": (1, out), "no_mask_embed.weight": (1, out)}
    named |= {"pe_layer.positional_encoding_gaussian_matrix": (2, out // 2)}
    for i, shape in {0: (4, 1, 2, 2), 1: (4,), 3: (16, 4, 2, 2), 4: (16,), 6: (out, 16, 1, 1)}.items():
        named |= {f"mask_downscaling.{i}.weight": shape, f"mask_downscaling.{i}.bias": shape[:1]}
    return {f"prompt_encoder.{name}": shape for name, shape in named.items()}


def sam_decoder_shapes(out):
    def attention(name, inner):
        linears = {f"{name}.{part}_proj": (inner, out) for part in "qkv"}
        return linears | {f"{name}.out_proj": (out, inner)}

    block = attention("self_attn", out) | {f"norm{i}": (out,) for i in range(1, 5)}
    for name in ("cross_attn_token_to_image", "cross_attn_image_to_token"):
        block |= attention(name, out // 2)
    named = layers(2, "transformer.layers", block | {"mlp.lin1": (2048, out), "mlp.lin2": (out, 2048)})
    pairs = attention("transformer.final_attn_token_to_image", out // 2) | {"transformer.norm_final_attn": (out,)}
    pairs |= {f"iou_prediction_head.layers.{i}": (4 if i == 2 else 256, 256) for i in range(3)}
    pairs |= {
        f"output_hypernetworks_mlps.{mask}.layers.{i}": (32 if i == 2 else out, out)
        for mask in range(4)
        for i in range(3)
    }
    for name, shape in pairs.items():
        named |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    named |= {"iou_token.weight": (1, out), "mask_tokens.weight": (4, out)}
    for i, shape in {0: (out, 64, 2, 2), 3: (64, 32, 2, 2)}.items():
        named |= {f"output_upscaling.{i}.weight": shape, f"output_upscaling.{i}.bias": shape[1:2]}
    named |= {"output_upscaling.1.weight": (64,), "output_upscaling.1.bias": (64,)}
    return {f"mask_decoder.{name}": shape for name, shape in named.items()}


def empty(shapes):
    return {name: torch.empty(shape, device=META) for name, shape in shapes.items()}


def test_clip_takes_the_released_keys_and_shapes():
    model = on_meta(lambda: make_clip(released_config(), CPU))
    extra = {name: torch.tensor(224) for name in ("input_resolution", "context_length", "vocab_size")}
    assert differences(model, clip_state(empty(clip_shapes()) | extra)) == ""
    assert sum(values.numel() for values in model.parameters()) == 427_616_513


def test_dino_takes_the_released_keys_and_shapes():
    model = on_meta(make_dino)
    assert differences(model, dino_state(empty(dino_shapes()))) == ""
    assert sum(values.numel() for values in empty(dino_shapes()).values()) == 86_583_552  # the mask token among them


def test_sam_takes_the_released_keys_and_shapes():
    model = on_meta(lambda: make_sam("vit_h"))
    assert differences(model, empty(sam_shapes())) == ""
    assert sum(values.numel() for values in empty(sam_shapes()).values()) == 641_090_864


# Bytes of the released files, less their names and padding, divided by four.
@pytest.mark.parametrize(("size", "file_bytes"), [("vit_h", 2_564_550_879), ("vit_l", 1_249_524_607)])
def test_sam_has_as_many_numbers_as_the_released_file(size, file_bytes):
    model = on_meta(lambda: make_sam(size))
    numbers = sum(values.numel() for values in model.state_dict().values())
    assert 0 < file_bytes - 4 * numbers < 300_000


def test_dino_of_both_names_gives_the_same_tokens(tmp_path):
    state = released_dino_state()
    save_file(state, tmp_path / "facebook.safetensors")
    save_file(dino_state(state), tmp_path / "timm.safetensors")
    image = torch.rand(1, 3, 28, 42)
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr("locate3d_ros.features.dinov2.make_dino", lambda name: make_dino(name, **SMALL_DINO))
        a, b = (
            load_dino(tmp_path / name, CPU).forward_features(image)
            for name in ("facebook.safetensors", "timm.safetensors")
        )
    assert torch.equal(a, b)


def test_dino_without_registers_is_another_network(tmp_path):
    state = released_dino_state()
    del state["register_tokens"]
    save_file(state, tmp_path / "plain.safetensors")
    with pytest.raises(InputError, match="not the expected weights"):
        load_dino(tmp_path / "plain.safetensors", CPU)


@pytest.mark.parametrize("load", [load_clip, load_dino, lambda path, device: load_sam(path, "vit_b", device)])
def test_wrong_damaged_and_missing_files_are_refused_in_one_line(load, tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"\x00" * 100)
    for name in ("other.safetensors", "damaged.safetensors", "missing.safetensors"):
        with pytest.raises(InputError, match=name) as caught:
            load(tmp_path / name, CPU)
        assert "\n" not in str(caught.value)

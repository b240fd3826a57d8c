"""Small networks of the released architectures, with random weights, in files where the product looks for them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

from locate3d_ros.data.recordings import load_recording
from locate3d_ros.features import clip, dinov2, foundation, sam
from locate3d_ros.features.clip import ClipConfig
from locate3d_ros.features.quality import PAPER
from locate3d_ros.types import Intrinsics
from locate3d_ros.weights import catalog

CLIP_HEADS = 2
CLIP = ClipConfig(
    embed_dim=24,
    vision_cfg={"image_size": 56, "patch_size": 14, "width": 64, "head_width": 32, "layers": 2, "mlp_ratio": 4},
    text_cfg={"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
)
DINO = {"embed_dim": 48, "depth": 2, "num_heads": 4, "img_size": 140}
# As many questions as a test can wait for; everything else as in the paper.
FEW_POINTS = replace(PAPER, points_per_side=6, points_per_batch=16, crop_batch=5)
CPU = torch.device("cpu")


def make_sam(_size="vit_h"):
    """Segment Anything for images of 128 pixels."""
    edge, width = 128 // 16, 32
    transformer = TwoWayTransformer(depth=2, embedding_dim=width, mlp_dim=32, num_heads=2)
    norm = partial(torch.nn.LayerNorm, eps=1e-6)
    size = {"img_size": 128, "patch_size": 16, "embed_dim": width, "depth": 2, "num_heads": 2, "out_chans": width}
    looks = {"use_rel_pos": True, "window_size": 4, "global_attn_indexes": (1,), "norm_layer": norm}
    return Sam(
        ImageEncoderViT(**size, **looks),
        PromptEncoder(
            embed_dim=width, image_embedding_size=(edge, edge), input_image_size=(128, 128), mask_in_chans=16
        ),
        MaskDecoder(transformer_dim=width, transformer=transformer, iou_head_depth=2, iou_head_hidden_dim=32),
        sam.PIXEL_MEAN,
        sam.PIXEL_STD,
    )


def random_sam(seed=0):
    """A model that answers different points with small sharp blobs, and is sure enough for some of them to stay."""
    torch.manual_seed(seed)
    model = make_sam()
    torch.nn.init.normal_(model.image_encoder.pos_embed, std=5.0)
    decoder = model.mask_decoder
    for name, values in decoder.transformer.named_parameters():
        if values.ndim == 2:
            values.data *= 12.0 if "out_proj" in name else 3.0
    # One channel of the upscaled image is constant: its weight lowers all logits, and most pixels come out negative.
    decoder.output_upscaling[3].weight.data[:, 0] = 0.0
    decoder.output_upscaling[3].bias.data[0] = 1.0
    for head in decoder.output_hypernetworks_mlps:
        *hidden, last = head.layers
        for layer in hidden:
            layer.weight.data *= 4.0
            layer.bias.data.zero_()
        last.weight.data *= 3000.0
        last.bias.data *= 3000.0
        last.weight.data[0] = 0.0
        last.bias.data[0] = -900.0
    sure = decoder.iou_prediction_head.layers[-1]
    sure.bias.data[:] = 0.9
    sure.weight.data *= 0.3
    return model.eval()


def released_dino_state(seed=0):
    """Random weights under the names of facebookresearch/dinov2, with every term large enough to matter."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape, scale=0.2, around=0.0):
        return around + scale * torch.randn(*shape, generator=generator)

    width, side = DINO["embed_dim"], DINO["img_size"] // 14
    state = {"cls_token": random(1, 1, width), "register_tokens": random(1, 4, width), "mask_token": random(1, width)}
    state["pos_embed"] = random(1, 1 + side * side, width)
    state["patch_embed.proj.weight"] = random(width, 3, 14, 14, scale=0.02)
    state["patch_embed.proj.bias"] = random(width)
    linears = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
    linears |= {"mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
    for block in (f"blocks.{layer}" for layer in range(DINO["depth"])):
        for name, shape in linears.items():
            state |= {f"{block}.{name}.weight": random(*shape, scale=0.1), f"{block}.{name}.bias": random(shape[0])}
        for name in ("norm1", "norm2"):
            state |= {f"{block}.{name}.weight": random(width, around=1.0), f"{block}.{name}.bias": random(width)}
        state |= {f"{block}.ls1.gamma": random(width, around=0.5), f"{block}.ls2.gamma": random(width, around=0.5)}
    return state | {"norm.weight": random(width, around=1.0), "norm.bias": random(width)}


def random_clip_state(seed=0):
    torch.manual_seed(seed)
    return clip.make_clip(CLIP, CPU).state_dict()


def write_small_weights(folder: Path):
    """Write the three files that the foundation backend loads at first."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(random_clip_state(), folder / catalog.entry(catalog.CLIP).file)
    save_file(released_dino_state(), folder / catalog.entry(catalog.DINO).file)
    torch.save(random_sam().state_dict(), folder / catalog.entry("sam-vit-h").file)
    return folder


def use_small_networks(monkeypatch):
    """Let the product expect the small networks, and no checksum of the released files."""
    make_dino = dinov2.make_dino
    monkeypatch.setattr(clip, "released_config", lambda: CLIP)
    monkeypatch.setattr(dinov2, "make_dino", lambda name=dinov2.RELEASED, **sizes: make_dino(name, **(DINO | sizes)))
    monkeypatch.setattr(sam, "make_sam", make_sam)
    monkeypatch.setattr(foundation, "entry", lambda name: replace(catalog.entry(name), sha256=""))
    monkeypatch.setattr(foundation, "quality_of", lambda name: replace(FEW_POINTS, name=name))


def demo_frame():
    """A frame of the demonstration room, every second pixel."""
    frame = next(iter(load_recording(Path(clip.__file__).parent.parent / "data" / "demo_room" / "recording")))
    lens = frame.intrinsics
    half = Intrinsics(lens.fx / 2, lens.fy / 2, lens.cx / 2, lens.cy / 2, lens.width // 2, lens.height // 2)
    return replace(
        frame, rgb=frame.rgb[::2, ::2].contiguous(), depth=frame.depth[::2, ::2].contiguous(), intrinsics=half
    )

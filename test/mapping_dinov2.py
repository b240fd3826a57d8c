"""A plain DINOv2 with registers, for the golden features of the map's tests (FEATURES_SPEC §3.1 to §3.3)."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

PATCH = 14
REGISTERS = 4
HEADS = 4
IMAGE_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
IMAGE_STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def patch_tokens(rgb, weights, divided=False):
    """Normalised patch tokens (gh * gw, C) of rgb [H, W, 3] uint8, divided by 255 or not, and their grid (gh, gw)."""
    height, width = rgb.shape[:2]
    padding = (0, -width % PATCH, 0, -height % PATCH)
    pixels = rgb.permute(2, 0, 1).float() / (255.0 if divided else 1.0)
    image = (functional.pad(pixels, padding) - IMAGE_MEAN) / IMAGE_STD
    patches = functional.conv2d(
        image[None], weights["dino.patch_embed.proj.weight"], weights["dino.patch_embed.proj.bias"], stride=PATCH
    )
    grid = (patches.shape[2], patches.shape[3])
    x = torch.cat((weights["dino.cls_token"][0], patches[0].flatten(1).T)) + positions(weights, grid)
    x = torch.cat((x[:1], weights["dino.register_tokens"][0], x[1:]))
    layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("dino.blocks."))
    for layer in range(layers):
        x = block(x, weights, f"dino.blocks.{layer}.")
    return norm(x, weights, "dino.norm")[1 + REGISTERS :], grid


def positions(weights, grid):
    embedding = weights["dino.pos_embed"][0]
    side = math.isqrt(len(embedding) - 1)
    square = embedding[1:].T.reshape(1, -1, side, side)
    resized = functional.interpolate(square, grid, mode="bicubic", antialias=True, align_corners=False)
    return torch.cat((embedding[:1], resized[0].flatten(1).T))


def block(x, weights, prefix):
    def linear(values, name):
        return functional.linear(values, weights[f"{prefix}{name}.weight"], weights[f"{prefix}{name}.bias"])

    qkv = linear(norm(x, weights, f"{prefix}norm1"), "attn.qkv").reshape(len(x), 3, HEADS, -1).permute(1, 2, 0, 3)
    attended = functional.scaled_dot_product_attention(*qkv).transpose(0, 1).reshape(x.shape)
    x = x + weights[f"{prefix}ls1.gamma"] * linear(attended, "attn.proj")
    hidden = functional.gelu(linear(norm(x, weights, f"{prefix}norm2"), "mlp.fc1"))
    return x + weights[f"{prefix}ls2.gamma"] * linear(hidden, "mlp.fc2")


def norm(x, weights, name):
    return functional.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], eps=1e-6)

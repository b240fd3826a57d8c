"""The 2D features and their lifting written out one by one, slowly, as FEATURES_SPEC says them (sections in brackets).

Nothing here comes from the product: networks are plain functions of state dicts, features are dense [H, W, C].
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def unit(x, dim=-1):
    return x / x.norm(dim=dim, keepdim=True).clamp(min=1e-12)


def mask_box(mask):
    """x, y, w, h without +1 [2.4] of one mask [H, W]."""
    rows, columns = np.nonzero(mask.numpy())
    if len(rows) == 0:
        return [0, 0, 0, 0]
    return [columns.min(), rows.min(), columns.max() - columns.min(), rows.max() - rows.min()]


def clip_input(rgb, size):
    """[3, size, size] of one crop [h, w, 3] uint8 [2.5]."""
    image = Image.fromarray(rgb.numpy())
    w, h = image.size
    shape = (size, int(size * h / w)) if w <= h else (int(size * w / h), size)
    image = image.resize(shape, Image.Resampling.BICUBIC)
    left, top = round((shape[0] - size) / 2), round((shape[1] - size) / 2)
    pixels = torch.from_numpy(np.array(image.crop((left, top, left + size, top + size)))).permute(2, 0, 1)
    return (pixels.float() / 255 - torch.tensor(CLIP_MEAN).view(3, 1, 1)) / torch.tensor(CLIP_STD).view(3, 1, 1)


def clip_vector(pixels, weights, heads):
    """The embedding [E] of one prepared image [2.6]."""

    def layer_norm(x, name):
        return functional.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"])

    def linear(x, name):
        return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    kernel = weights["visual.conv1.weight"]
    x = functional.conv2d(pixels[None], kernel, stride=kernel.shape[-1])[0].flatten(1).T
    x = torch.cat((weights["visual.class_embedding"][None], x)) + weights["visual.positional_embedding"]
    x = layer_norm(x, "visual.ln_pre")
    for layer in range(1 + max(int(name.split(".")[3]) for name in weights if name.startswith("visual.transformer."))):
        block = f"visual.transformer.resblocks.{layer}"
        in_weight, in_bias = weights[f"{block}.attn.in_proj_weight"], weights[f"{block}.attn.in_proj_bias"]
        qkv = functional.linear(layer_norm(x, f"{block}.ln_1"), in_weight, in_bias)
        q, k, v = qkv.reshape(len(x), 3, heads, -1).permute(1, 2, 0, 3)
        attention = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).softmax(dim=-1)
        x = x + linear((attention @ v).transpose(0, 1).reshape(x.shape), f"{block}.attn.out_proj")
        hidden = linear(layer_norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")
        x = x + linear(hidden * torch.sigmoid(1.702 * hidden), f"{block}.mlp.c_proj")
    return layer_norm(x[0], "visual.ln_post") @ weights["visual.proj"]


def clip_steps(rgb, masks, embed, size):
    """Every intermediate result of [2] for one frame, under the names of the golden tensors."""
    boxes = [mask_box(mask) for mask in masks]
    kept = [i for i, (_, _, w, h) in enumerate(boxes) if w * h > 0]
    inputs = [clip_input(rgb, size)]
    for i in kept:
        x, y, w, h = boxes[i]
        inputs.append(clip_input(rgb[y : y + h, x : x + w], size))
    raw = torch.stack([embed(pixels) for pixels in inputs])
    whole = unit(unit(raw[0])).half()
    parts = [unit(vector) for vector in raw[1:]]
    likeness = torch.tensor([float(whole.float() @ part) for part in parts]) / whole.float().norm()
    weight = likeness.softmax(dim=0)
    blended = [unit((w * whole.float()).half().float() + (1 - w) * p) for w, p in zip(weight, parts, strict=True)]
    height, width = rgb.shape[:2]
    dense = torch.zeros(height, width, raw.shape[1], dtype=torch.float16)
    pixel_mask = torch.full((height, width), -1)
    for i, vector in zip(kept, blended, strict=True):
        dense[masks[i]] = vector.half()
        pixel_mask[masks[i]] = i
    return {
        "boxes": torch.tensor(np.array(boxes)),
        "kept": torch.tensor([i in kept for i in range(len(boxes))]),
        "inputs": torch.stack(inputs),
        "raw": raw,
        "whole": whole,
        "parts": torch.stack(parts) if parts else raw[:0],
        "likeness": likeness,
        "weight": weight,
        "blended": torch.stack(blended) if blended else raw[:0],
        "pixel_mask": pixel_mask,
        "dense": unit(dense.float()).half(),
    }


def dino_pixels(tokens, grid, size, scrambled):
    """Dense unit vectors [H, W, C] of patch tokens [N, C] [3.4, 3.5]."""
    planes = tokens.reshape(1, -1, *grid) if scrambled else tokens.T.reshape(1, -1, *grid)
    dense = functional.interpolate(planes, size, mode="bilinear", align_corners=False)
    return unit(dense[0].permute(1, 2, 0))


def lifted(rgb, depth_mm, K, pose):
    """World points [P, 3], colours [P, 3] and flat pixels [P] of one frame [4.2, 4.3, 4.4]."""
    depth = (depth_mm.double() * 0.001).float()
    height, width = depth.shape
    v, u = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    rays = torch.stack((u, v, torch.ones_like(u)), dim=-1).float() @ torch.linalg.inv(K.float()).T
    xyz = (rays * depth[..., None]) @ pose[:3, :3].float().T + pose[:3, 3].float()
    valid = (depth > 0.1) & (depth < 4.0)
    return xyz[valid], rgb[valid].float() / 255, valid.flatten().nonzero()[:, 0]


def fixed_voxels(xyz, values, voxel_size):
    """Cells in lexicographic order, counts and means [V, C] over floor(p / voxel_size)."""
    cells, place = torch.floor(xyz.double() / voxel_size).long().unique(dim=0, return_inverse=True)
    count = torch.bincount(place, minlength=len(cells))
    total = torch.zeros(len(cells), values.shape[1], dtype=torch.float64).index_add_(0, place, values.double())
    return cells, count, (total / count[:, None]).float()


class MovingGrid:
    """The released grid, whose origin is the smallest point so far [4.6]."""

    def __init__(self, voxel_size):
        self.voxel_size = voxel_size
        self.low = self.high = None
        self.values = self.weight = None  # [V, 3 + C] means with the position first, [V]

    def add(self, xyz, values):
        rows = torch.cat((xyz.double(), values.double()), dim=1)
        weight = torch.ones(len(rows), dtype=torch.float64)
        low, high = xyz.amin(dim=0), xyz.amax(dim=0)
        if self.values is not None:
            low, high = torch.minimum(low, self.low), torch.maximum(high, self.high)
            rows, weight = torch.cat((self.values, rows)), torch.cat((self.weight, weight))
        cell = ((rows[:, :3].float() - low) / self.voxel_size).trunc().long()
        shape = ((high - low) / self.voxel_size).trunc().long() + 1
        key = cell[:, 0] + shape[0] * (cell[:, 1] + shape[1] * cell[:, 2])
        keys, place = key.unique(return_inverse=True)
        self.weight = torch.zeros(len(keys), dtype=torch.float64).index_add_(0, place, weight)
        total = torch.zeros(len(keys), rows.shape[1], dtype=torch.float64).index_add_(0, place, rows * weight[:, None])
        self.values = total / self.weight[:, None]
        self.low, self.high = low, high

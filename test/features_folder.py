"""Writes a folder of golden features, of any sizes, from the literal implementation and random networks."""

from __future__ import annotations

import json

import numpy as np
import torch
from foundation_parts import CLIP, CLIP_HEADS, DINO, random_clip_state, released_dino_state
from literal_features import clip_steps, clip_vector, dino_pixels, fixed_voxels, lifted
from mapping_dinov2 import IMAGE_MEAN, IMAGE_STD, patch_tokens
from mapping_scenes import pose
from safetensors.torch import save_file
from torch.nn import functional

SIZE = CLIP.vision_cfg["image_size"]
VOXEL_SIZE = 0.07


def write_features_folder(folder, image=(75, 102), run=(45, 60), samples=90):
    """Write config.json, io.safetensors and weights.safetensors; sizes are (height, width)."""
    weights = {name: values for name, values in random_clip_state(3).items() if name.startswith("visual.")}
    weights |= {f"dino.{name}": values for name, values in released_dino_state(3).items()}
    generator = np.random.default_rng(7)
    io = single_frame(generator, image, weights, samples) | three_frames(generator, run, weights)
    folder.mkdir()
    save_file({name: values.contiguous() for name, values in io.items()}, folder / "io.safetensors")
    save_file({name: values.contiguous() for name, values in weights.items()}, folder / "weights.safetensors")
    (folder / "config.json").write_text(json.dumps(described()))
    return folder


def described():
    vision = CLIP.vision_cfg
    return {
        "clip": {
            "image_size": SIZE,
            "patch_size": vision["patch_size"],
            "width": vision["width"],
            "layers": vision["layers"],
            "heads": CLIP_HEADS,
            "mlp_ratio": vision["mlp_ratio"],
            "embed_dim": CLIP.embed_dim,
            "activation": "quick_gelu",
        },
        "dino": {
            "patch_size": 14,
            "hidden": DINO["embed_dim"],
            "layers": DINO["depth"],
            "heads": DINO["num_heads"],
            "mlp_ratio": 4,
            "register_tokens": 4,
            "position_grid": DINO["img_size"] // 14,
            "divided_by_255": False,
        },
        "depth": {"min_exclusive": 0.1, "max_exclusive": 4.0},
        "voxel_size": VOXEL_SIZE,
        "suggested_tolerance": {"clip_*_raw": 1e-4, "voxel_xyz/rgb": 1e-5, "pixel_dino": 1e-5, "features_clip": 1e-3},
    }


def picture(generator, size):
    """A random image [H, W, 3] with large patches, depth in millimetres, intrinsics and a pose."""
    coarse = torch.from_numpy(generator.uniform(0, 255, (1, 3, 5, 6)).astype(np.float32))
    rgb = functional.interpolate(coarse, size, mode="bicubic").clamp(0, 255)[0].permute(1, 2, 0).to(torch.uint8)
    depth = torch.from_numpy(generator.integers(0, 4500, size).astype(np.int32))
    K = torch.tensor([[size[1], 0, size[1] / 2 - 0.3], [0, size[1], size[0] / 2 + 0.2], [0, 0, 1]])
    return rgb, depth, K, pose(int(generator.integers(1000))).float()


def random_masks(generator, size, count=6):
    """Overlapping rectangles, the fourth of them one pixel high."""
    masks = torch.zeros(count, *size, dtype=torch.bool)
    for i, mask in enumerate(masks):
        top, left = (int(generator.integers(0, side // 2)) for side in size)
        height, width = (int(generator.integers(3, side // 2)) for side in size)
        mask[top : top + (1 if i == 3 else height), left : left + width] = True
    return masks


def packed(masks):
    return torch.from_numpy(np.packbits(masks.numpy(), axis=-1))


def single_frame(generator, size, weights, samples):
    rgb, depth, K, T = picture(generator, size)
    masks = random_masks(generator, size)
    steps = clip_steps(rgb, masks, lambda x: clip_vector(x, weights, CLIP_HEADS), SIZE)
    tokens, grid = patch_tokens(rgb, weights)
    xyz, _, pixel = lifted(rgb, depth, K, T)
    chosen = torch.from_numpy(generator.permutation(len(pixel))[:samples])
    rows, columns = pixel[chosen] // size[1], pixel[chosen] % size[1]
    places = steps["kept"].nonzero()[:, 0]
    kept = steps["boxes"][places]
    scrambled, plain = (dino_pixels(tokens, grid, size, layout)[rows, columns] for layout in (True, False))
    step = SIZE // 8
    padded = functional.pad(rgb.permute(2, 0, 1).float(), (0, -size[1] % 14, 0, -size[0] % 14))
    named = {
        "rgb": rgb,
        "depth_mm": depth,
        "cam_to_world": T,
        "K": K,
        "masks_packed": packed(masks),
        "mask_bbox_xywh": steps["boxes"].int(),
        "mask_kept": steps["kept"],
        "crop_mask_index": places.int(),
        "crop_xyxy": torch.cat((kept[:, :2], kept[:, :2] + kept[:, 2:]), dim=1).int(),
        "clip_input_sub": steps["inputs"][:, :, step // 2 :: step, step // 2 :: step],
        "clip_global_raw": steps["raw"][0],
        "clip_global": steps["whole"],
        "clip_crop_raw": steps["raw"][1:],
        "clip_crop_unit": steps["parts"],
        "blend_similarity": steps["likeness"],
        "blend_weight": steps["weight"],
        "clip_blended_f32": steps["blended"],
        "pixel_mask": steps["pixel_mask"][rows, columns].to(torch.int8),
        "pixel_rc": torch.stack((rows, columns), dim=1).int(),
        "pixel_clip": steps["dense"][rows, columns],
        "pixel_dino": scrambled,
        "pixel_dino_unscrambled": plain[::8],
        "pixel_xyz": xyz[chosen],
        "dino_patch_tokens": tokens,
        "dino_input_sub": ((padded - IMAGE_MEAN) / IMAGE_STD)[:, ::35, ::35],
        "valid_count": torch.tensor([len(pixel)], dtype=torch.int32),
    }
    return {f"frame.{name}": values for name, values in named.items()}


def three_frames(generator, size, weights):
    frames = [picture(generator, size) for _ in range(3)]
    masks = [random_masks(generator, size) for _ in frames]
    points, values, boxes = [], [], []
    for i, (rgb, depth, K, T) in enumerate(frames):
        depth[near_border(*lifted(rgb, depth, K, T)[::2], size)] = 0
        steps = clip_steps(rgb, masks[i], lambda x: clip_vector(x, weights, CLIP_HEADS), SIZE)
        tokens, grid = patch_tokens(rgb, weights)
        xyz, colours, pixel = lifted(rgb, depth, K, T)
        dense = [steps["dense"].float(), *(dino_pixels(tokens, grid, size, layout) for layout in (True, False))]
        points.append(xyz)
        values.append(torch.cat([colours, *(plane.flatten(0, 1)[pixel] for plane in dense)], dim=1))
        boxes.append(steps["boxes"].int())
    xyz = torch.cat(points)
    cells, count, means = fixed_voxels(xyz, torch.cat((xyz, torch.cat(values)), dim=1), VOXEL_SIZE)
    widths = (3, 3, CLIP.embed_dim, DINO["embed_dim"], DINO["embed_dim"])
    xyz, rgb, clip, dino, plain = means.split(widths, dim=1)
    rows = torch.from_numpy(generator.permutation(len(cells))[:50])
    columns = [torch.stack(parts) for parts in zip(*frames, strict=True)]
    run = dict(zip(("rgb", "depth_mm", "K", "cam_to_world"), columns, strict=True))
    run |= {"masks_packed": torch.stack([packed(each) for each in masks]), "mask_bbox_xywh": torch.stack(boxes)}
    run["frame_points"] = torch.tensor([len(each) for each in points], dtype=torch.int32)
    ideal = {"voxel_index": cells.int(), "voxel_count": count.int(), "voxel_xyz": xyz, "voxel_rgb": rgb}
    ideal |= {"feature_rows": rows.int(), "features_clip": clip[rows], "features_dino": dino[rows]}
    ideal["features_dino_unscrambled"] = plain[rows]
    return {f"run.{name}": each for name, each in run.items()} | {f"ideal.{name}": each for name, each in ideal.items()}


def near_border(xyz, pixel, size):
    """The pixels [H, W] whose point lies so near a cell's border that rounding decides where it falls."""
    place = xyz.double() / VOXEL_SIZE
    near = ((place - place.round()).abs() < 1e-3).any(dim=1)
    found = torch.zeros(size[0] * size[1], dtype=torch.bool)
    found[pixel[near]] = True
    return found.reshape(size)

"""Compare the 2D features and their lifting with golden tensors of the released preprocessing (FEATURES_SPEC).

The small networks of the folder run through the product's own extractor parts; masks are given. Only the fixed grid is
compared: the running-minimum grid of the released code (`official.*`) is none that the map has.
"""

from __future__ import annotations

import json
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
from golden import Difference, Golden
from safetensors.torch import load_file
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.errors import InputError
from locate3d_ros.features.clip import Clip, ClipConfig, make_clip
from locate3d_ros.features.clip_sam import Blend, ClipSegments, painted
from locate3d_ros.features.dinov2 import DinoOptions, DinoPatches, dino_state, make_dino, prepared
from locate3d_ros.features.quality import PAPER
from locate3d_ros.features.segmenters import mask_boxes, with_area
from locate3d_ros.mapping.cells import cell_centers, unpack_cells
from locate3d_ros.mapping.frame_voxels import FrameVoxels, frame_voxels
from locate3d_ros.mapping.lifting import lift
from locate3d_ros.types import Frame, Intrinsics, TokenTable

CPU = torch.device("cpu")
INPUTS = {"rgb", "depth_mm", "cam_to_world", "K", "masks_packed", "pixel_rc", "feature_rows"}
RELEASED_GRID = {"voxels_after_frame", "grid_origin_after_frame"}
DINO_INPUT_STEP = 35  # pixels between the samples of DINOv2's input
PLAIN_STEP = 8  # of the sampled pixels, one in so many has a vector of the plain layout


class Folder:
    """The networks of a folder, made by the product's own code, and its settings."""

    def __init__(self, path: Path) -> None:
        """Load the networks. Raises InputError where the weights are not those that config.json describes."""
        self.config: dict[str, Any] = json.loads((path / "config.json").read_text())
        self.tensors = load_file(path / "io.safetensors")
        weights = load_file(path / "weights.safetensors")
        self.segments = ClipSegments(_clip(self.config["clip"], weights), _Given(), PAPER)
        self._dino = _dino(self.config["dino"], weights)
        self.size = int(self.config["clip"]["image_size"])
        self.scale_255 = not self.config["dino"]["divided_by_255"]

    def patches(self, memory_layout: bool) -> DinoPatches:
        """Return what makes the visual slot, in the released layout or in the plain one."""
        return DinoPatches(self._dino, DinoOptions(self.scale_255, memory_layout), PAPER)

    def mapping(self) -> MappingConfig:
        """Return the settings under which a map is a plain mean over a fixed grid."""
        depth = self.config["depth"]
        return MappingConfig(
            voxel_size=self.config["voxel_size"],
            min_depth=depth["min_exclusive"],
            max_depth=depth["max_exclusive"],
            edge_threshold=0.0,
        )

    def limit(self, name: str) -> float | None:
        """Return the largest difference that config.json allows a tensor; None where it says nothing."""
        leaf = name.partition(".")[2].removesuffix("_unscrambled")
        for pattern, limit in self.config.get("suggested_tolerance", {}).items():
            stem, _, last = pattern.partition("/")  # "voxel_xyz/rgb" is two names
            names = [stem, stem.rpartition("_")[0] + "_" + last] if last else [stem]
            if any(fnmatch(leaf, each) for each in names):
                return float(limit)
        return None


class _Given:
    name = "given"

    def segment(self, rgb: Tensor) -> Tensor:
        """Never asked: the masks come from the folder."""
        raise NotImplementedError(f"masks of {tuple(rgb.shape)}")


def is_features_folder(path: Path) -> bool:
    """Tell a folder of features from one of the model."""
    return (path / "weights.safetensors").is_file()


def compare_features(path: Path) -> list[Difference]:
    """Compare everything that the folder holds."""
    folder = Folder(path)
    golden = Golden(folder.tensors, folder.limit)
    with torch.inference_mode():
        compare_clip(golden, folder)
        compare_dino(golden, folder)
        compare_points(golden, folder)
        compare_voxels(golden, folder)
    for name in golden.not_compared():
        if name.partition(".")[2] not in INPUTS | RELEASED_GRID and not name.startswith("official."):
            print(f"not compared: {name}", file=sys.stderr)
    return golden.differences


def compare_clip(golden: Golden, folder: Folder) -> None:
    """Compare boxes, crops, embeddings, blending and painting of the single frame."""
    given = golden.tensors
    rgb, masks = given["frame.rgb"], unpacked(given["frame.masks_packed"], given["frame.rgb"].shape[1])
    boxes = mask_boxes(masks)
    kept_masks, kept = with_area(masks)
    golden.compare("masks", "frame.mask_bbox_xywh", boxes.int())
    golden.compare("masks", "frame.mask_kept", boxes[:, 2] * boxes[:, 3] > 0)
    places = (boxes[:, 2] * boxes[:, 3] > 0).nonzero()[:, 0].int()
    golden.compare("masks", "frame.crop_mask_index", places)
    golden.compare("masks", "frame.crop_xyxy", torch.cat((kept[:, :2], kept[:, :2] + kept[:, 2:]), dim=1).int())
    crops = folder.segments.crops(rgb, kept)
    step = folder.size // given["frame.clip_input_sub"].shape[-1]
    golden.compare("clip", "frame.clip_input_sub", crops[:, :, step // 2 :: step, step // 2 :: step])
    image, segments = folder.segments.embed(crops)
    golden.compare("clip", "frame.clip_global_raw", image)
    golden.compare("clip", "frame.clip_crop_raw", segments)
    blend = Blend.of(image, segments)
    vectors = blend.vectors()
    golden.compare("blend", "frame.clip_global", blend.image.half())
    golden.compare("blend", "frame.clip_crop_unit", blend.segments)
    golden.compare("blend", "frame.blend_similarity", blend.likeness)
    golden.compare("blend", "frame.blend_weight", blend.share)
    golden.compare("blend", "frame.clip_blended_f32", blend.mixed())
    golden.compare("blend", "frame.clip_blended_final", vectors.half())
    table = painted("clip", kept_masks, vectors)
    rows, columns = given["frame.pixel_rc"].long().unbind(1)
    index = table.index[rows, columns, 0].long()
    golden.compare("pixels", "frame.pixel_mask", torch.where(index < 0, -1, places[index]).to(torch.int8))
    golden.compare("pixels", "frame.pixel_clip", pixel_vectors(table, given["frame.pixel_rc"]).half())


def compare_dino(golden: Golden, folder: Folder) -> None:
    """Compare input, tokens and pixels of the single frame, in both layouts."""
    given = golden.tensors
    rgb, pixels = given["frame.rgb"], given["frame.pixel_rc"]
    released = folder.patches(memory_layout=True)
    step = DINO_INPUT_STEP
    seen = prepared(rgb, folder.scale_255, released.patch)[0, :, ::step, ::step]
    golden.compare("dino", "frame.dino_input_sub", seen)
    golden.compare("dino", "frame.dino_patch_tokens", released.patch_tokens(rgb))
    golden.compare("pixels", "frame.pixel_dino", pixel_vectors(released.table(rgb), pixels))
    plain = pixel_vectors(folder.patches(memory_layout=False).table(rgb), pixels[::PLAIN_STEP])
    golden.compare("pixels", "frame.pixel_dino_unscrambled", plain)


def compare_points(golden: Golden, folder: Folder) -> None:
    """Compare the world points of the single frame."""
    given = golden.tensors
    frame = make_frame(given["frame.rgb"], given["frame.depth_mm"], given["frame.K"], given["frame.cam_to_world"])
    points = lift(frame, folder.mapping(), CPU)
    golden.compare("points", "frame.valid_count", torch.tensor([len(points.xyz)], dtype=torch.int32))
    place = torch.full((frame.rgb.shape[0] * frame.rgb.shape[1],), -1)
    place[points.pixel] = torch.arange(len(points.pixel))
    rows, columns = given["frame.pixel_rc"].long().unbind(1)
    golden.compare("points", "frame.pixel_xyz", points.xyz[place[rows * frame.rgb.shape[1] + columns]].float())


def compare_voxels(golden: Golden, folder: Folder) -> None:
    """Compare the voxels of the three frames, summed over the fixed grid."""
    given = golden.tensors
    runs = [given[f"run.{name}"] for name in ("rgb", "depth_mm", "K", "cam_to_world")]
    frames = [make_frame(*parts) for parts in zip(*runs, strict=True)]
    boxes, voxels, counts = [], [], []
    for frame, packed in zip(frames, given["run.masks_packed"], strict=True):
        masks = unpacked(packed, frame.rgb.shape[1])
        boxes.append(mask_boxes(masks))
        points = lift(frame, folder.mapping(), CPU)
        voxels.append(frame_voxels(points, frame.rgb, tables(folder, frame.rgb, masks), folder.config["voxel_size"]))
        counts.append(len(points.xyz))
    golden.compare("masks", "run.mask_bbox_xywh", torch.stack(boxes).int())
    golden.compare("points", "run.frame_points", torch.tensor(counts, dtype=torch.int32))
    compare_means(golden, voxels, folder.config["voxel_size"])


def tables(folder: Folder, rgb: Tensor, masks: Tensor) -> list[TokenTable]:
    """Return the text-aligned slot, and the visual one in both layouts."""
    kept, boxes = with_area(masks)
    image, segments = folder.segments.embed(folder.segments.crops(rgb, boxes))
    scrambled, plain = (folder.patches(layout).table(rgb) for layout in (True, False))
    unscrambled = TokenTable("dino_unscrambled", plain.tokens, plain.index, plain.weight)
    return [painted("clip", kept, Blend.of(image, segments).vectors()), scrambled, unscrambled]


def compare_means(golden: Golden, frames: list[FrameVoxels], voxel_size: float) -> None:
    """Sum the frames' voxels in double precision and compare the means."""
    keys, place = torch.cat([frame.keys for frame in frames]).unique(return_inverse=True)
    weight = torch.cat([frame.weight for frame in frames]).double()
    total = torch.zeros(len(keys), dtype=torch.float64).index_add_(0, place, weight)
    cells = unpack_cells(keys)
    order = torch.from_numpy(np.lexsort(cells.numpy().T[::-1]))

    def mean(columns: list[Tensor]) -> Tensor:
        values = torch.cat(columns).double() * weight[:, None]
        return (values.new_zeros(len(keys), values.shape[1]).index_add_(0, place, values) / total[:, None])[order]

    offset = mean([frame.offset for frame in frames])
    rows = golden.tensors["ideal.feature_rows"].long()
    golden.compare("voxels", "ideal.voxel_index", cells[order].int())
    golden.compare("voxels", "ideal.voxel_count", total[order].int())
    golden.compare("voxels", "ideal.voxel_xyz", (offset + cell_centers(cells[order], voxel_size)).float())
    golden.compare("voxels", "ideal.voxel_rgb", mean([frame.rgb for frame in frames]).float())
    for name in frames[0].features:
        vectors = mean([frame.features[name] for frame in frames])[rows]
        golden.compare("voxels", f"ideal.features_{name}", vectors.float())


def make_frame(rgb: Tensor, depth_mm: Tensor, K: Tensor, pose: Tensor) -> Frame:
    """Return a frame of one size for colour and depth."""
    K = K.double()
    lens = Intrinsics(*(K[i, j].item() for i, j in ((0, 0), (1, 1), (0, 2), (1, 2))), rgb.shape[1], rgb.shape[0])
    depth = torch.from_numpy((depth_mm.numpy().astype(np.float64) * 0.001).astype(np.float32))
    return Frame(rgb, depth, lens, pose.double(), 0.0)


def pixel_vectors(table: TokenTable, pixels: Tensor) -> Tensor:
    """Return the vectors [P, D] float32 of pixels [P, 2] (row, column)."""
    rows, columns = pixels.long().unbind(1)
    index, weight = table.index[rows, columns].long(), table.weight[rows, columns]
    return (table.tokens[index.clamp(min=0)] * (weight * (index >= 0))[..., None]).sum(dim=1)


def unpacked(packed: Tensor, width: int) -> Tensor:
    """Return masks [M, H, W] bool of bits packed along the width."""
    return torch.from_numpy(np.unpackbits(packed.numpy(), axis=-1)[..., :width].astype(bool))


def _clip(sizes: dict[str, Any], weights: dict[str, Tensor]) -> Clip:
    vision = {name: sizes[name] for name in ("image_size", "patch_size", "width", "layers", "mlp_ratio")}
    vision["head_width"] = sizes["width"] // sizes["heads"]
    text = {"context_length": 4, "vocab_size": 8, "width": 64, "heads": 1, "layers": 1}  # not in the folder
    model = make_clip(ClipConfig(sizes["embed_dim"], vision, text, sizes["activation"] == "quick_gelu"), CPU)
    _load(model, {key: tensor for key, tensor in weights.items() if key.startswith("visual.")}, "visual.")
    return Clip(model, CPU)


def _dino(sizes: dict[str, Any], weights: dict[str, Tensor]) -> torch.nn.Module:
    model = make_dino(
        embed_dim=sizes["hidden"],
        depth=sizes["layers"],
        num_heads=sizes["heads"],
        mlp_ratio=sizes["mlp_ratio"],
        reg_tokens=sizes["register_tokens"],
        patch_size=sizes["patch_size"],
        img_size=sizes["position_grid"] * sizes["patch_size"],
    )
    state = {key.removeprefix("dino."): tensor for key, tensor in weights.items() if key.startswith("dino.")}
    _load(model, dino_state(state), "")
    return model


def _load(model: torch.nn.Module, state: dict[str, Tensor], prefix: str) -> None:
    """Load the part of a model under a prefix, all of it and nothing else."""
    expected = {key: tensor for key, tensor in model.state_dict().items() if key.startswith(prefix)}
    if {key: tensor.shape for key, tensor in state.items()} != {key: tensor.shape for key, tensor in expected.items()}:
        raise InputError(f"weights.safetensors: {prefix or 'dino.'}* is not the network that config.json describes")
    model.load_state_dict(state, strict=False)
    model.eval()

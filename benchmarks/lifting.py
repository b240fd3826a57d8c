"""A frame into the map, factored against the literal dense path: python benchmarks/lifting.py [--device cuda].

640 x 480 pixels, 100 segments with vectors of 768 channels and 35 x 46 patch tokens of 768, made beforehand at random:
what networks take is not counted. `lift_d1536` is everything from there to the changed map of 10,000 voxels: token
tables, voxel means, the map's means. Its baseline does it as the released preprocessing does, with a vector for every
pixel, on a fixed grid. `add_d1536`: the map's part alone. `error`: the largest difference of a frame's voxel means from
the baseline's, float32, over the largest mean.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from common import Case, arguments, emit, log
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from locate3d_ros.config import MappingConfig
from locate3d_ros.features.clip_sam import painted
from locate3d_ros.features.dinov2 import half_pixel_taps, unit_weights
from locate3d_ros.geometry.transforms import transform_points
from locate3d_ros.mapping.cells import cells_of_points, pack_cells
from locate3d_ros.mapping.frame_voxels import frame_voxels
from locate3d_ros.mapping.lifting import lift, unproject
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import Frame, FrameFeatures, Slot, TokenTable

sys.path.append(str(Path(__file__).resolve().parent.parent / "test"))
import changing_room as room
import depth_scenes

CHANNELS = 768
SEGMENTS = 100
GRID = (35, 46)
MAP_VOXELS = 10_000
CONFIG = MappingConfig(edge_threshold=0.0, memory_mb=1e6)


class TwoSlots:
    """The paper's features by name and width."""

    name, digest = "benchmark", "0" * 64
    slots = (Slot("clip", CHANNELS), Slot("dino", CHANNELS))

    def extract(self, frame: Frame) -> FrameFeatures:
        """Never asked for."""
        raise NotImplementedError


@dataclass(frozen=True)
class Seen:
    """A frame, and what the networks said about it."""

    frame: Frame
    masks: Tensor  # [M, H, W] bool
    vectors: Tensor  # [M, 768] float32, unit length
    patches: Tensor  # [35 * 46, 768] float32

    def tables(self) -> tuple[TokenTable, TokenTable]:
        """Return the token tables as the foundation backend makes them."""
        taps = half_pixel_taps((self.masks.shape[1], self.masks.shape[2]), GRID, self.masks.device)
        weights = unit_weights(self.patches, taps, GRID)
        return painted("clip", self.masks, self.vectors), TokenTable("dino", self.patches, taps.index, weights)


def main() -> int:
    """Measure, compare, print the JSON object."""
    options = arguments(__doc__)
    device = torch.device(options.device)
    walk = [seen(number, device) for number in range(0, room.VIEWS, 4)]
    voxel_map, count = small_map(walk)
    log(f"a map of {count} voxels")
    factored = timed(
        lambda each: voxel_map.add(each.frame, FrameFeatures(each.tables())), walk, options.repeats, device
    )
    ready = {id(each): FrameFeatures(each.tables()) for each in walk}
    add = timed(lambda each: voxel_map.add(each.frame, ready[id(each)]), walk, options.repeats, device)
    previous = dense_frame(walk[0])
    dense = timed(lambda each: dense_add(previous, each), walk[:2], max(1, options.repeats // 2), device)
    error = difference(walk[0])
    log(f"factored {factored:.0f} ms (the map {add:.0f}), dense {dense:.0f} ms, error {error:.1e}")
    cases = [
        Case("lift_d1536", factored, "ms", baseline=dense),
        Case("add_d1536", add, "ms"),
        Case("error", error * 1e6, "1e-6"),
    ]
    emit("lifting", options, cases)
    return 0


def seen(number: int, device: torch.device) -> Seen:
    """Return a frame of a walk through a furnished room with random segments and tokens."""
    things = list(room.BEFORE.values())
    frame = depth_scenes.render(things, room.view(number), stamp=float(number), seed=number)
    frame = replace(frame, rgb=frame.rgb.to(device), depth=frame.depth.to(device))
    generator = torch.Generator().manual_seed(number)
    height, width = frame.depth.shape
    masks = torch.zeros(SEGMENTS, height, width, dtype=torch.bool)
    for mask in masks:
        top, left = (int(torch.randint(size - 40, (1,), generator=generator)) for size in (height, width))
        tall, wide = torch.randint(40, 200, (2,), generator=generator).tolist()
        mask[top : top + tall, left : left + wide] = True
    vectors = normalize(torch.randn(SEGMENTS, CHANNELS, generator=generator), dim=1).half().float()
    vectors = normalize(vectors, dim=1).half().float()  # as the foundation backend stores them
    patches = torch.randn(GRID[0] * GRID[1], CHANNELS, generator=generator)
    return Seen(frame, masks.to(device), vectors.to(device), patches.to(device))


def small_map(walk: list[Seen]) -> tuple[VoxelFeatureMap, int]:
    """Return a map that knows some 10,000 voxels."""
    voxel_map = VoxelFeatureMap(CONFIG, TwoSlots(), walk[0].masks.device)
    for each in walk:
        voxel_map.add(each.frame, FrameFeatures(each.tables()))
        if len(voxel_map) >= MAP_VOXELS:
            break
    return voxel_map, len(voxel_map)


def timed(work: Callable[[Seen], object], walk: list[Seen], repeats: int, device: torch.device) -> float:
    """Return the median milliseconds of `work` over the walk's frames, the first time not counted."""
    times = []
    for repeat in range(repeats + 1):
        for each in walk:
            started = time.perf_counter()
            work(each)
            if device.type == "cuda":
                torch.cuda.synchronize()
            if repeat > 0:
                times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times)


def dense_pixels(each: Seen) -> Tensor:
    """Return a vector for every pixel [H, W, 1536] float32, the literal way (FEATURES_SPEC 2.9, 3.5)."""
    height, width = each.masks.shape[1:]
    clip = torch.zeros(height, width, CHANNELS, dtype=torch.float16, device=each.masks.device)
    for mask, vector in zip(each.masks, each.vectors.half(), strict=True):
        clip[mask] = vector
    clip = normalize(clip.float(), dim=2).half()
    grid = each.patches.T.reshape(1, CHANNELS, *GRID)
    dino = normalize(interpolate(grid, size=(height, width), mode="bilinear"), dim=1)[0].permute(1, 2, 0)
    return torch.cat((clip.float(), dino), dim=2)


Voxels = tuple[Tensor, Tensor, Tensor, Tensor]  # keys [V], weights [V], points and colours [V, 6], features [V, 1536]


def dense_frame(each: Seen) -> Voxels:
    """Return the voxel means of one frame, the literal way."""
    nothing = torch.empty(0, device=each.masks.device)
    empty = (nothing.long(), nothing, nothing.reshape(0, 6), nothing.reshape(0, 2 * CHANNELS))
    return dense_add(empty, each)


def dense_add(previous: Voxels, each: Seen) -> Voxels:
    """Return the means of earlier voxels and a frame's pixels together (FEATURES_SPEC 4, on a fixed grid)."""
    frame = each.frame
    valid = (frame.depth > CONFIG.min_depth) & (frame.depth < CONFIG.max_depth)
    pixel = valid.flatten().nonzero().squeeze(1)
    points = unproject(pixel, frame.depth[valid].double(), frame.intrinsics)
    xyz = transform_points(frame.T_map_camera, points)
    keys = torch.cat((previous[0], pack_cells(cells_of_points(xyz, CONFIG.voxel_size))))
    weight = torch.cat((previous[1], torch.ones(len(xyz), device=xyz.device)))
    means = torch.cat((previous[2], torch.cat((xyz.float(), frame.rgb[valid].float() / 255.0), dim=1)))
    features = torch.cat((previous[3], dense_pixels(each)[valid]))
    found, voxel = torch.unique(keys, return_inverse=True)
    total = torch.zeros(len(found), device=xyz.device).index_add_(0, voxel, weight)
    sums = []
    for part in (means, features):
        empty = torch.zeros(len(found), part.shape[1], device=xyz.device)
        sums.append(empty.index_add_(0, voxel, part * weight[:, None]))
    return found, total, sums[0] / total[:, None], sums[1] / total[:, None]


def difference(each: Seen) -> float:
    """Return how far the factored means of one frame, in float32, are from the dense ones, over the largest."""
    lifted = lift(each.frame, CONFIG, each.masks.device)
    voxels = frame_voxels(lifted, each.frame.rgb, each.tables(), CONFIG.voxel_size)
    keys, _, _, features = dense_frame(each)
    assert torch.equal(voxels.keys, keys), "the two ways disagree about which voxels there are"
    found = torch.cat([voxels.features[name] for name in ("clip", "dino")], dim=1)
    return float((found - features).abs().max() / features.abs().max())


if __name__ == "__main__":
    sys.exit(main())

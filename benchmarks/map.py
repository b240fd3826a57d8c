"""What the map costs as it grows: python benchmarks/map.py [--voxels 2000000] [--device cpu].

growth: a frame's cost in a map of so many voxels over that in one of 10,000. memory: bytes of 100,000 voxels with
features, each, over the 2 D + 40 that features, point, colour and counts need; memory_fine: with the finer grid's.
carve: a frame's cost with the removal of what it sees through over that without.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from common import Case, arguments, emit, log, parser

from locate3d_ros.config import MappingConfig
from locate3d_ros.mapping.cells import pack_cells
from locate3d_ros.mapping.frame_voxels import FrameVoxels
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import Frame, FrameFeatures, Slot, TokenTable

sys.path.append(str(Path(__file__).resolve().parent.parent / "test"))
import changing_room as room
import depth_scenes

SMALL = 10_000
WIDTH = 1536
SLOT = Slot("features", WIDTH)
TOKENS = 1500  # of a frame; four of them meet in every pixel, as in an interpolated grid of patches
PIECE = 100_000
FINE_RATIO = (MappingConfig().voxel_size / MappingConfig().fine_voxel_size) ** 2  # of a surface
NEEDED = 2 * WIDTH + 40  # bytes: float16 features, and 40 for everything else


class OneSlot:
    """The width of the paper's features."""

    name, digest = "benchmark", "0" * 64
    slots = (SLOT,)

    def extract(self, frame: Frame) -> FrameFeatures:
        """Never asked for."""
        raise NotImplementedError


def main() -> int:
    """Measure, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("--voxels", type=int, default=2_000_000, help="of the large map")
    parsed = arguments(__doc__, options)
    device = torch.device(parsed.device)
    frames = [frame_of(number) for number in range(room.VIEWS)]
    small, large = filled(SMALL, device), filled(parsed.voxels, device)
    cost, cost_large = alternately([small, large], frames, parsed.repeats)
    log(f"a frame costs {cost:.1f} ms in {len(small)} voxels, {cost_large:.1f} ms in {len(large)}")
    cases = [Case("growth", cost_large / cost, "ratio", extra={"voxels": len(large), "frame_ms": round(cost_large, 2)})]
    del large
    for name, ratio in (("memory", 0.0), ("memory_fine", FINE_RATIO)):
        stored = filled(10 * SMALL, device, fine_ratio=ratio)
        per_voxel = stored.nbytes / len(stored)
        log(f"{name}: {per_voxel:.0f} bytes a voxel, {NEEDED} needed")
        cases.append(Case(name, per_voxel / NEEDED, "ratio", extra={"bytes_per_voxel": round(per_voxel, 1)}))
    keeping = filled(SMALL, device, replace(MappingConfig(memory_mb=1e6), carve_views=0))
    kept, carved = alternately([keeping, small], frames, parsed.repeats)
    log(f"{carved:.1f} ms with carving, {kept:.1f} ms without")
    cases.append(
        Case("carve", carved / kept, "ratio", extra={"with_ms": round(carved, 2), "without_ms": round(kept, 2)})
    )
    emit("map", parsed, cases)
    return 0


def frame_of(number: int) -> tuple[Frame, FrameFeatures]:
    """Return a 640 x 480 frame of a walk through a furnished room, and its tokens."""
    camera = depth_scenes.CAMERA
    frame = depth_scenes.render(list(room.BEFORE.values()), room.view(number), stamp=float(number), seed=number)
    generator = torch.Generator().manual_seed(number)
    rows, columns = torch.arange(camera.height) * 33 // camera.height, torch.arange(camera.width) * 44 // camera.width
    corner = (rows[:, None] * 45 + columns).to(torch.int32)
    index = torch.stack([corner, corner + 1, corner + 45, corner + 46], dim=-1)
    weight = torch.rand(index.shape, generator=generator)
    tokens = torch.randn(TOKENS + 100, WIDTH, generator=generator)
    return frame, FrameFeatures((TokenTable(SLOT.name, tokens, index, weight),))


def filled(
    count: int, device: torch.device, config: MappingConfig | None = None, fine_ratio: float = FINE_RATIO
) -> VoxelFeatureMap:
    """Return a map of `count` voxels on floors beside the room, with the finer voxels that floors have."""
    config = config or MappingConfig(memory_mb=1e6)
    voxel_map = VoxelFeatureMap(config, OneSlot(), device)
    for start in range(0, count, PIECE):
        coarse = floor(start, min(PIECE, count - start), config.voxel_size, WIDTH)
        fine = floor(int(start * fine_ratio), int(len(coarse) * fine_ratio), config.fine_voxel_size, 0)
        voxel_map.merge(coarse, fine, torch.zeros(len(coarse), dtype=torch.float64))
    return voxel_map


def floor(start: int, count: int, voxel_size: float, width: int) -> FrameVoxels:
    """Return `count` voxels of a floor 50 m wide that begins 10 m beside the room, from the start-th on."""
    across = int(50.0 / voxel_size)
    number = torch.arange(start, start + count)
    cells = torch.stack([number % across + int(10.0 / voxel_size), number // across, torch.zeros_like(number)], dim=1)
    keys, order = torch.sort(pack_cells(cells))
    ones = torch.ones(count)
    features = {SLOT.name: torch.rand(count, width)} if width else {}
    return FrameVoxels(
        keys, ones, ones if width else 0 * ones, torch.zeros(count, 3), torch.rand(count, 3)[order], features
    )


def alternately(maps: list[VoxelFeatureMap], frames: list[tuple[Frame, FrameFeatures]], repeats: int) -> list[float]:
    """Add all frames to every map in turn, the first walk unmeasured; return each map's median cost, milliseconds."""
    times: list[list[float]] = [[] for _ in maps]
    for walk in range(1 + repeats):
        for frame, features in frames[:: 1 if walk == 0 else 4]:
            for voxel_map, taken in zip(maps, times, strict=True):
                started = time.perf_counter()
                voxel_map.add(replace(frame, stamp=frame.stamp + 100.0 * walk), features)
                if voxel_map.device.type == "cuda":
                    torch.cuda.synchronize()
                if walk > 0:
                    taken.append((time.perf_counter() - started) * 1e3)
    return [statistics.median(taken) for taken in times]


if __name__ == "__main__":
    sys.exit(main())

"""The two grids that describe one rigid piece of the scene: voxels with features, and finer ones without.

A map holds one or, where loop closures move pieces against each other, several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.mapping.block_table import NO_BLOCK
from locate3d_ros.mapping.carving import Sight, blocks_in_sight, carve
from locate3d_ros.mapping.cells import block_keys, cells_of_points, pack_cells, unpack_blocks
from locate3d_ros.mapping.eviction import LARGEST_SHARE, blocks_to_leave, used_bytes
from locate3d_ros.mapping.frame_voxels import FrameVoxels, GroupedFrame
from locate3d_ros.mapping.grid_memory import allocated, grid_bytes
from locate3d_ros.mapping.grid_probe import Probe, Stamp
from locate3d_ros.mapping.snapshots import GridVersions
from locate3d_ros.mapping.spill import Spill, SpilledPart
from locate3d_ros.mapping.voxel_grid import VoxelGrid
from locate3d_ros.types import BlockRevisions, Slot


@dataclass(frozen=True)
class GridUpdate:
    """One frame's part in one grid, before anything is counted."""

    grouped: GroupedFrame
    probe: Probe
    sight: Sight | None  # None: nothing is carved
    in_sight: Tensor  # [B] bool: the blocks that may be carved

    def counts(self) -> Tensor:
        """Return what the host has to know, [n] int64."""
        return torch.cat((self.in_sight.sum()[None], self.grouped.counts(), self.probe.counts))

    def settle(self, counts: Sequence[int]) -> FrameVoxels:
        """Form the means; `counts` as the host has read them."""
        return self.grouped.settle(counts[1 : 2 + len(self.grouped.shares)])

    def newly_seen(self, counts: Sequence[int]) -> float:
        """Return the share of the frame's voxels that the grid did not know."""
        return self.probe_counts(counts)[2] / max(1, counts[1])

    def probe_counts(self, counts: Sequence[int]) -> Sequence[int]:
        """Return those of the host's counts that the probe asked for."""
        return counts[2 + len(self.grouped.shares) :]


class SceneGrids:
    """Frames go in; versions come out. One writer."""

    def __init__(
        self, config: MappingConfig, sizes: tuple[float, float], slots: tuple[Slot, ...], device: torch.device
    ) -> None:
        """Start empty; sizes: of a voxel and of a fine voxel, metres."""
        self.config = config
        self.coarse = VoxelGrid(sizes[0], slots, device)
        self.fine = VoxelGrid(sizes[1], (), device)
        self._departed = BlockRevisions(
            torch.empty((0, 3), dtype=torch.int32, device=device), torch.empty(0, dtype=torch.int64, device=device)
        )

    @property
    def grids(self) -> tuple[VoxelGrid, VoxelGrid]:
        """Both, the one with features first."""
        return self.coarse, self.fine

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors, without what only snapshots still need."""
        return grid_bytes(self.coarse) + grid_bytes(self.fine)

    def probe(self, grouped: Sequence[GroupedFrame], sight: Sight | None) -> list[GridUpdate]:
        """Look a frame up in both grids; the device is asked nothing, and nothing changes."""
        return [self._probed(grid, part, sight) for grid, part in zip(self.grids, grouped, strict=True)]

    def make_room(self, counts: Sequence[Sequence[int]], camera: Tensor, spill: Spill | None) -> bool:
        """Let blocks leave where a probed frame would need more memory than there may be; whether any did.

        camera (3,) float64, map frame, metres. What was probed before is then no longer valid.
        """
        return self._make_room(
            [grid.needs(count) for grid, count in zip(self.grids, counts, strict=True)], camera, spill
        )

    def take_back(self, part: SpilledPart, camera: Tensor, spill: Spill, revision: int) -> None:
        """Average in what had left, after making room for it."""
        needs = []
        for voxels, features in ((part.coarse, len(part.coarse)), (part.fine, 0)):
            needs.append((len(torch.unique(block_keys(voxels.keys))), len(voxels), features))
        self._make_room(needs, camera, spill)
        self.merge(part.coarse, part.fine, part.last_seen, revision)

    def _make_room(self, needs: Sequence[tuple[int, int, int]], camera: Tensor, spill: Spill | None) -> bool:
        bound = self.config.memory_mb * 1e6
        if self._allocated(needs) <= bound:
            return False
        for grid in self.grids:
            grid.collect()
        if self._allocated(needs) <= bound or sum(used_bytes(grid) for grid in self.grids) <= LARGEST_SHARE * bound:
            return False
        leave = blocks_to_leave(self.grids, camera.to(self.coarse.device), bound)
        if spill is not None:
            spill.store(self.coarse.part(leave[0]), self.fine.part(leave[1]), camera)
        self._departed = self._departed_with(leave[0])
        for grid, dropped in zip(self.grids, leave, strict=True):
            grid.drop_blocks(dropped)
        return True

    def apply(
        self,
        updates: Sequence[GridUpdate],
        counts: Sequence[Sequence[int]],
        voxels: Sequence[FrameVoxels],
        stamp: Stamp,
    ) -> None:
        """Write a frame's voxels, then remove what it sees through."""
        for grid, update, count, added in zip(self.grids, updates, counts, voxels, strict=True):
            if len(added) > 0:
                grid.add(added, stamp, update.probe, update.probe_counts(count))
            if update.sight is not None and count[0] > 0:
                xyz, gone = carve(grid, update.sight, update.in_sight, count[0], stamp.revision)
                if grid is self.fine:
                    self._touch(xyz, gone, stamp.revision)

    def merge(self, coarse: FrameVoxels, fine: FrameVoxels, last_seen: Tensor, revision: int) -> None:
        """Average in voxels of another map, each weighted by its weight; last_seen [V] of the coarse ones, seconds."""
        newest = float(last_seen.max()) if len(last_seen) > 0 else 0.0
        if len(coarse) > 0:
            self.coarse.integrate(coarse, Stamp(last_seen, revision))
        if len(fine) > 0:
            self.fine.integrate(fine, Stamp(newest, revision))

    def remove_where(self, gone: Callable[[Tensor], Tensor], revision: int) -> int:
        """Remove the voxels whose mean points are gone: (n, 3) float64 metres -> (n,) bool. Returns how many."""
        removed = self.coarse.remove_where(gone, revision)
        self.fine.remove_where(gone, revision)
        return removed

    def versions(self) -> GridVersions:
        """Return the grids as they are now."""
        blocks = unpack_blocks(self.coarse.blocks.keys).to(torch.int32)
        changes = BlockRevisions(
            torch.cat((blocks, self._departed.blocks)),
            torch.cat((self.coarse.blocks.revision, self._departed.revision)),
        )
        return GridVersions(self.coarse.version(), self.fine.version(), changes)

    def _allocated(self, needs: Sequence[tuple[int, int, int]]) -> float:
        return sum(allocated(grid, *need) for grid, need in zip(self.grids, needs, strict=True))

    def _probed(self, grid: VoxelGrid, grouped: GroupedFrame, sight: Sight | None) -> GridUpdate:
        none = torch.zeros(grid.blocks.count, dtype=torch.bool, device=grid.device)
        in_sight = none if sight is None else blocks_in_sight(grid, sight)
        return GridUpdate(grouped, grid.probe(grouped.keys), sight, in_sight)

    def _departed_with(self, leave: Tensor) -> BlockRevisions:
        """Return the blocks that left, with those of leave [B] bool, as of the newest revision."""
        keys, revision = self.coarse.blocks.keys[leave], self.coarse.blocks.revision
        revisions = revision.max().expand(len(keys)) if len(keys) > 0 else revision[:0]
        blocks = unpack_blocks(keys).to(torch.int32)
        return BlockRevisions(
            torch.cat((self._departed.blocks, blocks)), torch.cat((self._departed.revision, revisions))
        )

    def _touch(self, xyz: Tensor, gone: Tensor, revision: int) -> None:
        """Mark the blocks that points xyz (n, 3) lie in as changed where gone (n,) bool."""
        keys = block_keys(pack_cells(cells_of_points(xyz, self.coarse.voxel_size)))
        blocks = self.coarse.blocks.find(keys)
        if self.coarse.blocks.count > 0:
            changed = torch.where(gone & (blocks != NO_BLOCK), revision, 0)
            self.coarse.blocks.revision.scatter_reduce_(0, blocks.clamp(min=0), changed, "amax")

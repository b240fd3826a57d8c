"""One sparse voxel grid: running means in rows that a table of blocks finds, shared with snapshots without a copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from locate3d_ros.mapping.block_table import GROWTH, NO_BLOCK, BlockTable, grown
from locate3d_ros.mapping.cells import BLOCK_CELLS, NO_CELL, block_keys, cell_centers, cells_in_block, unpack_cells
from locate3d_ros.mapping.feature_store import FeatureStore
from locate3d_ros.mapping.frame_voxels import FrameVoxels
from locate3d_ros.mapping.grid_columns import advance, deal, empty_columns
from locate3d_ros.mapping.grid_probe import PROBE_COUNTS, Probe, Stamp
from locate3d_ros.mapping.grid_version import GridVersion
from locate3d_ros.mapping.grouping import compact
from locate3d_ros.mapping.row_pool import NO_ROW, RowPool, RowSet
from locate3d_ros.types import Slot


class VoxelGrid:
    """Means per cell. Points are offsets from the middle of their cell: as exact far from the origin as near it.

    A voxel's feature is the mean over the pixels of frames that brought features; other frames do not dilute it.
    Without slots it keeps offsets and colours in float16. One writer; versions may be read by anyone at any time.
    """

    def __init__(self, voxel_size: float, slots: tuple[Slot, ...], device: torch.device) -> None:
        """Start empty."""
        self.voxel_size = voxel_size
        self.slots = slots
        self.device = device
        self.blocks = BlockTable(device)
        self.features = FeatureStore(slots, device)
        self.columns = empty_columns(device, torch.float32 if slots else torch.float16)
        self.pool = RowPool(device, self._resize)

    def __len__(self) -> int:
        """Count the voxels."""
        return self.pool.count()

    def needs(self, counts: Sequence[int]) -> tuple[int, int, int]:
        """Return from a frame's counts how many blocks, rows and feature rows it needs."""
        probed = counts[len(counts) - PROBE_COUNTS - 2 * self.features.chunks :]
        return probed[0], probed[1], probed[3]

    def collect(self) -> None:
        """Find the rows that nobody needs any more; asks the device."""
        self.pool.collect()
        self.features.pool.collect()

    def version(self) -> GridVersion:
        """Return the voxels as they are now: one byte a row is copied, whatever else is gathered when asked for."""
        return GridVersion(self.voxel_size, self.columns, self.features, self.pool.share(), self.features.pool.share())

    def probe(self, keys: Tensor) -> Probe:
        """Look up distinct ascending keys [G], padded with NO_CELL; the device is asked nothing."""
        valid = keys != NO_CELL
        block = block_keys(keys)
        blocks = self.blocks.find(block)
        opens = valid & (blocks == NO_BLOCK)
        opens[1:] &= block[1:] != block[:-1]
        rows = self.blocks.find_rows(blocks, keys)
        new = valid & (rows == NO_ROW)
        fresh = new | self.pool.shared[rows]
        feature_rows = self.columns["feature_row"][rows].to(torch.int64)
        fresh_features = valid & ((feature_rows == NO_ROW) | self.features.pool.shared[feature_rows])
        counts = torch.stack([flags.sum() for flags in (opens, fresh, new, fresh_features)])
        removed = self.pool.removed.reshape(1)
        read = self.features.chunk_counts(feature_rows, valid)
        kept = self.features.chunk_counts(feature_rows, valid & ~fresh_features)
        return Probe(blocks, opens, rows, fresh, feature_rows, fresh_features, torch.cat((counts, removed, read, kept)))

    def integrate(self, voxels: FrameVoxels, stamp: Stamp) -> None:
        """Average voxels in, in any order, reading the counts here: for what does not come frame by frame.

        With no bound on observations, voxels of another map are weighted by their weights.
        """
        featured = voxels.feature_weight > 0
        self._integrate(voxels, featured, stamp)
        self._integrate(replace(voxels, features={}), ~featured, stamp)

    def add(self, voxels: FrameVoxels, stamp: Stamp, probe: Probe, counts: Sequence[int]) -> None:
        """Average probed voxels in; `counts` as the host has read them. Voxels without features keep theirs."""
        n = len(voxels)
        for pool in (self.pool, self.features.pool):
            pool.retire(counts[4])
        self.pool.removed -= counts[4]
        source = probe.rows[:n]
        target = self._target_rows(voxels.keys, probe, counts, stamp)
        self._update(source, target, voxels, stamp)
        if not voxels.features:
            self.columns["feature_row"][target] = probe.feature_rows[:n].to(torch.int32)
            return
        self._update_features(target, voxels, stamp, probe, counts)

    def remove_where(self, gone: Callable[[Tensor], Tensor], revision: int) -> int:
        """Remove the voxels whose mean points are gone: `gone` maps (n, 3) float64 metres to (n,) bool."""
        rows = self.pool.alive.nonzero().squeeze(1)
        rows = rows[gone(self.centroids(rows))]
        keys = self.columns["key"][rows]
        places = self.blocks.find(block_keys(keys)) * BLOCK_CELLS + cells_in_block(keys)
        self.remove(rows, places, torch.ones_like(rows, dtype=torch.bool), revision)
        return len(rows)

    def remove(self, rows: Tensor, places: Tensor, gone: Tensor, revision: int) -> None:
        """Remove those of rows [C], at table places [C], that are gone [C] bool. The device is asked nothing."""
        self.pool.alive[rows] &= ~gone
        self.pool.removed += gone.sum()
        feature_rows = self.columns["feature_row"][rows].to(torch.int64)
        self.features.pool.alive[feature_rows] &= ~gone
        self.blocks.set_rows(places, rows.masked_fill(gone, NO_ROW))
        changed = torch.where(gone, revision, 0)
        self.blocks.revision.scatter_reduce_(0, places // BLOCK_CELLS, changed, "amax")

    def centroids(self, rows: Tensor) -> Tensor:
        """Return the mean points (n, 3) float64 of rows (n,), map frame, metres."""
        middles = cell_centers(unpack_cells(self.columns["key"][rows]), self.voxel_size)
        return middles + self.columns["offset"][rows]

    def part(self, blocks: Tensor) -> GridVersion:
        """Return the voxels of the blocks in blocks [B] bool, to be read before the next change."""
        mask = torch.zeros_like(self.pool.alive)
        mask[self.blocks.rows[blocks].flatten().to(torch.int64)] = True
        mask[NO_ROW] = False
        return GridVersion(self.voxel_size, self.columns, self.features, RowSet(mask), RowSet(mask))

    def drop_blocks(self, dropped: Tensor) -> None:
        """Forget the blocks that are in dropped [B] bool, with their voxels; asks the device."""
        rows = self.blocks.rows[dropped].flatten().to(torch.int64)
        rows = rows[rows != NO_ROW]
        self.pool.alive[rows] = False
        self.features.pool.alive[self.columns["feature_row"][rows].to(torch.int64)] = False
        self.blocks.keep(~dropped)
        self.collect()

    def _integrate(self, voxels: FrameVoxels, chosen: Tensor, stamp: Stamp) -> None:
        """Average those of the voxels in that are chosen [V] bool."""
        order = torch.argsort(voxels.keys)
        order = order[chosen[order]]
        if len(order) == 0:
            return
        if isinstance(stamp.seconds, Tensor):
            stamp = replace(stamp, seconds=stamp.seconds[order])
        probe = self.probe(voxels.keys[order])
        self.add(voxels.select(order), stamp, probe, probe.counts.tolist())

    def _target_rows(self, keys: Tensor, probe: Probe, counts: Sequence[int], stamp: Stamp) -> Tensor:
        """Return the row [V] that each voxel is written to, entered in the tables."""
        n, (new_blocks, fresh_rows, new) = len(keys), counts[:3]
        opened = probe.opens[:n]
        blocks = probe.blocks[:n]
        if new_blocks:
            numbers = self.blocks.insert(block_keys(keys)[compact(opened, new_blocks)])
            nth = (opened.cumsum(dim=0) - 1).clamp(min=0)
            blocks = torch.where(blocks == NO_BLOCK, numbers[nth], blocks)
        target = deal(self.pool.take(fresh_rows), probe.fresh[:n], probe.rows[:n])
        self.pool.retire(fresh_rows - new)
        self.pool.alive[probe.rows[:n]] = False
        self.pool.alive[target] = True
        self.blocks.set_rows(blocks * BLOCK_CELLS + cells_in_block(keys), target)
        self.blocks.revision[blocks] = stamp.revision
        seconds = torch.as_tensor(stamp.seconds, dtype=torch.float64, device=self.device).expand(n)
        self.blocks.last_seen.scatter_reduce_(0, blocks, seconds, "amax")
        return target

    def _update(self, source: Tensor, target: Tensor, voxels: FrameVoxels, stamp: Stamp) -> None:
        """Write everything but features to the target rows [V], from the source rows [V] (NO_ROW: new)."""
        columns = self.columns
        share, weight = advance(columns["weight"][source], voxels.weight, stamp.max_observations)
        for name, values in (("offset", voxels.offset), ("rgb", voxels.rgb)):
            means = torch.lerp(columns[name][source].to(torch.float32), values, share)
            columns[name][target] = means.to(columns[name].dtype)
        columns["weight"][target] = weight
        columns["feature_weight"][target] = columns["feature_weight"][source]
        columns["key"][target] = voxels.keys
        columns["last_seen"][target] = torch.as_tensor(stamp.seconds, dtype=torch.float64, device=self.device)
        columns["misses"][target] = 0
        columns["missed_view"][target] = stamp.view

    def _update_features(
        self, target: Tensor, voxels: FrameVoxels, stamp: Stamp, probe: Probe, counts: Sequence[int]
    ) -> None:
        """Average features into rows of their own; target [V]: where everything else has been written."""
        weight = self.columns["feature_weight"]
        share, weight[target] = advance(weight[target], voxels.feature_weight, stamp.max_observations)
        rows = self.features.average(voxels.features, share, probe, counts, stamp.revision)
        self.columns["feature_row"][target] = rows.to(torch.int32)

    def capacity_for(self, needed: int) -> int:
        """Return how many rows there are room for once so many are needed."""
        return max(needed, int(len(self.columns["key"]) * GROWTH))

    def _resize(self, needed: int) -> int:
        capacity = self.capacity_for(needed)
        for name in tuple(self.columns):
            self.columns[name] = grown(self.columns[name], capacity)
        return capacity

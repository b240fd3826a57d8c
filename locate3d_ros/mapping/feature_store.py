"""The features of a grid's voxels: float16 rows in chunks that never move, so that growing copies nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.mapping.grid_columns import deal
from locate3d_ros.mapping.grid_probe import PROBE_COUNTS, Probe
from locate3d_ros.mapping.row_pool import RowPool
from locate3d_ros.types import Slot

_CHUNK_BYTES = 1 << 22
_CHUNK_ROWS = (64, 4096)  # at least, at most
_DROPPED_BITS = 13  # the bits of float32's fraction that float16 does not have
_NOISE_LENGTH = 1 << 18
_NOISE_STRIDE = 97
_CLEAR_SHARE = 1 / 8
"""Smaller shares of what is new may be lost in the rounding to float16, unless chance decides about it."""


@dataclass(frozen=True)
class ChunkPlaces:
    """Which of n rows lie in which chunk."""

    rows: Tensor  # [n] int64
    parts: Sequence[tuple[int, Tensor]]  # chunk number, places [p] int64 among the n


class FeatureStore:
    """Rows of float16 means, one matrix per slot and chunk; row 0 holds zeros."""

    def __init__(self, slots: tuple[Slot, ...], device: torch.device) -> None:
        """Start empty."""
        self.slots = slots
        self._device = device
        self._bytes_per_row = sum(2 * slot.width for slot in slots)
        rows = max(1, _CHUNK_BYTES // max(1, self._bytes_per_row)).bit_length() - 1
        self._chunk_rows = min(max(1 << rows, _CHUNK_ROWS[0]), _CHUNK_ROWS[1])
        self._chunks: dict[str, list[Tensor]] = {slot.name: [] for slot in slots}
        noise = torch.Generator().manual_seed(0)
        self._noise = torch.randint(1 << _DROPPED_BITS, (_NOISE_LENGTH,), generator=noise, dtype=torch.int32).to(device)
        self.pool = RowPool(device, self._resize)

    @property
    def bytes_per_row(self) -> int:
        """Bytes of one row and of what the pool keeps about it."""
        return self._bytes_per_row + 2

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors, the fixed table of noise left out."""
        return self.pool.nbytes + sum(chunk.nbytes for chunks in self._chunks.values() for chunk in chunks)

    def room_for(self, rows: int) -> int:
        """Return the bytes that `rows` rows beyond the capacity take, in whole chunks."""
        return -(-rows // self._chunk_rows) * self._chunk_rows * self.bytes_per_row

    def chunk_counts(self, rows: Tensor, counted: Tensor) -> Tensor:
        """Return [chunks] int64: how many of rows [n], where counted [n] bool, lie in each chunk."""
        counts = torch.zeros(self.chunks, dtype=torch.int64, device=rows.device)
        return counts.index_add_(0, rows // self._chunk_rows, counted.to(torch.int64))

    def chunk_counts_on_host(self, rows: Tensor) -> list[int]:
        """Return how many of rows [n], on the CPU, lie in each chunk."""
        return torch.bincount(rows // self._chunk_rows, minlength=self.chunks).tolist()

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return self.pool.capacity // self._chunk_rows

    def places(self, rows: Tensor, counts: Sequence[int] | None = None) -> ChunkPlaces:
        """Sort rows [n] by chunk. `counts` per chunk spares the question to the device; padding rows come last."""
        if counts is None:
            counts = self.chunk_counts(rows, torch.ones_like(rows, dtype=torch.bool)).tolist()
        order = torch.argsort(rows)
        parts, start = [], 0
        for chunk, count in enumerate(counts):
            if count > 0:
                parts.append((chunk, order[start : start + count]))
            start += count
        return ChunkPlaces(rows, parts)

    def average(
        self, features: Mapping[str, Tensor], share: Tensor, probe: Probe, counts: Sequence[int], seed: int
    ) -> Tensor:
        """Average features [V, D] of each slot in, as a share [V, 1] of the means; return the rows [V] they are in."""
        n, chunks = len(share), self.chunks
        source, fresh = probe.feature_rows[:n], probe.fresh_features[:n]
        by_chance = share.squeeze(1) < _CLEAR_SHARE
        rows = self.pool.take(counts[3])
        places = self._written(rows, deal(rows, fresh, source), counts[PROBE_COUNTS + chunks :])
        reads = self.places(source, counts[PROBE_COUNTS : PROBE_COUNTS + chunks])
        for slot in self.slots:
            means = torch.lerp(self.read(slot, reads, torch.float32), features[slot.name], share)
            self.write(slot, places, self.round(means, by_chance, seed))
        self.pool.retire(counts[3])
        self.pool.alive[source] = False
        self.pool.alive[places.rows] = True
        return places.rows

    def _written(self, rows: Tensor, target: Tensor, kept: Sequence[int]) -> ChunkPlaces:
        """Return the places of target rows: the host knows the fresh rows, and how many others each chunk keeps."""
        fresh = self.chunk_counts_on_host(rows)
        kept = [*kept, *[0] * (len(fresh) - len(kept))]
        return self.places(target, [a + b for a, b in zip(fresh, kept, strict=True)])

    def read(self, slot: Slot, places: ChunkPlaces, dtype: torch.dtype) -> Tensor:
        """Return the features [n, D] of the rows."""
        features = torch.empty((len(places.rows), slot.width), dtype=dtype, device=self._device)
        for chunk, part in places.parts:
            rows = places.rows.index_select(0, part) % self._chunk_rows
            features.index_copy_(0, part, self._chunks[slot.name][chunk].index_select(0, rows).to(dtype))
        return features

    def write(self, slot: Slot, places: ChunkPlaces, features: Tensor) -> None:
        """Write features [n, D] float16 into the rows."""
        for chunk, part in places.parts:
            rows = places.rows.index_select(0, part) % self._chunk_rows
            self._chunks[slot.name][chunk].index_copy_(0, rows, features.index_select(0, part))

    def round(self, features: Tensor, by_chance: Tensor, seed: int) -> Tensor:
        """Round features [n, D] float32 to float16, up or down by chance where by_chance [n], else to the nearest.

        A mean that moves by less than half a step of float16 would otherwise never move; by chance it does on average.
        The chance comes from `seed` alone.
        """
        bits = features.view(torch.int32)
        n, width = features.shape
        start = (seed * 7919) % (_NOISE_LENGTH // 2)
        length = _NOISE_LENGTH // 2 - width
        rows = torch.arange(n, device=features.device) * _NOISE_STRIDE % length + start
        noise = self._noise.unfold(0, width, 1).index_select(0, rows)
        half = 1 << (_DROPPED_BITS - 1)
        bits += torch.where(by_chance[:, None], noise, half)
        bits &= ~((1 << _DROPPED_BITS) - 1)
        return features.to(torch.float16)

    def _resize(self, needed: int) -> int:
        chunks = -(-needed // self._chunk_rows)
        for slot in self.slots:
            for _ in range(chunks - len(self._chunks[slot.name])):
                shape = (self._chunk_rows, slot.width)
                self._chunks[slot.name].append(torch.zeros(shape, dtype=torch.float16, device=self._device))
        return chunks * self._chunk_rows

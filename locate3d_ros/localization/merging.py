"""Agglomeration of segments into a hierarchy of regions, after selective search (Uijlings et al., IJCV 2013).

Neighbours that look alike, fill their common box and are small join first. Every join is a region of its own.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Affinity:
    """How much each difference between two neighbouring regions counts against joining them."""

    colour: float
    feature: float
    size: float
    fill: float


@dataclass(frozen=True)
class RegionStatistics:
    """Sums over each of S segments, so that a join is an addition."""

    count: NDArray[np.float64]  # [S] points
    lab: NDArray[np.float64]  # [S, 3] sums
    features: NDArray[np.float64]  # [S, D] sums
    low: NDArray[np.float64]  # [S, 3] metres
    high: NDArray[np.float64]  # [S, 3] metres


def merge_hierarchy(
    statistics: RegionStatistics, neighbours: NDArray[np.int64], affinity: Affinity
) -> list[tuple[int, int]]:
    """Join neighbouring regions (pairs [n, 2]), most alike first, until none is left.

    Returns the joined pairs in order; join number j makes region S + j.
    """
    regions = _Regions(statistics, affinity)
    adjacent: dict[int, set[int]] = {region: set() for region in range(len(statistics.count))}
    for a, b in neighbours.tolist():
        adjacent[a].add(b)
        adjacent[b].add(a)
    costs = regions.costs(neighbours[:, 0], neighbours[:, 1])
    heap = [(cost, a, b) for cost, (a, b) in zip(costs.tolist(), neighbours.tolist(), strict=True)]
    heapq.heapify(heap)
    joins: list[tuple[int, int]] = []
    while heap:
        _, a, b = heapq.heappop(heap)
        if a not in adjacent or b not in adjacent:
            continue
        joined = regions.join(a, b)
        joins.append((a, b))
        around = sorted((adjacent.pop(a) | adjacent.pop(b)) - {a, b})
        adjacent[joined] = set(around)
        for other in around:
            adjacent[other] -= {a, b}
            adjacent[other].add(joined)
        others = np.array(around, dtype=np.int64)
        for cost, other in zip(regions.costs(others, np.full(len(others), joined)).tolist(), around, strict=True):
            heapq.heappush(heap, (cost, other, joined))
    return joins


class _Regions:
    """Statistics of segments and of the regions that joins make of them."""

    def __init__(self, statistics: RegionStatistics, affinity: Affinity) -> None:
        size = 2 * len(statistics.count)
        self._total = float(statistics.count.sum())
        self._affinity = affinity
        self._used = len(statistics.count)
        self._count = _padded(statistics.count, size)
        self._lab = _padded(statistics.lab, size)
        self._features = _padded(statistics.features, size)
        self._low, self._high = _padded(statistics.low, size), _padded(statistics.high, size)

    def join(self, a: int, b: int) -> int:
        """Make one region of two and return its number."""
        new = self._used
        self._used += 1
        for sums in (self._count, self._lab, self._features):
            sums[new] = sums[a] + sums[b]
        self._low[new] = np.minimum(self._low[a], self._low[b])
        self._high[new] = np.maximum(self._high[a], self._high[b])
        return new

    def costs(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how little the regions a and b (n,) belong together."""
        count_a, count_b = self._count[a], self._count[b]
        colour = np.linalg.norm(self._lab[a] / count_a[:, None] - self._lab[b] / count_b[:, None], axis=1)
        feature = 1.0 - _cosine(self._features[a], self._features[b])
        volume = _volume(np.minimum(self._low[a], self._low[b]), np.maximum(self._high[a], self._high[b]))
        own = _volume(self._low[a], self._high[a]) + _volume(self._low[b], self._high[b])
        fill = np.clip(1.0 - own / volume, 0.0, 1.0)
        size = np.sqrt((count_a + count_b) / self._total)
        weights = self._affinity
        return np.asarray(
            weights.colour * colour + weights.feature * feature + weights.size * size + weights.fill * fill
        )


def _padded(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    room = np.zeros((size, *values.shape[1:]))
    room[: len(values)] = values
    return room


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    norm = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray(np.einsum("nd,nd->n", a, b) / np.maximum(norm, 1e-9))


def _volume(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.prod(np.maximum(high - low, 0.02), axis=1))

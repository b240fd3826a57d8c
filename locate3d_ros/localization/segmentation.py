"""Graph-based over-segmentation of a surface, after Felzenszwalb and Huttenlocher (IJCV 2004).

Two segments join along an edge no heavier than either's heaviest inner edge plus scale / size. Here segments join in
rounds, each along its lightest edge, so that a round is a few array operations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from locate3d_ros.localization.surface import Surface

Labels = NDArray[np.int64]
Weights = NDArray[np.float64]
Allowed = Callable[[Labels, Labels, NDArray[np.float64]], NDArray[np.bool_]]


@dataclass(frozen=True)
class Cues:
    """How much each difference across an edge counts."""

    colour: float
    normal: float
    distance: float


@dataclass(frozen=True)
class Forest:
    """Minimum spanning forest of a surface's graph, lightest edge first."""

    first: Labels  # [E] point indices
    second: Labels  # [E]
    weight: NDArray[np.float64]  # [E]
    size: int  # points


def spanning_forest(surface: Surface, cues: Cues) -> Forest:
    """Weigh the surface's edges by their differences and keep a minimum spanning forest."""
    a, b = surface.edges.T
    shape = (len(surface), len(surface))
    tree = minimum_spanning_tree(coo_matrix((_edge_weights(surface, cues), (a, b)), shape=shape).tocsr()).tocoo()
    order = np.argsort(tree.data, kind="stable")
    first, second = tree.row[order].astype(np.int64), tree.col[order].astype(np.int64)
    return Forest(first, second, tree.data[order], len(surface))


def segment(forest: Forest, scale: float, min_points: int) -> Labels:
    """Label the points (M,) with segments 0, 1, …: larger scale, larger segments; small ones join a neighbour."""
    segments = _Segments(forest)
    segments.join(lambda a, b, w: w <= np.minimum(segments.limits(scale)[a], segments.limits(scale)[b]))
    segments.join(lambda a, b, _: np.minimum(segments.sizes[a], segments.sizes[b]) < min_points)
    return segments.labels


class _Segments:
    """Segments that grow by joining along the edges of a forest."""

    def __init__(self, forest: Forest) -> None:
        self.labels: Labels = np.arange(forest.size)  # [M] indices into sizes and inner
        self.sizes: Weights = np.ones(forest.size)
        self.inner: Weights = np.zeros(forest.size)  # heaviest edge inside, so far
        self._a, self._b, self._weight = forest.first, forest.second, forest.weight

    def limits(self, scale: float) -> NDArray[np.float64]:
        """Return the heaviest edge along which each segment still joins."""
        return self.inner + scale / np.maximum(self.sizes, 1.0)

    def join(self, allowed: Allowed) -> None:
        """Join along allowed edges until none is left."""
        while len(self._weight):
            open_edges = np.flatnonzero(allowed(self._a, self._b, self._weight))
            if len(open_edges) == 0:
                return
            self._join_along(self._lightest(open_edges))

    def _lightest(self, edges: Labels) -> Labels:
        """Keep the edges (sorted by weight) that are the lightest of one of their segments."""
        a, b = self._a[edges], self._b[edges]
        lightest = np.full(len(self.sizes), len(edges))
        rank = np.arange(len(edges))
        np.minimum.at(lightest, a, rank)
        np.minimum.at(lightest, b, rank)
        return np.asarray(edges[(lightest[a] == rank) | (lightest[b] == rank)])

    def _join_along(self, edges: Labels) -> None:
        a, b, count = self._a[edges], self._b[edges], len(self.sizes)
        graph = coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(count, count))
        joined, parent = connected_components(graph, directed=False)
        inner = np.zeros(joined)
        np.maximum.at(inner, parent, self.inner)
        np.maximum.at(inner, parent[a], self._weight[edges])
        self.inner, self.sizes = inner, np.bincount(parent, weights=self.sizes, minlength=joined).astype(np.float64)
        self.labels = parent[self.labels].astype(np.int64)
        self._a, self._b = parent[self._a].astype(np.int64), parent[self._b].astype(np.int64)
        live = self._a != self._b
        self._a, self._b, self._weight = self._a[live], self._b[live], self._weight[live]


def _edge_weights(surface: Surface, cues: Cues) -> NDArray[np.float64]:
    """Weigh every edge (E,); above zero, for the sparse graph has no edges of weight zero."""
    a, b = surface.edges.T
    chroma = np.linalg.norm(surface.lab[a, 1:] - surface.lab[b, 1:], axis=1)
    light = np.abs(surface.lab[a, 0] - surface.lab[b, 0])
    bend = 1.0 - np.abs(np.einsum("ei,ei->e", surface.normals[a], surface.normals[b]))
    gap = surface.lengths / surface.voxel_size
    # Lightness changes with shading inside an object, hue seldom.
    weight = cues.colour * (2.0 * chroma + light) + cues.normal * bend + cues.distance * gap
    return np.asarray(weight, dtype=np.float64) + 1e-9

"""The annotated objects of one scene: boxes, and masks over its mesh's vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Floats = npt.NDArray[np.float64]
_REACH = 0.1  # metres between a measured point and the vertex whose object it takes
_CELL = 0.02  # metres: points this close are looked up once


@dataclass(frozen=True)
class TruthObject:
    """One annotated object."""

    id: int  # from 1 (locate3d_ros/data/object_ids.py)
    label: str  # the data set's own word
    box: Floats  # [2, 3] min and max, metres, axes of the scene
    vertices: npt.NDArray[np.int64] | None = None  # [M] of the scene's points, ascending; None: only the box is known

    def mask(self, points: Floats) -> npt.NDArray[np.bool_]:
        """Return which of the scene's points [V, 3] are the object's: its vertices, else those in its box."""
        if self.vertices is None:
            return np.asarray(((points >= self.box[0]) & (points <= self.box[1])).all(axis=1))
        mask = np.zeros(len(points), dtype=bool)
        mask[self.vertices] = True
        return mask


@dataclass(frozen=True)
class SceneObjects:
    """The annotated objects of a scene and the points they were annotated on."""

    points: Floats  # [V, 3] vertices of the mesh, metres, in the frame of the recording's poses; V = 0: none
    objects: tuple[TruthObject, ...]

    def labels(self) -> npt.NDArray[np.uint16]:
        """Return the object id of every point [V], 0 = none; of two objects that share a point the smaller has it."""
        labels = np.zeros(len(self.points), dtype=np.uint16)
        for item in sorted(self.objects, key=_volume, reverse=True):
            labels[item.mask(self.points)] = item.id
        return labels

    def labels_at(self, xyz: Floats) -> npt.NDArray[np.uint16]:
        """Return the object id of measured points [P, 3]: that of the nearest annotated point within 0.1 m.

        Without annotated points, the smallest box that holds the point. Points of one 2 cm cell are looked up once.
        """
        cells, index = np.unique(np.floor(xyz / _CELL).astype(np.int64), axis=0, return_inverse=True)
        centers = np.asarray((cells + 0.5) * _CELL, dtype=np.float64)
        return np.asarray(self._labels_of(centers)[index.reshape(-1)])

    def _labels_of(self, xyz: Floats) -> npt.NDArray[np.uint16]:
        if any(item.vertices is None for item in self.objects) or len(self.points) == 0:
            return SceneObjects(xyz, self.objects).labels()
        distance, nearest = cKDTree(self.points).query(xyz, distance_upper_bound=_REACH)
        labels = np.append(self.labels(), np.uint16(0))  # the last for points that nothing is near
        return np.asarray(labels[np.where(np.isfinite(distance), nearest, len(self.points))])


def box_around(points: Floats) -> Floats:
    """Return the box [2, 3] of points [M, 3], M > 0."""
    return np.stack([points.min(axis=0), points.max(axis=0)])


def _volume(item: TruthObject) -> float:
    return float(np.prod(item.box[1] - item.box[0]))

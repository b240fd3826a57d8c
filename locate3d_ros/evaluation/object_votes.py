"""Which object each voxel of a map is: the one that most of its depth pixels show, or whose box it lies in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.data.scene_folder import SceneObject
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import transform_points
from locate3d_ros.mapping.cells import cells_of_points, pack_cells
from locate3d_ros.mapping.lifting import unproject, usable_pixels
from locate3d_ros.types import Frame

_IDS = 1 << 16  # object ids of an instance image


def objects_of_boxes(xyz: Tensor, objects: Sequence[SceneObject]) -> Tensor:
    """Return the object id [N] int32 of points [N, 3] by boxes alone: of several the smallest; 0 = none.

    For scenes without instance images, which are too much work to draw by hand.
    """
    ids = torch.zeros(len(xyz), dtype=torch.int32)
    for item in sorted(objects, key=lambda each: float(np.prod(each.seen_box[1] - each.seen_box[0])), reverse=True):
        low, high = torch.from_numpy(item.seen_box)
        ids[((xyz >= low) & (xyz <= high)).all(dim=1)] = item.id
    return ids


class ObjectVotes:
    """Counts pixels per voxel and object while frames go by."""

    def __init__(self, config: MappingConfig) -> None:
        """Start without votes; the same pixels vote that the map takes."""
        self._config = config
        self._keys: list[Tensor] = []
        self._ids: list[Tensor] = []
        self._counts: list[Tensor] = []

    def add(self, frame: Frame, ids: npt.NDArray[np.uint16]) -> None:
        """Count a frame's pixels; ids [h, w] as its depth image. Raises InputError for another size."""
        if ids.shape != tuple(frame.depth.shape):
            h, w = frame.depth.shape
            raise InputError(f"instance image of {ids.shape[1]}x{ids.shape[0]} for depth of {w}x{h}; make both alike")
        pixel = usable_pixels(frame.depth.cpu(), self._config).flatten().nonzero().squeeze(1)
        keys, voxel = torch.unique(pack_cells(self._cells(frame, pixel)), return_inverse=True)
        shown = torch.from_numpy(ids.astype(np.int64)).flatten()[pixel]
        pairs, counts = torch.unique(voxel * _IDS + shown, return_counts=True)
        self._keys.append(keys[torch.div(pairs, _IDS, rounding_mode="floor")])
        self._ids.append(pairs % _IDS)
        self._counts.append(counts)

    def winners(self, cells: Tensor) -> Tensor:
        """Return the object id [N] int32 of every cell [N, 3]; 0 where most pixels show none, or no pixel voted.

        Of equally many pixels the smaller id wins.
        """
        result = torch.zeros(len(cells), dtype=torch.int32)
        if not self._keys:
            return result
        keys, voxel = torch.unique(torch.cat(self._keys), return_inverse=True)
        pairs, place = torch.unique(voxel * _IDS + torch.cat(self._ids), return_inverse=True)
        counts = torch.zeros(len(pairs), dtype=torch.int64).index_add_(0, place, torch.cat(self._counts))
        # Stable sorts, the last criterion first: within a voxel the most votes come first, then the smaller id.
        order = torch.argsort(counts, descending=True, stable=True)
        order = order[torch.argsort(torch.div(pairs[order], _IDS, rounding_mode="floor"), stable=True)]
        owner = torch.div(pairs[order], _IDS, rounding_mode="floor")
        first = torch.ones_like(owner, dtype=torch.bool)
        first[1:] = owner[1:] != owner[:-1]
        winner = (pairs[order][first] % _IDS).to(torch.int32)
        wanted = pack_cells(cells.cpu())
        row = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
        found = keys[row] == wanted
        result[found] = winner[row[found]]
        return result

    def _cells(self, frame: Frame, pixel: Tensor) -> Tensor:
        z = frame.depth.cpu().flatten()[pixel].to(torch.float64)
        xyz = unproject(pixel, z, frame.depth_intrinsics or frame.intrinsics)
        if frame.T_camera_depth is not None:
            xyz = transform_points(frame.T_camera_depth.cpu().to(torch.float64), xyz)
        return cells_of_points(
            transform_points(frame.T_map_camera.cpu().to(torch.float64), xyz), self._config.voxel_size
        )

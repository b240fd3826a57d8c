"""One lifted scene with its objects and sentences, as training reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from locate3d_ros.data.annotations import GroundedExpression


@dataclass(frozen=True)
class Voxels:
    """The voxels of a scene; n rows."""

    xyz: Tensor  # [n, 3] float32 metres
    rgb: Tensor  # [n, 3] float32 in [0, 1]
    features: Tensor  # [n, D] float16 or float32
    cells: Tensor  # [n, 3] int64
    object_ids: Tensor  # [n] int32; 0 = none
    voxel_size: float = 0.05  # metres

    def __len__(self) -> int:
        """Count the voxels."""
        return len(self.xyz)

    def rows(self, kept: Tensor) -> Voxels:
        """Return some voxels, by a mask (n,) or by indices."""
        return self._each(lambda tensor: tensor[kept])

    def to(self, device: torch.device) -> Voxels:
        """Return the voxels on a device, features in float32."""
        return replace(self, features=self.features.float())._each(lambda tensor: tensor.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Voxels:
        tensors = (self.xyz, self.rgb, self.features, self.cells, self.object_ids)
        xyz, rgb, features, cells, object_ids = (change(tensor) for tensor in tensors)
        return Voxels(xyz, rgb, features, cells, object_ids, self.voxel_size)


@dataclass(frozen=True)
class Sample:
    """A scene with some of its sentences."""

    scene_id: str
    voxels: Voxels
    boxes: Mapping[int, Tensor]  # object id -> (6,) corners, metres
    expressions: tuple[GroundedExpression, ...] = ()

    @property
    def name(self) -> str:
        """Name the sample in messages."""
        return f"{self.scene_id} ({'; '.join(each.text for each in self.expressions[:3])})"

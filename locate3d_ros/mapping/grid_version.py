"""One state of a grid for its readers: rows that nobody writes any more, gathered when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import torch
from torch import Tensor

from locate3d_ros.mapping.cells import cell_centers, unpack_cells
from locate3d_ros.mapping.feature_store import ChunkPlaces, FeatureStore
from locate3d_ros.mapping.frame_voxels import FrameVoxels
from locate3d_ros.mapping.row_pool import NO_ROW, RowSet


class GridVersion(Mapping[str, Tensor]):
    """N voxels in the order of their keys; as a mapping, the features [N, D] float16 of each slot."""

    def __init__(
        self,
        voxel_size: float,
        columns: Mapping[str, Tensor],
        features: FeatureStore,
        rows: RowSet,
        feature_rows: RowSet,
    ) -> None:
        """Hold the rows alive; `columns` may grow meanwhile, its rows stay."""
        self.voxel_size = voxel_size
        self._columns = columns
        self._store = features
        self._shared = (rows, feature_rows)
        self._features: dict[str, Tensor] = {}

    def __iter__(self) -> Iterator[str]:
        """Name the slots."""
        return iter(slot.name for slot in self._store.slots)

    def __len__(self) -> int:
        """Count the slots."""
        return len(self._store.slots)

    def __getitem__(self, name: str) -> Tensor:
        """Gather a slot's features, once."""
        if name not in self._features:
            slot = next((slot for slot in self._store.slots if slot.name == name), None)
            if slot is None:
                raise KeyError(name)
            self._features[name] = self._store.read(slot, self._places, torch.float16)
        return self._features[name]

    def cells(self) -> Tensor:
        """Return [N, 3] int32."""
        return unpack_cells(self._keys_and_rows[0])

    def xyz(self) -> Tensor:
        """Return [N, 3] float32 centroids that stay in their cells: rounding must not move one over the border."""
        most = self.voxel_size / 2 * (1 - 1e-4)
        middles = cell_centers(self.cells(), self.voxel_size)
        return (middles + self._column("offset").to(torch.float64).clamp(-most, most)).to(torch.float32)

    def rgb(self) -> Tensor:
        """Return [N, 3] float32 in [0, 1]."""
        column = self._column("rgb")
        rgb = column.to(torch.float32)
        # float16 blurs the 8 bits of a map file: its readers are to answer as those of the file do.
        return (rgb * 255).round() / 255 if column.dtype == torch.float16 else rgb

    def weight(self) -> Tensor:
        """Return [N] float32: pixels averaged."""
        return self._column("weight")

    def last_seen(self) -> Tensor:
        """Return [N] float64 seconds."""
        return self._column("last_seen")

    def has_features(self) -> Tensor:
        """Return [N] bool."""
        return self._column("feature_row") != NO_ROW

    def voxels(self) -> FrameVoxels:
        """Return everything as a grid takes it in: to move it, or to merge it into another grid."""
        weights = (self._column("weight"), self._column("feature_weight"))
        features = {name: values.to(torch.float32) for name, values in self.items()}
        means = (self._column("offset").to(torch.float32), self._column("rgb").to(torch.float32))
        return FrameVoxels(self._keys_and_rows[0], *weights, *means, features)

    @cached_property
    def _keys_and_rows(self) -> tuple[Tensor, Tensor]:
        """The keys [N] in ascending order, and their rows [N]."""
        rows = self._shared[0].mask.nonzero().squeeze(1)
        keys, order = torch.sort(self._columns["key"][rows])
        return keys, rows[order]

    def _column(self, name: str) -> Tensor:
        return self._columns[name][self._keys_and_rows[1]]

    @cached_property
    def _places(self) -> ChunkPlaces:
        return self._store.places(self._column("feature_row").to(torch.int64))

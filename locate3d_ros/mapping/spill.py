"""What left a full map, on disk until the robot comes back. The files live as long as the map."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.cells import cell_centers, pack_cells, unpack_cells
from locate3d_ros.mapping.frame_voxels import FrameVoxels
from locate3d_ros.mapping.grid_version import GridVersion

_TILE = 4.0  # metres: what lies in one cube of this edge comes back together
_NEARER = 0.7
"""A tile comes back once the camera is this much nearer than when it left: what does not fit would go to and fro."""
_COLUMNS = tuple(field.name for field in fields(FrameVoxels) if field.name != "features")


@dataclass(frozen=True)
class SpilledPart:
    """Voxels of both grids, as they are merged in again."""

    coarse: FrameVoxels
    fine: FrameVoxels
    last_seen: Tensor  # [V] float64 seconds, of the coarse ones


@dataclass(frozen=True)
class _Departed:
    path: Path
    sizes: tuple[float, float]  # edges of a voxel and of a fine voxel, metres
    middle: Tensor  # (3,) float64 metres
    distance: float  # of the camera when it left, metres
    voxels: int


class Spill:
    """Files of departed tiles in a folder of their own."""

    def __init__(self, directory: str, reach: float) -> None:
        """Make the folder; reach: how far the camera sees, metres. Raises InputError where it cannot be made."""
        place = Path(directory).expanduser()
        try:
            place.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="locate3d-map-", dir=place))
        except OSError as error:
            raise InputError(f"spill_directory {directory!r}: {error.strerror}; give a writable folder") from None
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._reach = reach + _TILE
        self._numbers = itertools.count()
        self._departed: list[_Departed] = []
        self.lost = 0
        """Voxels that could not be written, or not read again."""

    @property
    def voxels(self) -> int:
        """How many feature voxels are on disk."""
        return sum(each.voxels for each in self._departed)

    def store(self, coarse: GridVersion, fine: GridVersion, camera: Tensor) -> None:
        """Write what leaves, by tiles; camera (3,) float64 metres. What the disk does not take is counted as lost."""
        whole = SpilledPart(coarse.voxels(), fine.voxels(), coarse.last_seen())
        sizes = (coarse.voxel_size, fine.voxel_size)
        tiles, fine_tiles = (
            _tiles(part.keys, size) for part, size in zip((whole.coarse, whole.fine), sizes, strict=True)
        )
        for tile in torch.unique(torch.cat((tiles, fine_tiles))):
            rows = (tiles == tile).nonzero().squeeze(1)
            fine_rows = (fine_tiles == tile).nonzero().squeeze(1)
            part = SpilledPart(whole.coarse.select(rows), whole.fine.select(fine_rows), whole.last_seen[rows])
            middle = (unpack_cells(tile[None])[0].to(torch.float64) + 0.5) * _TILE
            distance = float(torch.linalg.vector_norm(middle - camera.to(middle)))
            path = self._folder / f"{next(self._numbers)}.safetensors"
            self._write(part, _Departed(path, sizes, middle.cpu(), distance, len(rows)))

    def take_near(self, camera: Tensor, device: torch.device) -> list[SpilledPart]:
        """Return what comes back because the camera (3,) float64 is near, and forget it here."""
        due = [each for each in self._departed if self._is_due(each, camera)]
        self._departed = [each for each in self._departed if each not in due]
        parts = [self._read(each, device) for each in due]
        return [part for part in parts if part is not None]

    def remove_where(self, gone: Callable[[Tensor], Tensor], device: torch.device) -> int:
        """Remove voxels as the map does, from every file; return how many feature voxels that were."""
        before, departed, self._departed = self.voxels, self._departed, []
        for each in departed:
            part = self._read(each, device)
            if part is None:
                continue
            rows, fine_rows = (
                (~gone(_points(voxels, size))).nonzero().squeeze(1)
                for voxels, size in zip((part.coarse, part.fine), each.sizes, strict=True)
            )
            kept = SpilledPart(part.coarse.select(rows), part.fine.select(fine_rows), part.last_seen[rows])
            self._write(kept, replace(each, voxels=len(rows)))
        return before - self.voxels

    def clear(self) -> None:
        """Forget everything."""
        for each in self._departed:
            each.path.unlink(missing_ok=True)
        self._departed = []

    def _is_due(self, each: _Departed, camera: Tensor) -> bool:
        distance = float(torch.linalg.vector_norm(each.middle - camera.cpu()))
        return distance < min(self._reach, _NEARER * each.distance)

    def _write(self, part: SpilledPart, departed: _Departed) -> None:
        try:
            save_file(_tensors(part), departed.path)
        except (OSError, SafetensorError):
            departed.path.unlink(missing_ok=True)
            self.lost += departed.voxels
            return
        self._departed.append(departed)

    def _read(self, each: _Departed, device: torch.device) -> SpilledPart | None:
        try:
            tensors = load_file(each.path, device=str(device))
        except (OSError, SafetensorError):
            self.lost += each.voxels
            return None
        each.path.unlink(missing_ok=True)
        return _part(tensors)


def _tiles(keys: Tensor, voxel_size: float) -> Tensor:
    """Return the number [V] of the tile that each cell lies in."""
    return pack_cells(torch.floor(cell_centers(unpack_cells(keys), voxel_size) / _TILE).to(torch.int64))


def _points(voxels: FrameVoxels, voxel_size: float) -> Tensor:
    """Return the mean points [V, 3] float64, metres."""
    return cell_centers(unpack_cells(voxels.keys), voxel_size) + voxels.offset


def _tensors(part: SpilledPart) -> dict[str, Tensor]:
    named = {"last_seen": part.last_seen}
    for prefix, voxels in (("coarse", part.coarse), ("fine", part.fine)):
        named |= {f"{prefix}.{name}": getattr(voxels, name) for name in _COLUMNS}
        named |= {f"{prefix}.features.{name}": each.to(torch.float16) for name, each in voxels.features.items()}
    return {name: tensor.contiguous().cpu() for name, tensor in named.items()}


def _part(tensors: dict[str, Tensor]) -> SpilledPart:
    def voxels(prefix: str) -> FrameVoxels:
        start = f"{prefix}.features."
        features = {name[len(start) :]: each.float() for name, each in tensors.items() if name.startswith(start)}
        columns = [tensors[f"{prefix}.{name}"] for name in _COLUMNS]
        return FrameVoxels(*columns, features)  # type: ignore[arg-type, call-arg]

    return SpilledPart(voxels("coarse"), voxels("fine"), tensors["last_seen"])

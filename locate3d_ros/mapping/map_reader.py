"""Reads a map file and refuses, with one line, what is not a whole and consistent map of this extractor."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import require_rigid
from locate3d_ros.mapping.cells import CELL_LIMIT, cell_centers, first_of_each, pack_cells
from locate3d_ros.mapping.checks import require_extractor
from locate3d_ros.mapping.compression import digest_of, stored_slots, whole_widths
from locate3d_ros.mapping.map_views import decode_views
from locate3d_ros.types import FeatureExtractor, FineCloud, Frame, FrameFeatures, MapSnapshot, Slot

SCHEMA = "locate3d/map@1"
PROJECTION_DIGEST = "projection"

_MEND = "save the map again, or build it again"


Content = tuple[dict[str, Tensor], dict[str, str]]
"""Tensors by name, and metadata."""


def read_snapshot(path: Path, extractor: FeatureExtractor) -> MapSnapshot:
    """Return a map file's snapshot on the CPU. Raises InputError naming the file, the reason and the mend."""
    return to_snapshot(_read(path), extractor, str(path))


def read_any_snapshot(path: Path) -> MapSnapshot:
    """Do the same for a map of whatever extractor."""
    tensors, metadata = _read(path)
    widths = whole_widths(_widths(_slots(tensors)), _projections(tensors, metadata, str(path)))
    slots = tuple(Slot(name, width) for name, width in widths.items())
    return to_snapshot(
        (tensors, metadata), _AnyExtractor(metadata.get("extractor", ""), metadata.get("digest", ""), slots), str(path)
    )


def read_bytes(encoded: bytes, source: str) -> Content:
    """Return what a map file's bytes hold, unchecked beyond the schema. Raises InputError naming the source."""
    try:
        tensors = load(encoded)
        size = int.from_bytes(encoded[:8], "little")
        metadata = json.loads(encoded[8 : 8 + size]).get("__metadata__", {})
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{source}: truncated, or not a map ({error}); {_MEND}") from error
    _require_schema(metadata.get("schema"), source)
    return tensors, metadata


def to_snapshot(content: Content, extractor: FeatureExtractor, source: str) -> MapSnapshot:
    """Return the snapshot that a map file's content describes. Raises InputError where it does not fit together."""
    tensors, metadata = content
    slots = _slots(tensors)
    projections = _projections(tensors, metadata, source)
    widths = whole_widths(_widths(slots), projections)
    require_extractor(metadata.get("extractor", ""), metadata.get("digest", ""), widths, extractor, source)
    voxel_size = _positive(metadata, "voxel_size", source)
    cells, xyz, rgb = _grid(tensors, "", voxel_size, source)
    count = len(cells)
    for slot in stored_slots(extractor.slots, projections):
        _require_form(slots[slot.name], torch.float16, (count, slot.width), f"{source}: {slot_column(slot.name)}")
    return MapSnapshot(
        cells=cells,
        xyz=xyz,
        rgb=rgb,
        features={slot.name: slots[slot.name] for slot in extractor.slots},
        has_features=_has_features(tensors, slots, count, source),
        weight=_weights(tensors, count, source),
        last_seen=_column(tensors, "last_seen", torch.float64, (count,), source),
        fine=_fine_cloud(tensors, metadata, source),
        revision=int(_number(metadata, "revision", source)),
        stamp=_number(metadata, "stamp", source) if "stamp" in metadata else 0.0,
        frame_id=_text(metadata, "frame_id", source),
        voxel_size=voxel_size,
        extractor=extractor.name,
        digest=extractor.digest,
        camera_pose=_camera_pose(metadata, source),
        views=decode_views(metadata.get("views", "[]"), tensors, source),
        projections=projections,
    )


@dataclass(frozen=True)
class _AnyExtractor:
    """What a map file says of its extractor."""

    name: str
    digest: str
    slots: tuple[Slot, ...]

    def extract(self, frame: Frame) -> FrameFeatures:
        raise NotImplementedError


def _slots(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return _named(tensors, slot_column(""))


def _widths(slots: Mapping[str, Tensor]) -> dict[str, int]:
    return {name: values.shape[-1] if values.ndim else 0 for name, values in slots.items()}


def _projections(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], source: str) -> dict[str, Tensor]:
    """Return the projections of a compressed map; none of a whole one."""
    projections = _named(tensors, projection_column(""))
    for name, columns in projections.items():
        _require_form(columns, torch.float32, (None, None), f"{source}: {projection_column(name)}")
    if digest_of(projections) != metadata.get(PROJECTION_DIGEST, ""):
        raise InputError(f"{source}: the projection is not the one that its features were made with; {_MEND}")
    return projections


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): values for name, values in tensors.items() if name.startswith(prefix)}


def _read(path: Path) -> Content:
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the path of a map file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            _require_schema(metadata.get("schema"), str(path))
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: truncated, or not a map file ({error}); {_MEND}") from error


def _require_schema(schema: str | None, source: str) -> None:
    if schema is None:
        raise InputError(f"{source}: a safetensors file, but not a map (no schema); give a file of `locate3d map`")
    if schema != SCHEMA:
        raise InputError(f"{source}: schema {schema!r}, this version reads {SCHEMA!r}; build the map again")


def _grid(tensors: Mapping[str, Tensor], prefix: str, voxel_size: float, source: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return cells (n, 3) int32, xyz (n, 3) float32 and rgb (n, 3) float32 in [0, 1] of a grid."""
    cells = _column(tensors, f"{prefix}cells", torch.int32, (None, 3), source)
    offset = _column(tensors, f"{prefix}offset", torch.float16, (len(cells), 3), source).to(torch.float64)
    rgb = _column(tensors, f"{prefix}rgb", torch.uint8, (len(cells), 3), source)
    if (cells.to(torch.int64).abs() >= CELL_LIMIT).any():
        raise InputError(f"{source}: {prefix}cells lie outside the grid; {_MEND}")
    if not first_of_each(pack_cells(cells)).all():
        raise InputError(f"{source}: {prefix}cells name a cell twice; {_MEND}")
    # float16 rounding may lift an offset a little over the border.
    if (offset.abs() > voxel_size / 2 * (1 + 2**-9)).any():
        raise InputError(f"{source}: {prefix}offset points out of its cell of {voxel_size} m; {_MEND}")
    xyz = (cell_centers(cells, voxel_size) + offset).to(torch.float32)
    return cells, xyz, rgb.to(torch.float32) / 255.0


def _fine_cloud(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], source: str) -> FineCloud:
    """Return the finer grid; a file without one has no points there."""
    if "fine.cells" not in tensors:
        voxel_size = _positive(metadata, "voxel_size", source)
        return FineCloud(torch.empty((0, 3)), torch.empty((0, 3)), voxel_size)
    voxel_size = _positive(metadata, "fine_voxel_size", source)
    _, xyz, rgb = _grid(tensors, "fine.", voxel_size, source)
    return FineCloud(xyz, rgb, voxel_size)


def _weights(tensors: Mapping[str, Tensor], count: int, source: str) -> Tensor:
    weight = _column(tensors, "weight", torch.float32, (count,), source)
    if (weight <= 0).any():
        raise InputError(f"{source}: weight holds values that are not above 0; {_MEND}")
    return weight


def _has_features(tensors: Mapping[str, Tensor], slots: Mapping[str, Tensor], count: int, source: str) -> Tensor:
    """Return [n] bool; where a file does not say, a voxel with any feature that is not zero has some."""
    if "has_features" in tensors:
        return _column(tensors, "has_features", torch.uint8, (count,), source) > 0
    known = torch.zeros(count, dtype=torch.bool)
    for values in slots.values():
        known |= (values != 0).any(dim=1)
    return known


def _camera_pose(metadata: Mapping[str, str], source: str) -> Tensor | None:
    if "camera_pose" not in metadata:
        return None
    try:
        pose = torch.tensor(json.loads(metadata["camera_pose"]), dtype=torch.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"{source}: camera_pose is no matrix ({error}); {_MEND}") from error
    return require_rigid(pose, f"{source}: camera_pose")


def _column(
    tensors: Mapping[str, Tensor], name: str, dtype: torch.dtype, shape: tuple[int | None, ...], source: str
) -> Tensor:
    if name not in tensors:
        raise InputError(f"{source}: tensor {name} is missing; {_MEND}")
    _require_form(tensors[name], dtype, shape, f"{source}: {name}")
    return tensors[name]


def _require_form(tensor: Tensor, dtype: torch.dtype, shape: tuple[int | None, ...], source: str) -> None:
    """Raise InputError unless a tensor has this type and shape (None: any length) and is finite."""
    fits = tensor.ndim == len(shape) and all(want in (None, n) for want, n in zip(shape, tensor.shape, strict=True))
    if tensor.dtype != dtype or not fits:
        found = f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
        wanted = f"{str(dtype).removeprefix('torch.')} {[n if n is not None else 'N' for n in shape]}"
        raise InputError(f"{source} is {found}, not {wanted}; {_MEND}")
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        raise InputError(f"{source} holds nan or infinity; {_MEND}")


def _text(metadata: Mapping[str, str], key: str, source: str) -> str:
    if not metadata.get(key):
        raise InputError(f"{source}: {key} is missing; {_MEND}")
    return metadata[key]


def _number(metadata: Mapping[str, str], key: str, source: str) -> float:
    try:
        number = float(_text(metadata, key, source))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{source}: {key} = {metadata[key]!r} is not a finite number; {_MEND}")
    return number


def _positive(metadata: Mapping[str, str], key: str, source: str) -> float:
    number = _number(metadata, key, source)
    if number <= 0:
        raise InputError(f"{source}: {key} = {number} is not above 0; {_MEND}")
    return number


def slot_column(slot: str) -> str:
    """Return the name of a slot's column in map files."""
    return f"features.{slot}"


def projection_column(slot: str) -> str:
    """Return the name of a slot's projection in map files."""
    return f"projection.{slot}"

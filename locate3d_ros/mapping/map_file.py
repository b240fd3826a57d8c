"""Map files: one safetensors file, schema locate3d/map@1 (DESIGN 4.3). Nothing is ever unpickled.

Tensors: cells int32 [N, 3]; offset float16 [N, 3] (centroid minus cell middle, metres); rgb uint8 [N, 3];
weight float32 [N]; last_seen float64 [N]; has_features uint8 [N]; features.<slot> float16 [N, D], of a compressed
map [N, C] and projection.<slot> float32 [D, C] (mapping/compression.py) with their sha256 among the metadata;
fine.cells, fine.offset, fine.rgb of the finer grid; views.<i>.rgb and views.<i>.depth as PNG bytes.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.files import whole_file
from locate3d_ros.mapping.cells import cell_centers, cells_of_points, first_of_each, pack_cells
from locate3d_ros.mapping.compression import Projections, digest_of
from locate3d_ros.mapping.map_reader import (
    PROJECTION_DIGEST,
    SCHEMA,
    projection_column,
    read_any_snapshot,
    read_snapshot,
    slot_column,
)
from locate3d_ros.mapping.map_views import encode_views, views_header
from locate3d_ros.types import FeatureExtractor, MapSnapshot

_MAX_HEADER_BYTES = 100_000_000  # what safetensors itself allows


def save_map(snapshot: MapSnapshot, path: Path) -> None:
    """Write a map file: a temporary file beside it, synced, then renamed over it.

    Whatever happens, `path` holds the old file or the new one. Raises InputError where it cannot be written.
    """
    if not path.parent.is_dir():
        raise InputError(f"{path}: folder {path.parent} does not exist; create it or give another path")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file")
    with whole_file(path) as unfinished:
        try:
            save_file(map_tensors(snapshot), unfinished, map_metadata(snapshot))
        except SafetensorError as error:
            raise OSError(str(error)) from error  # the library's word for a full disk


def load_map(path: Path, extractor: FeatureExtractor) -> MapSnapshot:
    """Read a map file onto the CPU.

    Raises InputError where the file is missing, truncated, foreign, inconsistent, or of another extractor.
    """
    return read_snapshot(path, extractor)


def load_projections(path: Path, extractor: FeatureExtractor) -> Projections:
    """Return how a compressed map stores this extractor's features. Raises InputError as above, and for a whole map."""
    projections = load_map(path, extractor).projections
    if not projections:
        raise InputError(f"{path}: is not compressed; give a file of `locate3d compress`")
    return projections


def load_any_map(path: Path) -> MapSnapshot:
    """Read a map file onto the CPU, whatever its features come from: to look at, not to go on with. Errors as above."""
    return read_any_snapshot(path)


def is_map_file(path: Path) -> bool:
    """Return whether a file's header says that it is a map of any version; reads the header alone."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 2 <= size <= min(_MAX_HEADER_BYTES, path.stat().st_size - 8):
                return False
            metadata = json.loads(file.read(size)).get("__metadata__", {})
            return str(metadata.get("schema", "")).startswith("locate3d/map@")
    except (OSError, ValueError, AttributeError):
        return False


def map_tensors(snapshot: MapSnapshot) -> dict[str, Tensor]:
    """Return a map file's tensors, on the CPU."""
    fine = snapshot.fine
    fine_cells = cells_of_points(fine.xyz, fine.voxel_size)
    # Rounding to float32 can move a point of a very large map into the next cell.
    kept = first_of_each(pack_cells(fine_cells))
    tensors = {
        "cells": snapshot.cells,
        "offset": _offsets(snapshot.xyz, snapshot.cells, snapshot.voxel_size),
        "rgb": _bytes(snapshot.rgb),
        "weight": snapshot.weight,
        "last_seen": snapshot.last_seen,
        "has_features": snapshot.has_features.to(torch.uint8),
        "fine.cells": fine_cells[kept].to(torch.int32),
        "fine.offset": _offsets(fine.xyz[kept], fine_cells[kept], fine.voxel_size),
        "fine.rgb": _bytes(fine.rgb[kept]),
    }
    tensors |= {slot_column(name): features for name, features in snapshot.features.items()}
    tensors |= {projection_column(name): columns for name, columns in snapshot.projections.items()}
    tensors |= encode_views(snapshot.views)
    return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}


def map_metadata(snapshot: MapSnapshot) -> dict[str, str]:
    """Return a map file's metadata."""
    metadata = {
        "schema": SCHEMA,
        "frame_id": snapshot.frame_id,
        "voxel_size": repr(snapshot.voxel_size),
        "fine_voxel_size": repr(snapshot.fine.voxel_size),
        "revision": str(snapshot.revision),
        "stamp": repr(snapshot.stamp),
        "extractor": snapshot.extractor,
        "digest": snapshot.digest,
        "views": views_header(snapshot.views),
    }
    if snapshot.projections:
        metadata[PROJECTION_DIGEST] = digest_of(snapshot.projections)
    if snapshot.camera_pose is not None:
        metadata["camera_pose"] = json.dumps(snapshot.camera_pose.tolist())
    return metadata


def _offsets(xyz: Tensor, cells: Tensor, voxel_size: float) -> Tensor:
    """Return float16 offsets of points (n, 3) from the middles of their cells, strictly inside.

    All are multiples of the float16 spacing at the cell's border. Finer ones near the middle would not survive
    the float32 coordinates that a map is loaded into, and every save would move the points again.
    """
    half = torch.tensor(voxel_size / 2)
    step = 2.0 ** (torch.frexp(half).exponent.item() - 11)
    most = math.ceil(voxel_size / 2 / step) - 2
    offset = xyz.to(torch.float64) - cell_centers(cells, voxel_size)
    return (torch.round(offset / step).clamp(-most, most) * step).to(torch.float16)


def _bytes(rgb: Tensor) -> Tensor:
    return (rgb * 255.0).round().clamp(0, 255).to(torch.uint8)

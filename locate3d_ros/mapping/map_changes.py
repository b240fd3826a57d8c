"""The map for other processes: a map file's bytes, whole or as the blocks in which two states of it differ.

A change holds all voxels of every block of 8 x 8 x 8 cells in which anything differs, and names those blocks: a
named block without voxels is empty now. Thumbnails that the receiver has already are named, not sent again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.cells import pack_cells, unpack_cells
from locate3d_ros.mapping.compression import digest_of
from locate3d_ros.mapping.map_file import map_metadata, map_tensors
from locate3d_ros.mapping.map_reader import read_bytes, to_snapshot
from locate3d_ros.mapping.selecting import COLUMNS, fine_cells, is_among, select, select_fine, to_device
from locate3d_ros.types import FeatureExtractor, FineCloud, MapSnapshot, View

BLOCK_BITS = 3  # a block is 2 ** 3 cells wide
_COARSE, _FINE = "blocks", "fine.blocks"


@dataclass(frozen=True)
class MapChange:
    """What a message holds: a whole map, or what changed since `base_revision`."""

    map_id: str  # another one means another map, whatever the revisions say
    base_revision: int  # 0: whole
    snapshot: MapSnapshot  # whole, or the changed blocks alone
    blocks: Tensor  # [B, 3] int32, blocks of the feature voxels
    fine_blocks: Tensor  # [B, 3] int32, blocks of the finer grid
    views: tuple[tuple[float, str], ...]  # stamp and camera of each view of the map


def encode_map(snapshot: MapSnapshot, map_id: str) -> bytes:
    """Return a whole map as bytes."""
    return save(map_tensors(snapshot), map_metadata(snapshot) | _facts(snapshot, map_id, 0))


def encode_change(snapshot: MapSnapshot, base: MapSnapshot, map_id: str) -> bytes:
    """Return what has to be done to an earlier state of the same map to get this one, as bytes."""
    blocks, fine_blocks = _changed_blocks(snapshot, base), _changed_fine_blocks(snapshot.fine, base.fine)
    known = {id(view) for view in base.views}
    part = replace(
        select(snapshot, _inside(snapshot.cells, blocks)),
        fine=select_fine(snapshot.fine, _inside(fine_cells(snapshot.fine), fine_blocks)),
        views=tuple(view for view in snapshot.views if id(view) not in known),
    )
    tensors = map_tensors(part) | {_COARSE: blocks.cpu(), _FINE: fine_blocks.cpu()}
    return save(tensors, map_metadata(part) | _facts(snapshot, map_id, base.revision))


def decode(encoded: bytes, extractor: FeatureExtractor, source: str) -> MapChange:
    """Return what a message holds, on the CPU. Raises InputError, naming the source, where it cannot be used."""
    tensors, metadata = read_bytes(encoded, source)
    none = torch.empty((0, 3), dtype=torch.int32)
    blocks, fine_blocks = tensors.pop(_COARSE, none), tensors.pop(_FINE, none)
    if not all(each.dtype == torch.int32 and each.shape[1:] == (3,) for each in (blocks, fine_blocks)):
        raise InputError(f"{source}: the names of the changed blocks are damaged; send the whole map")
    try:
        base_revision = int(metadata["base_revision"])
        views = tuple((float(stamp), str(camera)) for stamp, camera in json.loads(metadata["view_names"]))
        map_id = metadata["map_id"]
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{source}: no map of a mapping node ({error!r}); send the whole map") from None
    snapshot = to_snapshot((tensors, metadata), extractor, source)
    return MapChange(map_id, base_revision, snapshot, blocks, fine_blocks, views)


def apply_change(base: MapSnapshot, change: MapChange) -> MapSnapshot:
    """Return the state that a change leads to from its base. Raises InputError where the base is another one."""
    same_form = _form(change.snapshot) == _form(base)
    if change.base_revision != base.revision or not same_form:
        raise InputError(f"a change of revision {change.base_revision}, the map is at {base.revision}; send it whole")
    part = to_device(change.snapshot, base.cells.device)
    kept = select(base, ~_inside(base.cells, change.blocks))
    kept_fine = select_fine(base.fine, ~_inside(fine_cells(base.fine), change.fine_blocks))
    views = {(view.stamp, view.camera): view for view in (*base.views, *part.views)}
    columns: dict[str, Any] = {name: torch.cat((getattr(kept, name), getattr(part, name))) for name in COLUMNS}
    features = {name: torch.cat((kept.features[name], part.features[name])) for name in part.features}
    fine = FineCloud(
        torch.cat((kept_fine.xyz, part.fine.xyz)), torch.cat((kept_fine.rgb, part.fine.rgb)), part.fine.voxel_size
    )
    here = tuple(views[name] for name in change.views if name in views)
    return replace(part, features=features, fine=fine, views=here, **columns)


def _form(snapshot: MapSnapshot) -> tuple[float, str]:
    return snapshot.voxel_size, digest_of(snapshot.projections)


def _facts(snapshot: MapSnapshot, map_id: str, base_revision: int) -> dict[str, str]:
    names = [_name(view) for view in snapshot.views]
    return {"map_id": map_id, "base_revision": str(base_revision), "view_names": json.dumps(names)}


def _name(view: View) -> tuple[float, str]:
    return view.stamp, view.camera


def _changed_blocks(snapshot: MapSnapshot, base: MapSnapshot) -> Tensor:
    """Features change only together with the weight or the time of the last look."""

    def equal(rows: Tensor, base_rows: Tensor) -> Tensor:
        same = (snapshot.xyz[rows] == base.xyz[base_rows]).all(dim=1)
        for name in ("weight", "last_seen", "has_features"):
            same &= getattr(snapshot, name)[rows] == getattr(base, name)[base_rows]
        return same

    return _blocks_that_differ(snapshot.cells, base.cells, equal)


def _changed_fine_blocks(fine: FineCloud, base: FineCloud) -> Tensor:
    def equal(rows: Tensor, base_rows: Tensor) -> Tensor:
        same: Tensor = (fine.xyz[rows] == base.xyz[base_rows]).all(dim=1)
        return same & (fine.rgb[rows] == base.rgb[base_rows]).all(dim=1)

    return _blocks_that_differ(fine_cells(fine), fine_cells(base), equal)


def _blocks_that_differ(cells: Tensor, base_cells: Tensor, equal: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Return the blocks [B, 3] of cells that only one state has, or whose rows are not `equal`."""
    keys, base_keys = pack_cells(cells), pack_cells(base_cells)
    ordered, order = torch.sort(base_keys)
    place = torch.searchsorted(ordered, keys).clamp_(max=max(len(ordered) - 1, 0))
    known = ordered[place] == keys if len(ordered) else torch.zeros_like(keys, dtype=torch.bool)
    rows = known.nonzero().squeeze(1)
    base_rows = order[place[rows]]
    same = torch.zeros_like(known)
    same[rows] = equal(rows, base_rows)
    is_gone = torch.ones(len(base_keys), dtype=torch.bool, device=base_keys.device)
    is_gone[base_rows] = False
    return _blocks(torch.cat((cells[~same], base_cells[is_gone])))


def _blocks(cells: Tensor) -> Tensor:
    return unpack_cells(torch.unique(pack_cells(cells >> BLOCK_BITS)))


def _inside(cells: Tensor, blocks: Tensor) -> Tensor:
    """Return [N] bool: the cell lies in one of the blocks [B, 3]."""
    return is_among(cells >> BLOCK_BITS, blocks)

"""The map after submaps have moved: only what they leave and where they arrive is merged anew, the rest stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from locate3d_ros.geometry.transforms import transform_points
from locate3d_ros.mapping.cells import cells_of_points
from locate3d_ros.mapping.merging import PlacedMap, merge_maps
from locate3d_ros.mapping.selecting import fine_cells, is_among, select, select_fine
from locate3d_ros.types import MapSnapshot


@dataclass(frozen=True)
class MovedMap:
    """A part of the map that moves."""

    before: PlacedMap
    T_map_part: Tensor  # [4, 4] float64: where it goes


@dataclass(frozen=True)
class _Cells:
    """Cells of both grids."""

    coarse: Tensor  # [N, 3]
    fine: Tensor  # [M, 3]


def remerge(live: MapSnapshot, still: Sequence[PlacedMap], moved: Sequence[MovedMap]) -> MapSnapshot:
    """Return the map with some of its parts moved; its views stay as they are.

    What the map has not got any more (it was seen through, cleared, or had to leave) is not brought back: a part's
    voxel counts where the map has a voxel in its cell.
    """
    here = _Cells(live.cells, fine_cells(live.fine))
    leaving = [_within(each.before, here) for each in moved]
    places = [_placed_cells(part) for part in leaving]
    left = _Cells(_joined([each.coarse for each in places]), _joined([each.fine for each in places]))
    shared = _Cells(here.coarse[is_among(here.coarse, left.coarse)], here.fine[is_among(here.fine, left.fine)])
    remaining = replace(
        select(live, ~is_among(live.cells, left.coarse)),
        fine=select_fine(live.fine, ~is_among(here.fine, left.fine)),
    )
    parts = [PlacedMap(remaining, torch.eye(4, dtype=torch.float64))]
    parts += [_within(part, shared) for part in still]
    parts += [PlacedMap(part.snapshot, each.T_map_part) for part, each in zip(leaving, moved, strict=True)]
    mended = merge_maps([part for part in parts if _has_any(part)] or parts[:1], live, 0)
    return replace(mended, views=live.views)


def _within(part: PlacedMap, cells: _Cells) -> PlacedMap:
    """Return what lies in some cells, views left out."""
    placed = _placed_cells(part)
    kept = select(part.snapshot, is_among(placed.coarse, cells.coarse))
    fine = select_fine(part.snapshot.fine, is_among(placed.fine, cells.fine))
    return PlacedMap(replace(kept, fine=fine, views=()), part.T_map_part)


def _placed_cells(part: PlacedMap) -> _Cells:
    snapshot, T = part.snapshot, part.T_map_part
    if part.is_in_place:
        return _Cells(snapshot.cells, fine_cells(snapshot.fine))
    coarse = cells_of_points(transform_points(T, snapshot.xyz.to(torch.float64)), snapshot.voxel_size)
    fine = transform_points(T, snapshot.fine.xyz.to(torch.float64))
    return _Cells(coarse, cells_of_points(fine, snapshot.fine.voxel_size))


def _joined(cells: Sequence[Tensor]) -> Tensor:
    return torch.cat([each.to(torch.int64) for each in cells])


def _has_any(part: PlacedMap) -> bool:
    return len(part.snapshot) > 0 or len(part.snapshot.fine.xyz) > 0

"""A model's instances on the whole map: those of overlapping tiles joined, best first, each with its role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from locate3d_ros.localization.fine_points import fine_points
from locate3d_ros.localization.grounding import Grounded, Named, named_instances, roles
from locate3d_ros.localization.query_types import Query
from locate3d_ros.types import Box, Instance, MapSnapshot, Role

MASK_THRESHOLD = 0.5
STRAY = 0.01  # share of a mask's points beyond each side of its box
SAME_MASK = 0.5  # IoU of two tiles' masks, where both tiles look, above which they are one instance


@dataclass(frozen=True)
class Found:
    """An instance of the model on the whole map."""

    named: Named
    mask: Tensor  # [N] bool over the snapshot
    seen: Tensor  # [N] bool: the voxels of its tile
    role: Role = Role.OTHER

    @property
    def score(self) -> float:
        """The model's confidence."""
        return self.named.instance.confidence


def found_in(grounded: Grounded, query: Query, rows: Tensor, snapshot: MapSnapshot) -> list[Found]:
    """Put the instances of one tile, whose voxels are `rows` of the map, on the map; those without a voxel go."""
    seen = torch.zeros(len(snapshot), dtype=torch.bool, device=rows.device)
    seen[rows] = True
    found = []
    for named in named_instances(grounded, query):
        mask = torch.zeros_like(seen)
        mask[rows] = (named.instance.mask > MASK_THRESHOLD).to(rows.device)
        if bool(mask.any()):
            found.append(Found(named, mask, seen))
    return found


def merged(per_tile: Sequence[Sequence[Found]]) -> list[Found]:
    """Join what several tiles found of one object and give the roles: targets first, then the surest."""
    kept: list[Found] = []
    for each in sorted((each for found in per_tile for each in found), key=lambda each: -each.named.head):
        twin = next((i for i, other in enumerate(kept) if _same(each, other)), None)
        if twin is None:
            kept.append(each)
        elif each.mask.sum() > kept[twin].mask.sum():
            # The object is cut at the other tile's border: its extent is this tile's.
            named = replace(kept[twin].named, instance=each.named.instance)
            kept[twin] = replace(each, named=named)
    given = [replace(each, role=role) for each, role in zip(kept, roles([k.named for k in kept]), strict=True)]
    return sorted(given, key=_order)


def instances_of(snapshot: MapSnapshot, found: Sequence[Found]) -> list[Instance]:
    """Give the instances their points; the boxes are the model's own, or those around the points."""
    instances = []
    for each in found:
        xyz, rgb = fine_points(snapshot, each.mask)
        corners = extent(xyz) if each.named.instance.box is None else each.named.instance.box
        x0, y0, z0, x1, y1, z1 = corners.tolist()
        box = Box((x0, y0, z0), (x1, y1, z1))
        instances.append(Instance(0, each.named.phrase, each.role, each.score, box, each.mask, xyz, rgb))
    return instances


def extent(xyz: Tensor) -> Tensor:
    """Return the corners (6,) of the box around points (n, 3), but for the stray ones beyond each side."""
    # A voxel at an object's border holds points of its neighbours: the chair's feet on a rug.
    return torch.cat((xyz.quantile(STRAY, dim=0), xyz.quantile(1 - STRAY, dim=0)))


def _order(each: Found) -> tuple[bool, float, float]:
    target = each.role is Role.TARGET
    return not target, -each.named.head if target else 0.0, -each.score


def _same(a: Found, b: Found) -> bool:
    """Compare masks of different tiles where both look; within a tile the model has separated its instances itself."""
    if a.seen is b.seen:
        return False
    both = a.seen & b.seen
    union = int(((a.mask | b.mask) & both).sum())
    return union > 0 and int((a.mask & b.mask).sum()) / union > SAME_MASK

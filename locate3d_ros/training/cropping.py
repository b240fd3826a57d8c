"""Parts of large scenes, around what the sentences are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.training.scene import Sample

LEAST_SEEN = 0.5  # of a target's voxels, for a sentence about it to be asked in a part


def cropped(sample: Sample, most: int, generator: torch.Generator) -> Sample:
    """Keep the voxels nearest to one of a target's (to a random one without targets), at most that many.

    Sentences stay where a target keeps at least half of its voxels, and where they are about absent things.
    """
    voxels = sample.voxels
    if len(voxels) <= most:
        return sample
    middle = voxels.xyz[_focus(sample, generator)]
    nearest = (voxels.xyz - middle).square().sum(dim=1).topk(most, largest=False).indices
    part = voxels.rows(nearest.sort().values)
    seen = _mostly_seen(voxels.object_ids, part.object_ids)
    kept = tuple(each for each in sample.expressions if _askable(each, seen))
    return replace(sample, voxels=part, boxes={k: v for k, v in sample.boxes.items() if k in seen}, expressions=kept)


def filled(sample: Sample, said: Sequence[GroundedExpression], most: int, generator: torch.Generator) -> Sample:
    """Add other sentences of the scene about things in its part, up to `most` in all: encoding it costs the same."""
    have = set(sample.expressions)
    seen = set(sample.boxes)
    others = [each for each in said if each.target_ids and each not in have and _askable(each, seen)]
    order = torch.randperm(len(others), generator=generator).tolist()
    more = tuple(others[place] for place in order[: max(0, most - len(have))])
    return replace(sample, expressions=sample.expressions + more)


def _focus(sample: Sample, generator: torch.Generator) -> int:
    ids = sample.voxels.object_ids
    targets = [number for each in sample.expressions for number in each.target_ids]
    rows = torch.nonzero(torch.isin(ids, torch.tensor(targets, dtype=ids.dtype)))[:, 0]
    if not len(rows):
        return int(torch.randint(len(ids), (1,), generator=generator))
    return int(rows[int(torch.randint(len(rows), (1,), generator=generator))])


def _mostly_seen(whole: Tensor, part: Tensor) -> set[int]:
    """Return the objects that keep at least `LEAST_SEEN` of their voxels."""
    length = int(whole.max()) + 1
    before, after = (torch.bincount(ids.long(), minlength=length) for ids in (whole, part))
    return set(torch.nonzero((before > 0) & (after >= LEAST_SEEN * before))[:, 0].tolist()) - {0}


def _askable(expression: GroundedExpression, seen: set[int]) -> bool:
    return not expression.target_ids or not seen.isdisjoint(expression.target_ids)

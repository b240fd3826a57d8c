"""Features in fewer channels: a linear projection per slot, fitted on a map's own features and kept with the map.

It has no offset, because pixels without a token count as zero in a voxel's mean and zero has to stay zero. So the mean
of projected tokens is the projected mean, and frames go into a compressed map as they go into a whole one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.types import MapSnapshot, Slot, TokenTable

Projections = Mapping[str, Tensor]
"""Slot name -> [D, C] float32 with orthonormal columns, as in `MapSnapshot.projections`; a slot not named is whole."""

_CHUNK = 8192  # voxels whose features are widened to float64 at a time


def fit_projections(snapshot: MapSnapshot, factor: int) -> dict[str, Tensor]:
    """Return, for each slot, the columns [D, D // factor] that lose least of the map's features, the largest first.

    Raises InputError where the map has no features, or is compressed already.
    """
    if snapshot.projections:
        raise InputError("the map is compressed already; give the map as it was built")
    if not bool(snapshot.has_features.any()):
        raise InputError("the map has no features to fit a projection on; give one that was built from keyframes")
    rows = snapshot.has_features
    return {name: _principal(values[rows], factor) for name, values in snapshot.features.items()}


def compressed(snapshot: MapSnapshot, projections: Projections) -> MapSnapshot:
    """Return a whole map with its features projected. Raises InputError where the projections are of other slots."""
    widths = {name: values.shape[1] for name, values in snapshot.features.items()}
    if snapshot.projections or widths != {name: len(columns) for name, columns in projections.items()}:
        raise InputError(f"the projections are of other features than the map's {widths}; fit them on this map")
    features = {}
    for name, values in snapshot.features.items():
        columns = projections[name].to(values.device)
        parts = [(part.float() @ columns).to(torch.float16) for part in torch.split(values, _CHUNK)]
        features[name] = torch.cat(parts)
    return replace(snapshot, features=features, projections=projections)


def alike(snapshot: MapSnapshot, projections: Projections) -> MapSnapshot:
    """Return a map as one with these projections stores it, to be merged into that. Raises InputError if it cannot."""
    if digest_of(snapshot.projections) == digest_of(projections):
        return snapshot
    if snapshot.projections:
        raise InputError(
            "its features are compressed in another way than the running map's; "
            "compress both with the same projection (locate3d compress --like)"
        )
    return compressed(snapshot, projections)


def kept_share(features: Tensor, stored: Tensor) -> float:
    """Return the share of the squared length of features [N, D] that is left in what is stored of them [N, C]."""
    return float(stored.float().square().sum() / features.float().square().sum().clamp(min=1e-12))


def projected(tables: Sequence[TokenTable], projections: Projections) -> tuple[TokenTable, ...]:
    """Return a frame's token tables as the map stores them."""
    return tuple(
        replace(table, tokens=table.tokens @ projections[table.name].to(table.tokens))
        if table.name in projections
        else table
        for table in tables
    )


def stored_slots(slots: Sequence[Slot], projections: Projections) -> tuple[Slot, ...]:
    """Return the slots with the widths that are stored."""
    return tuple(Slot(name, projections[name].shape[1] if name in projections else width) for name, width in slots)


def whole_widths(stored: Mapping[str, int], projections: Projections) -> dict[str, int]:
    """Return the widths of the features that stored ones stand for."""
    return {name: len(projections[name]) if name in projections else width for name, width in stored.items()}


def digest_of(projections: Projections) -> str:
    """Return the sha256 over the projections; empty where there are none."""
    digest = hashlib.sha256()
    for name in sorted(projections):
        digest.update(f"{name} {list(projections[name].shape)}\n".encode())
        digest.update(projections[name].cpu().contiguous().numpy().tobytes())
    return digest.hexdigest() if projections else ""


def _principal(features: Tensor, factor: int) -> Tensor:
    """Return the principal axes about zero [D, C] float32 of features [n, D], each with its largest entry positive."""
    spread = torch.zeros(2 * features.shape[1:], dtype=torch.float64, device=features.device)
    for part in torch.split(features, _CHUNK):
        spread += part.double().T @ part.double()
    width = max(1, features.shape[1] // factor)
    axes = torch.linalg.eigh(spread)[1].flip(1)[:, :width]
    largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))
    signed: Tensor = axes * largest.sign()
    return signed.float().contiguous()

"""What the map refuses: frames, features and other maps that do not fit, each with one line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import require_rigid
from locate3d_ros.types import FeatureExtractor, Frame, FrameFeatures, Intrinsics, Slot, TokenTable


def require_frame(frame: Frame) -> Tensor:
    """Return the frame's pose (4, 4) float64 on the CPU if its parts fit together. Raises InputError otherwise."""
    where = f"camera {frame.camera}, stamp {frame.stamp}"
    if not math.isfinite(frame.stamp):
        raise InputError(f"{where}: stamp is not finite; give seconds")
    if frame.rgb.dtype != torch.uint8 or frame.rgb.ndim != 3 or frame.rgb.shape[2] != 3:
        raise InputError(f"{where}: rgb is {_form(frame.rgb)}; give [H, W, 3] uint8")
    if not frame.depth.is_floating_point() or frame.depth.ndim != 2:
        raise InputError(f"{where}: depth is {_form(frame.depth)}; give [h, w] float32 metres")
    _require_size(frame.rgb, frame.intrinsics, f"{where}: rgb")
    _require_size(frame.depth, frame.depth_intrinsics or frame.intrinsics, f"{where}: depth")
    return require_rigid(frame.T_map_camera.cpu(), where)


def require_features(features: FrameFeatures, frame: Frame, slots: tuple[Slot, ...]) -> tuple[TokenTable, ...]:
    """Return the tables of the slots, in their order, if their forms fit the frame. Raises InputError otherwise."""
    tables = {table.name: table for table in features.slots}
    if set(tables) != {slot.name for slot in slots}:
        raise InputError(f"features of slots {sorted(tables)}; the map holds {[slot.name for slot in slots]}")
    for slot in slots:
        _require_table(tables[slot.name], slot, frame)
    return tuple(tables[slot.name] for slot in slots)


def contents(tables: tuple[TokenTable, ...], device: torch.device) -> Tensor:
    """Return [2 * slots] int64: the largest index of each table, and whether its numbers are finite."""
    found = [torch.empty(0, dtype=torch.int64, device=device)]
    for table in tables:
        finite = torch.isfinite(table.tokens).all() & torch.isfinite(table.weight).all()
        found.append(torch.stack((table.index.max().to(torch.int64), finite.to(torch.int64))).to(device))
    return torch.cat(found)


def require_contents(tables: tuple[TokenTable, ...], found: Sequence[int]) -> None:
    """Raise InputError unless what `contents` found, as the host has read it, is usable."""
    for table, largest, finite in zip(tables, found[::2], found[1::2], strict=True):
        source = f"features of slot {table.name}"
        if largest >= len(table.tokens):
            raise InputError(f"{source}: index {largest} of {len(table.tokens)} tokens; give -1 for none")
        if not finite:
            raise InputError(f"{source}: nan or infinity; give finite tokens and weights")


def require_extractor(
    name: str, digest: str, widths: Mapping[str, int], extractor: FeatureExtractor, source: str
) -> None:
    """Raise InputError unless a map's features come from this extractor, bit for bit."""
    if name != extractor.name:
        raise InputError(f"{source}: map of extractor {name!r}, here runs {extractor.name!r}; choose that backend")
    if digest != extractor.digest:
        raise InputError(
            f"{source}: map of other {name} weights ({digest[:12]}…, here {extractor.digest[:12]}…); "
            "use the same weights or build the map again"
        )
    if dict(widths) != dict(extractor.slots):
        raise InputError(f"{source}: slots {dict(widths)}, here {dict(extractor.slots)}; build the map again")


def _require_table(table: TokenTable, slot: Slot, frame: Frame) -> None:
    source, size = f"features of slot {slot.name}", frame.rgb.shape[:2]
    if table.tokens.ndim != 2 or table.tokens.shape[1] != slot.width:
        raise InputError(f"{source}: tokens are {_form(table.tokens)}; give [T, {slot.width}] float32")
    fits = table.index.ndim == 3 and table.index.shape[:2] == size and table.index.shape[2] > 0
    if not fits or table.weight.shape != table.index.shape:
        raise InputError(
            f"{source}: index {_form(table.index)}, weight {_form(table.weight)} do not match the frame's rgb; "
            f"give [{size[0]}, {size[1]}, K] for both"
        )


def _require_size(image: Tensor, intrinsics: Intrinsics, source: str) -> None:
    if image.shape[:2] != (intrinsics.height, intrinsics.width):
        raise InputError(
            f"{source} is {image.shape[1]}x{image.shape[0]} but its camera {intrinsics.width}x{intrinsics.height}; "
            "give the intrinsics of this image"
        )


def _form(tensor: Tensor) -> str:
    return f"{list(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"

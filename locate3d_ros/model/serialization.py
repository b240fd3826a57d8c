"""Space-filling-curve orders of integer cells: z-order, Hilbert and their transposes. Source: MODEL_SPEC §3."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MAX_DEPTH = 16  # bits per axis: three axes then fit an int64 code
# Shifts and masks that move bit i of a 16-bit number to bit 3i, halving the groups that stay together.
SPREADING = ((16, 0xFF0000FF), (8, 0xF00F00F00F), (4, 0xC30C30C30C3), (2, 0x249249249249))


def bit_depth(cells: Tensor) -> int:
    """Return the bits per axis that cells (n, 3), all >= 0, need. Raises ValueError beyond 16 bits."""
    largest = int(cells.max()) if cells.numel() else 0
    depth = largest.bit_length()
    if depth > MAX_DEPTH:
        raise ValueError(f"cells reach {largest}: more than {MAX_DEPTH} bits per axis")
    return depth


def curve_codes(cells: Tensor, orders: Sequence[str], depth: int) -> Tensor:
    """Return the int64 codes (orders, n) of cells (n, 3) along the named curves with `depth` bits per axis.

    Orders of one curve are computed together: on a GPU each operation costs its launch, however small it is.
    """
    x, y, z = cells.to(torch.int64).unbind(dim=1)
    codes = torch.empty(len(orders), len(cells), dtype=torch.int64, device=cells.device)
    for curve in ("z", "hilbert"):
        rows = [row for row, order in enumerate(orders) if order.split("-")[0] == curve]
        if not rows:
            continue
        first, second = (
            torch.stack([pair[orders[row].endswith("-trans")] for row in rows]) for pair in ((x, y), (y, x))
        )
        axes = (first, second, z.expand_as(first))
        computed = _interleave(axes) if curve == "z" else _hilbert(axes, depth)
        for row, code in zip(rows, computed, strict=True):
            codes[row] = code
    return codes


def _interleave(axes: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Bit i of the first axis goes to bit 3i+2, of the second to 3i+1, of the third to 3i."""
    spread = torch.stack(axes)
    for shift, kept in SPREADING:
        spread = (spread | spread << shift) & kept
    return spread[0] << 2 | spread[1] << 1 | spread[2]


def _hilbert(axes: tuple[Tensor, Tensor, Tensor], depth: int) -> Tensor:
    """Skilling's transform to a Gray-coded word, then to binary by prefix XOR."""
    coordinates = list(axes)
    for bit in reversed(range(depth)):
        lower = (1 << bit) - 1
        for a in range(3):
            is_set = ((coordinates[a] >> bit) & 1).bool()
            exchanged = torch.where(is_set, lower, (coordinates[0] ^ coordinates[a]) & lower)
            if a > 0:
                coordinates[a] = torch.where(is_set, coordinates[a], coordinates[a] ^ exchanged)
                coordinates[0] = coordinates[0] ^ exchanged
            else:
                coordinates[0] = torch.where(is_set, coordinates[0] ^ lower, coordinates[0])
    code = _interleave((coordinates[0], coordinates[1], coordinates[2]))
    for shift in (1, 2, 4, 8, 16, 32):
        code ^= code >> shift
    return code


def invert_permutation(order: Tensor) -> Tensor:
    """Return the inverse of a permutation (..., n) of 0 … n-1 along its last axis."""
    inverse = torch.empty_like(order)
    positions = torch.arange(order.shape[-1], device=order.device).expand_as(order)
    return inverse.scatter_(-1, order, positions)


def window_positions(n: int, patch_size: int, device: torch.device | str = "cpu") -> Tensor:
    """Return which sorted entry stands at each position of the windows (n_pad,), MODEL_SPEC §5 and §16.2.

    With n > patch_size the last window is filled with the entries one window earlier at the same place.
    """
    positions = torch.arange(n, device=device)
    missing = -n % patch_size
    if n <= patch_size or missing == 0:
        return positions
    return torch.cat((positions, torch.arange(n, n + missing, device=device) - patch_size))

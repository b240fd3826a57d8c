"""Space-filling-curve orders of integer cells: z-order, Hilbert and their transposes. Source: MODEL_SPEC §3."""

from __future__ import annotations

import torch
from torch import Tensor

MAX_DEPTH = 16  # bits per axis: three axes then fit an int64 code


def bit_depth(cells: Tensor) -> int:
    """Return the bits per axis that cells (n, 3), all >= 0, need. Raises ValueError beyond 16 bits."""
    largest = int(cells.max()) if cells.numel() else 0
    depth = largest.bit_length()
    if depth > MAX_DEPTH:
        raise ValueError(f"cells reach {largest}: more than {MAX_DEPTH} bits per axis")
    return depth


def curve_codes(cells: Tensor, order: str, depth: int) -> Tensor:
    """Return the int64 code (n,) of each cell (n, 3) along the named curve with `depth` bits per axis."""
    x, y, z = cells.to(torch.int64).unbind(dim=1)
    axes = (y, x, z) if order.endswith("-trans") else (x, y, z)
    return _interleave(axes, depth) if order.startswith("z") else _hilbert(axes, depth)


def _interleave(axes: tuple[Tensor, Tensor, Tensor], depth: int) -> Tensor:
    """Bit i of the first axis goes to bit 3i+2, of the second to 3i+1, of the third to 3i."""
    code = torch.zeros_like(axes[0])
    for bit in range(depth):
        for place, axis in enumerate(axes):
            code |= ((axis >> bit) & 1) << (3 * bit + 2 - place)
    return code


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
    code = _interleave((coordinates[0], coordinates[1], coordinates[2]), depth)
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

"""Row-wise computations in pieces: what a piece needs in between stays in the cache, and memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# A CPU core's cache holds some megabytes: a thousand rows of a few thousand channels. A GPU wants all the rows that
# its memory allows; this many keep the widest activation of 200,000 voxels below a gigabyte.
PIECE_ROWS = {"cpu": 1024}
PIECE_ROWS_ELSEWHERE = 65_536


def in_pieces(function: Callable[..., Tensor], *tensors: Tensor, multiple: int = 1) -> Tensor:
    """Apply a row-wise function to tensors (n, ...) some rows at a time -> (n, ...).

    `multiple`: rows that belong together, such as a window's; n is a multiple of it.
    """
    rows = PIECE_ROWS.get(tensors[0].device.type, PIECE_ROWS_ELSEWHERE)
    size = multiple * max(1, rows // multiple)
    if len(tensors[0]) <= size:
        return function(*tensors)
    return torch.cat([function(*piece) for piece in zip(*(torch.split(t, size) for t in tensors), strict=True)])

"""Object ids across data sets: ours count from 1, because 0 is "no object" in instance images."""

from __future__ import annotations

from typing import Literal

DataSet = Literal["scannet", "scannetpp", "arkitscenes"]

_LAST = 65535  # of a 16-bit instance image
_FIRST: dict[DataSet, int] = {"scannet": 0, "scannetpp": 1, "arkitscenes": 0}


def object_id(data_set: DataSet, number: int) -> int:
    """Return our id of a data set's own number. Raises ValueError where it has no such number, or 16 bits do not."""
    if not _FIRST[data_set] <= number < _LAST:
        raise ValueError(f"object {number}: ids of {data_set} go from {_FIRST[data_set]} to {_LAST - 1}")
    return number + 1 - _FIRST[data_set]

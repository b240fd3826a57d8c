"""Poses between samples in time, and stamps that belong together."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left

from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import matrix_from_quaternion

_Quaternion = tuple[float, float, float, float]  # x, y, z, w


class PoseTrack:
    """One moving transform: samples in time, interpolated between, never extrapolated."""

    def __init__(self, max_gap: float) -> None:
        """Take the time between two samples, seconds, above which nothing is known between them."""
        self._max_gap = max_gap
        self._stamps = array("d")
        self._values = array("d")  # 7 per sample: x y z, quaternion x y z w
        self._last = -math.inf

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._stamps)

    def add(self, stamp: float, translation: tuple[float, float, float], xyzw: _Quaternion) -> None:
        """Add a sample, in seconds and metres; of two with the same stamp the later wins.

        Raises InputError where a number is not finite or the quaternion has no length.
        """
        matrix_from_quaternion(translation, xyzw)
        at = len(self._stamps) if stamp > self._last else bisect_left(self._stamps, stamp)
        if at < len(self._stamps) and self._stamps[at] == stamp:
            self._values[7 * at : 7 * at + 7] = array("d", (*translation, *xyzw))
            return
        self._stamps.insert(at, stamp)
        self._values[7 * at : 7 * at] = array("d", (*translation, *xyzw))
        self._last = max(self._last, stamp)

    def at(self, stamp: float) -> Tensor:
        """Return the transform [4, 4] float64 at a time. Raises InputError where it is not known then."""
        i = bisect_left(self._stamps, stamp)
        if i < len(self._stamps) and self._stamps[i] == stamp:
            return matrix_from_quaternion(*self._sample(i))
        if i == 0 or i == len(self._stamps):
            raise InputError(f"no pose at {stamp:.3f} s ({self._span()})")
        gap = self._stamps[i] - self._stamps[i - 1]
        if gap > self._max_gap:
            raise InputError(f"no pose at {stamp:.3f} s (gap of {gap:.2f} s; at most {self._max_gap:g} s are bridged)")
        (xyz_0, q_0), (xyz_1, q_1) = self._sample(i - 1), self._sample(i)
        share = (stamp - self._stamps[i - 1]) / gap
        x, y, z = (a + share * (b - a) for a, b in zip(xyz_0, xyz_1, strict=True))
        return matrix_from_quaternion((x, y, z), slerp(q_0, q_1, share))

    def _sample(self, i: int) -> tuple[tuple[float, float, float], _Quaternion]:
        x, y, z, qx, qy, qz, qw = self._values[7 * i : 7 * i + 7]
        return (x, y, z), (qx, qy, qz, qw)

    def _span(self) -> str:
        if not self._stamps:
            return "there are no samples"
        return f"known from {self._stamps[0]:.3f} to {self._stamps[-1]:.3f} s"


def slerp(a: _Quaternion, b: _Quaternion, share: float) -> _Quaternion:
    """Turn from rotation a to b by a share in [0, 1], on the shorter arc; inputs of any length above 0."""
    unit_a, unit_b = _unit(a), _unit(b)
    cosine = sum(p * q for p, q in zip(unit_a, unit_b, strict=True))
    if cosine < 0:
        cosine, unit_b = -cosine, (-unit_b[0], -unit_b[1], -unit_b[2], -unit_b[3])
    angle = math.acos(min(1.0, cosine))
    # Below a thousandth of a radian sin(angle) loses digits, and the chord is the arc to 1e-7.
    if angle < 1e-3:
        weight_a, weight_b = 1 - share, share
    else:
        weight_a = math.sin((1 - share) * angle) / math.sin(angle)
        weight_b = math.sin(share * angle) / math.sin(angle)
    x, y, z, w = (weight_a * p + weight_b * q for p, q in zip(unit_a, unit_b, strict=True))
    return _unit((x, y, z, w))


def associate(a: list[float], b: list[float], max_difference: float) -> dict[int, int]:
    """Pair the stamps of two sorted lists one to one, nearest pairs first -> {index in a: index in b}."""
    candidates = []
    for i, stamp in enumerate(a):
        j = bisect_left(b, stamp - max_difference)
        while j < len(b) and b[j] <= stamp + max_difference:
            candidates.append((abs(stamp - b[j]), i, j))
            j += 1
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(candidates):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return dict(sorted(pairs.items()))


def _unit(q: _Quaternion) -> _Quaternion:
    norm = math.sqrt(sum(v * v for v in q))
    return (q[0] / norm, q[1] / norm, q[2] / norm, q[3] / norm)

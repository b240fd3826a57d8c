"""A history of transforms with the contract of tf2: stamped look-up, interpolation, named failure. No ROS here."""

from __future__ import annotations

import bisect
import math
import threading
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import invert_transform, matrix_from_quaternion

HISTORY = 10_000_000_000
"""Nanoseconds of transforms that are kept, as tf2 does."""
MAX_SAMPLES = 10_000
MAX_FRAMES = 1_000


class TransformUnavailableError(LookupError):
    """No transform: one line that names both frames, the stamp and what is known."""


@dataclass(frozen=True)
class StampedTransform:
    """A transform and the time at which it held."""

    T_target_source: Tensor  # [4, 4] float64
    stamp: int | None  # nanoseconds; None: it always holds


@dataclass(frozen=True)
class Sample:
    """The pose of a frame in its parent."""

    translation: NDArray[np.float64]  # [3] metres
    xyzw: NDArray[np.float64]  # [4] unit quaternion


@dataclass
class Edge:
    """A frame's parent and the history of its pose in it."""

    parent: str
    is_static: bool
    stamps: list[int] = field(default_factory=list)  # ascending
    samples: list[Sample] = field(default_factory=list)

    def insert(self, stamp: int, sample: Sample) -> None:
        """Add a sample; what is older than the history goes. A jump back beyond the history starts anew."""
        if self.is_static or (self.stamps and stamp < self.stamps[-1] - HISTORY):
            self.stamps.clear()
            self.samples.clear()
        index = bisect.bisect_left(self.stamps, stamp)
        if index < len(self.stamps) and self.stamps[index] == stamp:
            self.samples[index] = sample
        else:
            self.stamps.insert(index, stamp)
            self.samples.insert(index, sample)
        expired = max(bisect.bisect_left(self.stamps, self.stamps[-1] - HISTORY), len(self.stamps) - MAX_SAMPLES)
        if expired > 0:
            del self.stamps[:expired], self.samples[:expired]

    def covers(self, stamp: int) -> bool:
        """Tell whether the pose at a stamp lies within the history."""
        return self.is_static or self.stamps[0] <= stamp <= self.stamps[-1]

    def at(self, stamp: int) -> Tensor:
        """Return T_parent_child at a stamp that the history covers."""
        if self.is_static:
            return _matrix(self.samples[-1])
        index = bisect.bisect_left(self.stamps, stamp)
        if self.stamps[index] == stamp:
            return _matrix(self.samples[index])
        before, after = self.stamps[index - 1], self.stamps[index]
        share = (stamp - before) / (after - before)
        return _matrix(interpolate(self.samples[index - 1], self.samples[index], share))


class TransformBuffer:
    """Keeps ten seconds of every frame's pose in its parent. Safe for threads."""

    def __init__(self) -> None:
        """Start without frames."""
        self._edges: dict[str, Edge] = {}
        self._lock = threading.Lock()

    def add(self, parent: str, child: str, stamp: int, sample: Sample, is_static: bool) -> None:
        """Take the pose of `child` in `parent` at `stamp` (nanoseconds).

        Raises InputError, and keeps what it has, where it is not finite, names no frames or would close a loop.
        """
        name = f"transform {parent!r} <- {child!r}"
        sample = _checked(name, sample)
        with self._lock:
            if not parent or not child or child in self._path(parent):
                raise InputError(f"{name}: empty name, or a loop of frames; publish a tree")
            if child not in self._edges and len(self._edges) >= MAX_FRAMES:
                raise InputError(f"{name}: more than {MAX_FRAMES} frames; publish fewer")
            edge = self._edges.get(child)
            if edge is None or edge.parent != parent or edge.is_static != is_static:
                edge = self._edges[child] = Edge(parent, is_static)
            edge.insert(stamp, sample)

    def clear(self) -> None:
        """Forget all poses that change; time has jumped back."""
        with self._lock:
            self._edges = {child: edge for child, edge in self._edges.items() if edge.is_static}

    def lookup(self, target: str, source: str, stamp: int | None) -> StampedTransform:
        """Return T_target_source at a stamp in nanoseconds, or the newest (None).

        Raises TransformUnavailableError, never assumes identity between two frames.
        """
        with self._lock:
            up_source, up_target = self._path(source), self._path(target)
            common = next((frame for frame in up_source if frame in up_target), None)
            # A frame that nobody ever published is not known to be anywhere, not even relative to itself.
            if common is None or (source not in self._edges and not self._is_parent(source)):
                raise TransformUnavailableError(self._unconnected(target, source))
            below_source = up_source[: up_source.index(common)]
            below_target = up_target[: up_target.index(common)]
            at = self._common_stamp(below_source + below_target) if stamp is None else stamp
            if at is not None:
                self._require_covered(target, source, at, below_source + below_target)
            T_common_source = self._chain(below_source, at)
            T_common_target = self._chain(below_target, at)
        return StampedTransform(invert_transform(T_common_target) @ T_common_source, at)

    def _path(self, frame: str) -> list[str]:
        path = [frame]
        while path[-1] in self._edges:
            path.append(self._edges[path[-1]].parent)
        return path

    def _is_parent(self, frame: str) -> bool:
        return any(edge.parent == frame for edge in self._edges.values())

    def _common_stamp(self, frames: list[str]) -> int | None:
        moving = [self._edges[frame] for frame in frames if not self._edges[frame].is_static]
        return min((edge.stamps[-1] for edge in moving), default=None)

    def _require_covered(self, target: str, source: str, stamp: int, frames: list[str]) -> None:
        for frame in frames:
            edge = self._edges[frame]
            if not edge.covers(stamp):
                first, last = edge.stamps[0] / 1e9, edge.stamps[-1] / 1e9
                raise TransformUnavailableError(
                    f"no transform {target} <- {source} at {stamp / 1e9:.3f}: "
                    f"{edge.parent} <- {frame} is known from {first:.3f} to {last:.3f}"
                )

    def _chain(self, frames: list[str], stamp: int | None) -> Tensor:
        T = torch.eye(4, dtype=torch.float64)
        for frame in frames:
            edge = self._edges[frame]
            T = edge.at(edge.stamps[-1] if stamp is None else stamp) @ T
        return T

    def _unconnected(self, target: str, source: str) -> str:
        known = sorted({*self._edges, *(edge.parent for edge in self._edges.values())})
        missing = [frame for frame in (target, source) if frame not in known]
        reason = f"nobody publishes {' or '.join(missing)}" if missing else "they are not connected"
        shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        return f"no transform {target} <- {source}: {reason}; known frames: {shown or 'none'}"


def interpolate(before: Sample, after: Sample, share: float) -> Sample:
    """Return the pose between two, `share` in [0, 1]: linear translation, shortest rotation at even speed (slerp)."""
    translation = before.translation + share * (after.translation - before.translation)
    cosine = float(before.xyzw @ after.xyzw)
    end = after.xyzw if cosine >= 0 else -after.xyzw
    angle = math.acos(min(1.0, abs(cosine)))
    if angle < 1e-6:
        xyzw = before.xyzw + share * (end - before.xyzw)
    else:
        first, second = math.sin((1 - share) * angle), math.sin(share * angle)
        xyzw = (first * before.xyzw + second * end) / math.sin(angle)
    return Sample(translation, xyzw / np.linalg.norm(xyzw))


def _checked(name: str, sample: Sample) -> Sample:
    norm = float(np.linalg.norm(sample.xyzw))
    if not (np.isfinite(sample.translation).all() and math.isfinite(norm) and norm > 1e-6):
        raise InputError(f"{name}: holds nan, infinity or a quaternion without length; publish a unit quaternion")
    return Sample(sample.translation, sample.xyzw / norm)


def _matrix(sample: Sample) -> Tensor:
    (x, y, z), (qx, qy, qz, qw) = sample.translation.tolist(), sample.xyzw.tolist()
    return matrix_from_quaternion((x, y, z), (qx, qy, qz, qw))

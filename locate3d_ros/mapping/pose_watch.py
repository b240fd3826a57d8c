"""What SLAM thinks of the past now: jumps of its correction, and the robot's way as it was when it was mapped."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from locate3d_ros.geometry.transforms import (
    fraction_of_transform,
    invert_transform,
    rotation_angle,
    transform_points,
)
from locate3d_ros.mapping.submaps import BASE, Submap

WINDOW = 1.0
"""Seconds in which a change of the correction counts as one jump; what comes slower, frames have followed."""
NEAR = 0.15
"""Seconds between a pose and the recorded way at most."""
STEP = 0.1
"""Seconds between two recorded poses at least."""
MAX_POSES = 36_000
"""An hour of them."""
LEAST_MOVE = (0.005, 0.002)
"""Metres, radians: a submap that is to move by less stays."""


@dataclass(frozen=True)
class JumpLimits:
    """Which changes of map <- odom mean something; metres and radians at the robot."""

    translation: float
    rotation: float
    reset: float  # metres: a larger one means that the map frame is another one
    reset_rotation: float = 1.0


class JumpKind(Enum):
    """What a change means."""

    NONE = "none"
    CORRECTION = "correction"
    RESET = "reset"


@dataclass(frozen=True)
class Jump:
    """A change of the correction."""

    kind: JumpKind
    T_new_old: Tensor  # [4, 4] float64: the newest pose was wrong by this
    distance: float  # metres at the robot


class JumpWatch:
    """Compares map <- odom with itself a second ago. After a reset it waits for the old map frame to come back."""

    def __init__(self, limits: JumpLimits) -> None:
        """Nothing is known yet."""
        self._limits = limits
        self._recent: deque[tuple[float, Tensor]] = deque()
        self._lost: Tensor | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the map frame is another one than the map's."""
        return self._lost is not None

    def forget(self) -> None:
        """Start anew: the map has been replaced."""
        self._recent.clear()
        self._lost = None

    def look(self, stamp: float, T_map_odom: Tensor, position: Tensor) -> Jump:
        """Judge the newest correction T_map_odom (4, 4) at `stamp` seconds; position (3,) is the robot's in the map."""
        if self._recent and stamp < self._recent[-1][0] - WINDOW:
            self._recent.clear()  # time was set back
        while self._recent and stamp - self._recent[0][0] > WINDOW and len(self._recent) > 1:
            self._recent.popleft()
        before = self._lost if self._lost is not None else self._recent[0][1] if self._recent else T_map_odom
        self._recent.append((stamp, T_map_odom))
        jump = self._judged(T_map_odom @ invert_transform(before), position)
        if jump.kind is JumpKind.RESET:
            self._lost = before
        elif self._lost is not None or jump.kind is JumpKind.CORRECTION:
            self._lost = None
            self._recent = deque([(stamp, T_map_odom)])
        return jump

    def _judged(self, T_new_old: Tensor, position: Tensor) -> Jump:
        old = transform_points(invert_transform(T_new_old), position[None])[0]
        distance, angle = float(torch.linalg.vector_norm(position - old)), rotation_angle(T_new_old)
        limits, kind = self._limits, JumpKind.NONE
        if distance > limits.reset or angle > limits.reset_rotation:
            kind = JumpKind.RESET
        elif distance > limits.translation or angle > limits.rotation:
            kind = JumpKind.CORRECTION
        return Jump(kind, T_new_old, distance)


class PoseHistory:
    """The robot's poses as they were when frames were mapped."""

    def __init__(self) -> None:
        """Start empty."""
        self._poses: deque[tuple[float, Tensor]] = deque(maxlen=MAX_POSES)

    def note(self, stamp: float, T_map_base: Tensor) -> None:
        """Record a pose; of poses in quick succession one is enough, and time that was set back starts anew."""
        if self._poses and stamp < self._poses[-1][0] - WINDOW:
            self._poses.clear()
        if not self._poses or stamp - self._poses[-1][0] >= STEP:
            self._poses.append((stamp, T_map_base))

    def clear(self) -> None:
        """Forget everything."""
        self._poses.clear()

    def at(self, stamps: Sequence[float]) -> list[Tensor | None]:
        """Return the pose (4, 4) at each time, between the recorded ones; None where none is near."""
        known = np.array([stamp for stamp, _ in self._poses])
        return [self._at(stamp, known) for stamp in stamps]

    def _at(self, stamp: float, known: np.ndarray) -> Tensor | None:  # type: ignore[type-arg]
        after = int(np.searchsorted(known, stamp))
        if 0 < after < len(known) and known[after] - known[after - 1] <= 2 * NEAR:
            share = (stamp - known[after - 1]) / (known[after] - known[after - 1])
            before = self._poses[after - 1][1]
            return before @ fraction_of_transform(invert_transform(before) @ self._poses[after][1], float(share))
        near = [place for place in (after - 1, after) if 0 <= place < len(known)]
        best = min(near, key=lambda place: abs(float(known[place]) - stamp), default=None)
        return self._poses[best][1] if best is not None and abs(float(known[best]) - stamp) <= NEAR else None


def places_on_path(
    submaps: Sequence[Submap], history: PoseHistory, path: Sequence[tuple[float, Tensor]]
) -> Mapping[int, Tensor]:
    """Return where submaps go (id -> T_map_part) when the robot's way was `path`: seconds and T_map_base (4, 4).

    A submap follows the pose that is nearest to its middle in time among those that the history knows.
    """
    before = history.at([stamp for stamp, _ in path])
    known = [
        (stamp, T @ invert_transform(old)) for (stamp, T), old in zip(path, before, strict=True) if old is not None
    ]
    places = {}
    for submap in submaps:
        if submap.id == BASE or not known:
            continue
        middle = (submap.first + submap.last) / 2
        place = min(known, key=lambda each: abs(each[0] - middle))[1]
        if _moves(place @ invert_transform(submap.T_map_part), submap):
            places[submap.id] = place
    return places


def _moves(step: Tensor, submap: Submap) -> bool:
    xyz = submap.placed.snapshot.xyz
    if len(xyz) == 0:
        return False
    middle = xyz.to(torch.float64).mean(dim=0, keepdim=True)
    distance = float(torch.linalg.vector_norm(transform_points(step, middle) - middle))
    return distance > LEAST_MOVE[0] or rotation_angle(step) > LEAST_MOVE[1]

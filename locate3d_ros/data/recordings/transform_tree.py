"""The TF tree of a bag: who hangs on whom, and how at a given time. No ROS here."""

from __future__ import annotations

import torch
from torch import Tensor

from locate3d_ros.data.recordings.pose_track import PoseTrack
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import invert_transform, matrix_from_quaternion

# tf2 keeps 10 s of transforms, so a live system would not bridge more either.
_MAX_GAP = 10.0
_FIXED_FRAMES = ("map", "odom")


class TransformTree:
    """Every transform of a recording, static ones for all time, others interpolated between their samples."""

    def __init__(self) -> None:
        """Start without a frame."""
        self._parents: dict[str, str] = {}
        self._static: dict[str, Tensor] = {}  # T_parent_child by child
        self._moving: dict[str, PoseTrack] = {}

    def add_static(
        self, parent: str, child: str, translation: tuple[float, float, float], xyzw: tuple[float, float, float, float]
    ) -> None:
        """Set T_parent_child for all time. Raises InputError where it is no transform."""
        self._static[child] = matrix_from_quaternion(translation, xyzw)
        self._parents[child] = parent

    def add_sample(
        self,
        edge: tuple[str, str],
        stamp: float,
        translation: tuple[float, float, float],
        xyzw: tuple[float, float, float, float],
    ) -> None:
        """Add T_parent_child at a time, `edge` being (parent, child). Raises InputError where it is no transform."""
        parent, child = edge
        self._moving.setdefault(child, PoseTrack(_MAX_GAP)).add(stamp, translation, xyzw)
        self._parents[child] = parent

    def fixed_frame(self, frame: str) -> str:
        """Return what a frame moves in: map, else odom, else the root. Raises InputError where TF does not know it."""
        chain = self._chain(frame)
        if len(chain) == 1 and frame not in self._parents.values():
            raise InputError(f"frame {frame!r} is not in TF; record /tf and /tf_static with the images")
        return next((name for name in _FIXED_FRAMES if name in chain), chain[-1])

    def lookup(self, target: str, source: str, stamp: float) -> Tensor:
        """Return T_target_source [4, 4] float64 at a time. Raises InputError where it is not known then."""
        up_source, up_target = self._chain(source), self._chain(target)
        common = next((name for name in up_source if name in up_target), None)
        if common is None:
            raise InputError(f"no transform from {source!r} to {target!r}: TF does not connect them; record all of /tf")
        try:
            T_common_source = self._climb(up_source[: up_source.index(common)], stamp)
            T_common_target = self._climb(up_target[: up_target.index(common)], stamp)
        except InputError as error:
            raise InputError(f"no transform from {source!r} to {target!r}: {error}; record /tf without gaps") from None
        return invert_transform(T_common_target) @ T_common_source

    def _climb(self, children: list[str], stamp: float) -> Tensor:
        """Multiply the transforms from the first frame up to the parent of the last."""
        T = torch.eye(4, dtype=torch.float64)
        for child in children:
            T_parent_child = self._static[child] if child in self._static else self._moving[child].at(stamp)
            T = T_parent_child @ T
        return T

    def _chain(self, frame: str) -> list[str]:
        """List a frame and its ancestors, nearest first."""
        chain = [frame]
        while chain[-1] in self._parents:
            parent = self._parents[chain[-1]]
            if parent in chain:
                raise InputError(f"TF runs in a circle at {parent!r}; correct who publishes it")
            chain.append(parent)
        return chain

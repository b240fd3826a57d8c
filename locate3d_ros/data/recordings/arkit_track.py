"""The pose track of an ARKitScenes recording, `lowres_wide.traj`: time, axis-angle, translation, world to camera."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, Slerp
from torch import Tensor

from locate3d_ros.data.recordings.recording import BadFileError, SkippedFrame
from locate3d_ros.errors import InputError

_MAX_GAP = 0.5  # seconds between two samples that are bridged; the track has ten a second
_MEND = "download it again"


class ArkitTrack:
    """T_world_camera over time."""

    def __init__(self, stamps: npt.NDArray[np.float64], rotations: Rotation, xyz: npt.NDArray[np.float64]) -> None:
        """Take two or more samples: stamps [n] seconds, increasing; positions [n, 3] metres."""
        self._stamps = stamps
        self._slerp = Slerp(stamps, rotations)
        self._xyz = xyz
        self._spline = CubicSpline(stamps, xyz)

    def at(self, stamp: float) -> Tensor:
        """Return the pose [4, 4] float64 between two samples, position on the line between them.

        Raises InputError outside the track and in a gap of it.
        """
        first, last = self._stamps[0], self._stamps[-1]
        if not first <= stamp <= last:
            raise InputError(f"no pose at {stamp:.3f} s (known from {first:.3f} to {last:.3f} s)")
        after = min(int(np.searchsorted(self._stamps, stamp, side="right")), len(self._stamps) - 1)
        gap = self._stamps[after] - self._stamps[after - 1]
        if gap > _MAX_GAP:
            raise InputError(f"no pose at {stamp:.3f} s (gap of {gap:.2f} s; at most {_MAX_GAP:g} s are bridged)")
        xyz = [np.interp(stamp, self._stamps, self._xyz[:, axis]) for axis in range(3)]
        return self._pose(stamp, np.array(xyz))

    def published_at(self, stamp: float) -> Tensor:
        """Return the pose as the published loader does: on a cubic spline, at the nearer end outside the track."""
        clipped = float(np.clip(stamp, self._stamps[0], self._stamps[-1]))
        return self._pose(clipped, self._spline(clipped))

    def _pose(self, stamp: float, xyz: npt.NDArray[np.float64]) -> Tensor:
        T_world_camera = torch.eye(4, dtype=torch.float64)
        T_world_camera[:3, :3] = torch.from_numpy(self._slerp(stamp).as_matrix())
        T_world_camera[:3, 3] = torch.from_numpy(xyz)
        return T_world_camera


def read_arkit_track(path: Path) -> tuple[ArkitTrack, list[SkippedFrame]]:
    """Read a track and list its wrong lines. Raises BadFileError where fewer than two lines are usable."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error.strerror}); {_MEND}") from None
    except UnicodeDecodeError:
        raise BadFileError(path, f"not a text file; {_MEND}") from None
    rejected, samples = list[SkippedFrame](), dict[float, list[float]]()
    for number, line in enumerate(lines, start=1):
        values = _numbers(line)
        if len(values) == 7:
            samples[values[0]] = values[1:]
        elif line.strip():
            rejected.append(SkippedFrame(f"{path} line {number}", f"not seven finite numbers; {_MEND}"))
    if len(samples) < 2:
        raise BadFileError(path, f"{len(samples)} usable poses; {_MEND}")
    stamps = np.array(sorted(samples))
    poses = np.array([samples[stamp] for stamp in stamps])
    T_camera_world = Rotation.from_rotvec(poses[:, :3])
    rotations = T_camera_world.inv()
    return ArkitTrack(stamps, rotations, -rotations.apply(poses[:, 3:])), rejected


def _numbers(line: str) -> list[float]:
    """Read the numbers of a line; none where one is not finite or no number."""
    try:
        values = [float(word) for word in line.split()]
    except ValueError:
        return []
    return values if all(map(math.isfinite, values)) else []

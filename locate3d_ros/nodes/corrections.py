"""SLAM's second thoughts: jumps of map <- odom and corrected paths move the map; a new map frame makes it stale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nav_msgs.msg import Path
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.pose_watch import JumpKind, JumpLimits, JumpWatch, PoseHistory, places_on_path
from locate3d_ros.nodes.clouds import from_pose
from locate3d_ros.nodes.drops import DroppedFrameError
from locate3d_ros.nodes.live_map import LiveMap
from locate3d_ros.nodes.parameters import NodeConfig
from locate3d_ros.nodes.transform_buffer import TransformUnavailableError
from locate3d_ros.nodes.transforms import Transforms, to_nanoseconds
from locate3d_ros.types import Frame

ROUNDING = 1_000_000  # nanoseconds
STALE_MAP = (
    "the map frame was reset: the map is kept as it was, and frames are not added; "
    "relocalize the robot in it, or clear the map (~/clear_map), or load one (~/load_map)"
)


class Corrections:
    """Looks at every frame's map <- odom before it is mapped. Its caller lets nobody else change the map meanwhile."""

    def __init__(
        self, transforms: Transforms, config: NodeConfig, live_map: LiveMap, log: Callable[[str], Any]
    ) -> None:
        """`log` gets one line for every correction."""
        mapping = config.mapping
        self._transforms = transforms
        self._config = config
        self._map = live_map
        self._log = log
        self._watch = JumpWatch(JumpLimits(mapping.jump_translation, mapping.jump_rotation, mapping.reset_translation))
        self._history = PoseHistory()
        self.count = 0
        """Corrections that moved something."""

    @property
    def is_stale(self) -> bool:
        """Whether the map belongs to a map frame that is no more."""
        return self._watch.is_lost

    def forget(self) -> None:
        """Start anew: the map has been cleared or replaced."""
        self._watch.forget()
        self._history.clear()

    def before(self, frame: Frame) -> None:
        """Mend the map where SLAM has changed its mind. Raises DroppedFrameError while the map is stale."""
        T_map_odom = self._known(self._config.odom_frame, frame)
        if T_map_odom is not None:
            was_stale = self.is_stale
            jump = self._watch.look(frame.stamp, T_map_odom, frame.T_map_camera[:3, 3])
            if jump.kind is JumpKind.RESET and len(self._map):
                if not was_stale:
                    self._log(f"{self._what()} jumped by {jump.distance:.2f} m; {STALE_MAP}")
                raise DroppedFrameError("stale map", STALE_MAP)
            if jump.kind is JumpKind.RESET:
                self._watch.forget()  # an empty map belongs to any frame
            elif jump.kind is JumpKind.CORRECTION:
                self._moved(f"{self._what()} jumped by {jump.distance:.2f} m", self._map.correct_jump(jump.T_new_old))
        T_map_base = self._known(self._config.base_frame, frame)
        if T_map_base is not None:
            self._history.note(frame.stamp, T_map_base)

    def follow(self, path: Path) -> None:
        """Put submaps where the robot's corrected way says. Raises InputError for a path in another frame."""
        if path.header.frame_id.lstrip("/") != self._config.map_frame:
            raise InputError(
                f"a path in {path.header.frame_id!r}, the map's frame is {self._config.map_frame!r}; publish it there"
            )
        way = [(to_nanoseconds(each.header.stamp) / 1e9, from_pose(each.pose)) for each in path.poses]
        places = places_on_path(self._map.submaps, self._history, way)
        self._moved(f"a path of {len(way)} poses", self._map.correct(places) if places else 0)

    def _moved(self, why: str, submaps: int) -> None:
        if submaps:
            self.count += 1
            self._log(f"{why}: {submaps} pieces of the map moved")

    def _known(self, source: str, frame: Frame) -> Tensor | None:
        if not source:
            return None
        stamp = round(frame.stamp * 1e9)
        # A float's seconds are off by some hundred nanoseconds: the newest transform may be that much too old.
        for asked in (stamp, None):
            try:
                found = self._transforms.lookup(self._config.map_frame, source, asked)
            except TransformUnavailableError:
                continue
            if asked is not None or found.stamp is None or abs(found.stamp - stamp) <= ROUNDING:
                return found.T_target_source
        return None

    def _what(self) -> str:
        return f"{self._config.map_frame} <- {self._config.odom_frame}"

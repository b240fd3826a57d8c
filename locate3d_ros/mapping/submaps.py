"""The past in rigid pieces: what each stretch of the way has seen, so that it can be moved when SLAM corrects it.

A submap keeps its voxels on the fixed grid that they were mapped on, however often it is moved: nothing wears off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from locate3d_ros.config import MappingConfig
from locate3d_ros.geometry.transforms import fraction_of_transform
from locate3d_ros.mapping.compression import Projections
from locate3d_ros.mapping.merging import PlacedMap, merge_maps
from locate3d_ros.mapping.selecting import COLUMNS, to_device
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import FeatureExtractor, Frame, FrameFeatures, MapSnapshot

MAX_SUBMAPS = 32
"""Beyond it the two oldest become one: what lies that far back is taken as settled."""
MAX_STAMPS = 200
"""Keyframe times that a submap remembers; of more, every other one goes."""
BASE = 0
"""The id of what was loaded from a file."""

_CPU = torch.device("cpu")
_IDENTITY = torch.eye(4, dtype=torch.float64)


@dataclass(frozen=True)
class Submap:
    """One stretch of the way."""

    id: int
    anchor: int | None  # that its frames named
    content: MapSnapshot  # as it was mapped, on the CPU; without views
    T_map_part: Tensor  # [4, 4] float64: where it lies now; identity until it is corrected
    stamps: tuple[float, ...]  # seconds, of its keyframes
    first: float  # seconds
    last: float  # seconds
    way: tuple[float, float]  # metres travelled at its begin and end

    @property
    def placed(self) -> PlacedMap:
        """Its content where it lies."""
        return PlacedMap(self.content, self.T_map_part)

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        content = self.content
        columns = [getattr(content, name) for name in COLUMNS] + list(content.features.values())
        return sum(each.nbytes for each in (*columns, content.fine.xyz, content.fine.rgb))


class Submaps:
    """Records frames into submaps, beside the map that readers see."""

    def __init__(self, config: MappingConfig, extractor: FeatureExtractor, device: torch.device, length: float) -> None:
        """Begin a new submap every `length` metres. It is recorded on `device` and kept on the CPU, in float16."""
        self._config = replace(config, store_views=False, memory_mb=math.inf, spill_directory="")
        self._budget = config.memory_mb * 1e6
        self._extractor = extractor
        self._length = length
        self._device = device
        self.reset(None)

    def reset(self, base: MapSnapshot | None) -> None:
        """Forget everything; a base, such as a loaded map, is the submap that lies where it is."""
        self._closed: list[Submap] = []
        self._open: _Recorder | None = None
        self._next_id = BASE + 1
        self._way = 0.0
        self._settled_way = 0.0
        self._sizes = self._config
        if base is not None:
            content = replace(to_device(base, _CPU), views=())
            self._closed.append(Submap(BASE, None, content, _IDENTITY, (), -math.inf, -math.inf, (0.0, 0.0)))
            self._sizes = replace(self._config, voxel_size=base.voxel_size, fine_voxel_size=base.fine.voxel_size)

    @property
    def open_id(self) -> int | None:
        """The submap that frames go into; None before the first and after a correction."""
        return self._open.id if self._open else None

    @property
    def nbytes(self) -> int:
        """Bytes of what is recorded."""
        return sum(each.nbytes for each in self._closed) + (self._open.nbytes if self._open else 0)

    def record(self, frame: Frame, features: FrameFeatures | None, projections: Projections) -> None:
        """Add one frame. A frame that names another anchor than the one before begins a new submap.

        projections: the map's, which a new submap has as well.
        """
        if self._open is not None and self._is_full(self._open, frame):
            self.close()
        if self._open is None:
            self._open = _Recorder(self._next_id, frame, self._new_map(projections), self._way)
            self._next_id += 1
        self._way += self._open.add(frame, features)

    def close(self) -> None:
        """Let the next frame begin a new submap."""
        if self._open is None:
            return
        self._closed.append(self._open.submap(self._way))
        self._open = None
        while len(self._closed) > MAX_SUBMAPS:
            self._closed[:2] = [_joined(*self._closed[:2])]
        while len(self._closed) > 1 and self.nbytes > self._budget:
            self._closed.pop(0)  # it stays in the map, and where it is

    def all(self) -> tuple[Submap, ...]:
        """Return the submaps, oldest first, the one that frames go into last."""
        return (*self._closed, self._open.submap(self._way)) if self._open else tuple(self._closed)

    def move(self, places: Mapping[int, Tensor]) -> None:
        """Put submaps where T_map_part (4, 4) says, by id; frames from now on belong to a new one."""
        self.close()
        self._closed = [replace(each, T_map_part=places.get(each.id, each.T_map_part)) for each in self._closed]
        self._settled_way = self._way

    def places_after_jump(self, T_new_old: Tensor) -> dict[int, Tensor]:
        """Return where submaps go when the newest pose is found to be wrong by T_new_old (4, 4).

        The error is taken to have grown evenly along the way since the last correction; what is older stays.
        """
        grown = self._way - self._settled_way
        places = {}
        for submap in self.all():
            middle = (submap.way[0] + submap.way[1]) / 2 - self._settled_way
            if submap.id != BASE and submap.way[1] >= self._settled_way and middle >= 0:
                share = min(1.0, middle / grown) if grown > 0 else 1.0
                places[submap.id] = fraction_of_transform(T_new_old, share) @ submap.T_map_part
        return places

    def _is_full(self, recorder: _Recorder, frame: Frame) -> bool:
        return frame.anchor != recorder.anchor or self._way - recorder.begin >= self._length

    def _new_map(self, projections: Projections) -> VoxelFeatureMap:
        return VoxelFeatureMap(self._sizes, self._extractor, self._device, projections=projections)


class _Recorder:
    """The submap that frames go into."""

    def __init__(self, number: int, frame: Frame, voxel_map: VoxelFeatureMap, begin: float) -> None:
        self.id = number
        self.anchor = frame.anchor
        self.begin = begin
        self._map = voxel_map
        self._camera = frame.camera
        self._position = frame.T_map_camera[:3, 3].cpu()
        self._stamps: list[float] = []
        self._first = self._last = frame.stamp

    def add(self, frame: Frame, features: FrameFeatures | None) -> float:
        """Integrate a frame; return how far its camera, if it is the submap's first one, has gone, metres."""
        self._map.add(frame, features)
        is_late = frame.stamp < self._last  # its features took a while; the way has been counted
        self._first, self._last = min(self._first, frame.stamp), max(self._last, frame.stamp)
        if features is not None:
            self._stamps.append(frame.stamp)
        if is_late or frame.camera != self._camera:
            return 0.0
        before, self._position = self._position, frame.T_map_camera[:3, 3].cpu()
        return float(torch.linalg.vector_norm(self._position - before))

    @property
    def nbytes(self) -> int:
        """Bytes of its grids."""
        return self._map.nbytes

    def submap(self, way: float) -> Submap:
        """Return the submap as it is now."""
        content = to_device(self._map.snapshot(), _CPU)
        stamps = _thinned(tuple(self._stamps))
        return Submap(self.id, self.anchor, content, _IDENTITY, stamps, self._first, self._last, (self.begin, way))


def _joined(a: Submap, b: Submap) -> Submap:
    """Return one submap in the coordinates of the older one; of two that lie as mapped nothing moves."""
    T_a_b = torch.linalg.inv(a.T_map_part) @ b.T_map_part
    if torch.equal(a.T_map_part, b.T_map_part):
        T_a_b = _IDENTITY
    content = merge_maps([PlacedMap(a.content, _IDENTITY), PlacedMap(b.content, T_a_b)], a.content, 0)
    stamps = _thinned((*a.stamps, *b.stamps))
    return Submap(a.id, a.anchor, content, a.T_map_part, stamps, min(a.first, b.first), b.last, (a.way[0], b.way[1]))


def _thinned(stamps: tuple[float, ...]) -> tuple[float, ...]:
    while len(stamps) > MAX_STAMPS:
        stamps = stamps[::2]
    return stamps

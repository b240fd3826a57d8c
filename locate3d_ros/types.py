"""What flows between the parts, in the order in which it flows. Tensors live on the map's device.

Letters in shapes: H, W colour image; h, w depth image; T tokens; K tokens per pixel; D channels of a slot;
C stored channels of a compressed slot; N voxels; M points of the finer grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple, Protocol

from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.lazy_tensors import gathering


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole camera of an undistorted image, in pixels. Pixel centres are at whole numbers."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        """Refuse a camera that cannot project (comparisons written so that nan fails them too)."""
        if not (0 < self.fx < float("inf") and 0 < self.fy < float("inf")):
            raise InputError(f"intrinsics: focal length fx = {self.fx}, fy = {self.fy}; both must be above 0 pixels")
        if not (abs(self.cx) < float("inf") and abs(self.cy) < float("inf")):
            raise InputError(f"intrinsics: principal point cx = {self.cx}, cy = {self.cy}; both must be finite")
        if self.width <= 0 or self.height <= 0:
            raise InputError(f"intrinsics: image size {self.width}x{self.height}; both must be above 0 pixels")


@dataclass(frozen=True)
class Frame:
    """One undistorted RGB-D image with its pose (DESIGN 5.1)."""

    rgb: Tensor  # [H, W, 3] uint8
    depth: Tensor  # [h, w] float32, metres along the optical axis; 0 or nan: none
    intrinsics: Intrinsics  # of the colour image
    T_map_camera: Tensor  # [4, 4] float64, camera optical frame (x right, y down, z forward)
    stamp: float  # seconds
    camera: str = "camera"
    anchor: int | None = None
    depth_intrinsics: Intrinsics | None = None  # None: depth is registered to colour
    T_camera_depth: Tensor | None = None  # [4, 4] float64; None: identity


@dataclass(frozen=True)
class TokenTable:
    """One slot's features of a frame: a pixel's vector is the sum over k of weight * tokens[index]."""

    name: str
    tokens: Tensor  # [T, D] float32
    index: Tensor  # [H, W, K] int32, -1 = none
    weight: Tensor  # [H, W, K] float32


@dataclass(frozen=True)
class FrameFeatures:
    """The features of one frame, never as a dense [H, W, D] array (DESIGN 5.2)."""

    slots: tuple[TokenTable, ...]


class Slot(NamedTuple):
    """Name and width of one feature slot."""

    name: str
    width: int


class FeatureExtractor(Protocol):
    """Turns a frame's image into token tables."""

    @property
    def name(self) -> str:
        """The extractor's name, as map files record it."""

    @property
    def digest(self) -> str:
        """The sha256 over the weight files: features of different digests do not mix."""

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The names and widths of what `extract` returns."""

    def extract(self, frame: Frame) -> FrameFeatures:
        """Compute the frame's token tables, on the extractor's device."""


@dataclass(frozen=True)
class View:
    """A keyframe thumbnail that travels with the map, for pictures."""

    rgb: Tensor  # [H, W, 3] uint8, on the CPU
    intrinsics: Intrinsics  # of the thumbnail
    T_map_camera: Tensor  # [4, 4] float64, on the CPU
    stamp: float
    camera: str = "camera"
    depth: Tensor | None = None  # [H, W] float32 metres, registered to the thumbnail, on the CPU


@gathering
@dataclass(frozen=True)
class FineCloud:
    """Colour and geometry on the finer grid, for objects smaller than a few feature voxels."""

    xyz: Tensor  # [M, 3] float32 centroids, map frame, metres
    rgb: Tensor  # [M, 3] float32 in [0, 1]
    voxel_size: float  # metres


@dataclass(frozen=True)
class BlockRevisions:
    """When each block of a map, a cube of 8 x 8 x 8 cells, changed last."""

    blocks: Tensor  # [B, 3] int32: floor(cell / 8); a block that left the map can be there twice
    revision: Tensor  # [B] int64

    def since(self, revision: int) -> Tensor:
        """Return the blocks [n, 3] int32 that changed after a revision, those that are now empty among them."""
        return self.blocks[self.revision > revision]


@gathering
@dataclass(frozen=True)
class MapSnapshot:
    """One immutable state of the map (DESIGN 5.3); of a live map, tensors are gathered when first asked for."""

    cells: Tensor  # [N, 3] int32: floor(p / voxel_size)
    xyz: Tensor  # [N, 3] float32 centroids, map frame, metres
    rgb: Tensor  # [N, 3] float32 in [0, 1]
    features: Mapping[str, Tensor]  # slot name -> [N, D] float16; [N, C] of a slot that is compressed
    has_features: Tensor  # [N] bool: False where only geometry was seen so far
    weight: Tensor  # [N] float32: pixels averaged
    last_seen: Tensor  # [N] float64 seconds
    fine: FineCloud
    revision: int  # integrated frames
    stamp: float  # of the newest frame, seconds
    frame_id: str
    voxel_size: float  # metres
    extractor: str
    digest: str
    camera_pose: Tensor | None  # [4, 4] float64 latest T_map_camera; None: unknown
    views: tuple[View, ...] = ()
    changes: BlockRevisions | None = None  # of a live map
    projections: Mapping[str, Tensor] = field(default_factory=dict)  # slot name -> [D, C] (mapping/compression.py)

    def __len__(self) -> int:
        return len(self.cells)


class Status(IntEnum):
    """How a request ended; the numbers are those of `locate3d_msgs`."""

    FOUND = 0
    NOT_FOUND = 1
    MAP_EMPTY = 2
    BAD_REQUEST = 3
    NO_TRANSFORM = 4
    BUSY = 5
    TIMEOUT = 6
    CANCELLED = 7
    FAILED = 8


class Role(IntEnum):
    """What an instance is to the sentence; the numbers are those of `locate3d_msgs`."""

    TARGET = 0
    ANCHOR = 1
    OTHER = 2


class Box(NamedTuple):
    """Axis-aligned box in the map frame, metres."""

    min: tuple[float, float, float]
    max: tuple[float, float, float]

    @property
    def center(self) -> tuple[float, float, float]:
        """The middle of the box."""
        low, high = self.min, self.max
        return ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2)

    @property
    def size(self) -> tuple[float, float, float]:
        """The edge lengths."""
        return (self.max[0] - self.min[0], self.max[1] - self.min[1], self.max[2] - self.min[2])


@dataclass(frozen=True)
class Instance:
    """One answer to a request."""

    id: int  # stable while the object stays; 0 = not tracked
    phrase: str  # the words it answers
    role: Role
    score: float  # in [0, 1]
    box: Box
    mask: Tensor  # [N] bool over the snapshot's voxels
    xyz: Tensor  # [P, 3] float32 points of the object, map frame, metres (finer grid where it has them)
    rgb: Tensor  # [P, 3] float32 in [0, 1]


@dataclass(frozen=True)
class LocalizeOptions:
    """What a request may ask for beside its text."""

    min_score: float
    max_instances: int
    refine: bool = False


@dataclass(frozen=True)
class Localization:
    """The answer to one request; instances best first."""

    status: Status
    message: str
    instances: tuple[Instance, ...] = field(default=())
    revision: int = 0  # of the map that was asked
    seconds: float = 0.0

    @property
    def best(self) -> Instance:
        """The answer itself. Raises LookupError where nothing was found."""
        if not self.instances:
            raise LookupError(f"no instance: {self.status.name}: {self.message}")
        return self.instances[0]


class PreparedScene(Protocol):
    """What a localizer computed from one snapshot alone, for any number of requests."""

    @property
    def snapshot(self) -> MapSnapshot:
        """The state of the map that it describes."""


class Localizer(Protocol):
    """Answers text requests from a map snapshot (DESIGN 5.4)."""

    @property
    def name(self) -> str:
        """The localizer's name, as replies record it."""

    def prepare(self, snapshot: MapSnapshot) -> PreparedScene:
        """Compute what depends on the scene alone: once per map state, then any number of requests."""

    def answer(self, scene: PreparedScene, text: str, options: LocalizeOptions) -> Localization:
        """Answer one request; every failure is a status and one sentence, never an exception."""

    def localize(self, snapshot: MapSnapshot, text: str, options: LocalizeOptions) -> Localization:
        """Prepare (or take the prepared scene of the same revision) and answer."""

"""A furnished home: what stands where, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Mesh
from locate3d_ros.data.synthetic.shell import Surfaces
from locate3d_ros.data.synthetic.world import BACKGROUND, AreaLight, World


@dataclass(frozen=True)
class SceneObject:
    """One thing of a home, in the map frame."""

    id: int  # 1, 2, …; 0 is the background
    name: str  # what people call it
    mesh: Mesh  # map frame, metres
    colour: str = ""  # "" where there is no single one
    support: int = BACKGROUND  # id of what it stands on; the background is the floor or a wall
    source: str = "own geometry"  # the model's library and key
    licence: str = "Apache-2.0"
    creator: str = ""
    room: str = ""
    material: str = ""  # "" where there is no single one
    size: str = ""  # large or small beside others of its name; "" where it is neither

    @property
    def middle(self) -> NDArray[np.float64]:
        """Middle [3] of the bounding box."""
        return np.asarray((self.mesh.low + self.mesh.high) / 2.0)

    @property
    def attributes(self) -> Mapping[str, str]:
        """What the data set records beside the name."""
        known = {"colour": self.colour, "material": self.material, "size": self.size}
        return {name: value for name, value in known.items() if value}


@dataclass(frozen=True)
class Doorway:
    """An opening between two rooms: the rectangle of floor within the wall, map frame, metres."""

    low: tuple[float, float]
    high: tuple[float, float]
    rooms: tuple[str, str]


@dataclass(frozen=True)
class RoomArea:
    """A rectangular room, map frame, metres; its floor is z = 0."""

    name: str  # what people call it
    low: tuple[float, float]
    high: tuple[float, float]
    height: float
    surfaces: Surfaces | None = None  # None while it is bare

    @property
    def size(self) -> tuple[float, float, float]:
        """Width, depth and height, metres."""
        return self.high[0] - self.low[0], self.high[1] - self.low[1], self.height

    @property
    def middle(self) -> NDArray[np.float64]:
        """Middle [2] of the floor."""
        return np.asarray((np.asarray(self.low) + np.asarray(self.high)) / 2.0)


@dataclass(frozen=True)
class Scene:
    """A furnished home of one or more rooms, map frame, metres."""

    id: str
    seed: int
    rooms: tuple[RoomArea, ...]
    objects: tuple[SceneObject, ...]
    shell: tuple[Mesh, ...]  # walls, floors, ceilings: background
    lights: tuple[AreaLight, ...] = field(default=())
    doorways: tuple[Doorway, ...] = field(default=())

    @property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Smallest and largest corner [2] of all floors."""
        return np.min([r.low for r in self.rooms], axis=0), np.max([r.high for r in self.rooms], axis=0)

    def object(self, number: int) -> SceneObject | None:
        """Return the object of an id; None where there is none of it (any more)."""
        return next((o for o in self.objects if o.id == number), None)

    def triangles(self) -> int:
        """Count the triangles of everything."""
        return sum(len(m.triangles) for m in (*self.shell, *(o.mesh for o in self.objects)))

    def world(self) -> World:
        """Make the scene ready for rendering."""
        meshes = [*self.shell, *(o.mesh for o in self.objects)]
        ids = [BACKGROUND] * len(self.shell) + [o.id for o in self.objects]
        return World(meshes, ids, self.lights)

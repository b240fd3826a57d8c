"""A furnished room: what stands where, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from locate3d_ros.data.synthetic.mesh import Mesh
from locate3d_ros.data.synthetic.world import BACKGROUND, AreaLight, World


@dataclass(frozen=True)
class SceneObject:
    """One thing of a room, in the map frame."""

    id: int  # 1, 2, …; 0 is the background
    name: str  # what people call it
    mesh: Mesh  # map frame, metres
    colour: str = ""  # "" where there is no single one
    support: int = BACKGROUND  # id of what it stands on; the background is the floor or a wall
    source: str = "own geometry"  # the model's library and key
    licence: str = "Apache-2.0"
    creator: str = ""

    @property
    def attributes(self) -> Mapping[str, str]:
        """What the data set records beside the name."""
        return {"colour": self.colour} if self.colour else {}


@dataclass(frozen=True)
class Room:
    """A room between (0, 0, 0) and (width, depth, height), map frame, metres."""

    name: str
    width: float
    depth: float
    height: float
    seed: int
    objects: tuple[SceneObject, ...]
    shell: tuple[Mesh, ...]  # walls, floor, ceiling: background
    lights: tuple[AreaLight, ...] = field(default=())

    def world(self) -> World:
        """Make the room ready for rendering."""
        meshes = [*self.shell, *(o.mesh for o in self.objects)]
        ids = [BACKGROUND] * len(self.shell) + [o.id for o in self.objects]
        return World(meshes, ids, self.lights)

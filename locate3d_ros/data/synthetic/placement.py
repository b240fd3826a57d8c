"""Puts things into a room one after the other, so that nothing floats and nothing intersects."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.caster import RayCaster
from locate3d_ros.data.synthetic.mesh import Material, Mesh
from locate3d_ros.data.synthetic.models import Model, creator_of, licence_of, load_mesh, material_of
from locate3d_ros.data.synthetic.painting import PALETTE, painted
from locate3d_ros.data.synthetic.scene import SceneObject
from locate3d_ros.data.synthetic.shapes import box
from locate3d_ros.data.synthetic.shell import DOOR_SIZE, on_wall, wall_length
from locate3d_ros.data.synthetic.world import BACKGROUND

GAP = 0.02  # metres kept between two things, and from the walls
DOOR_CLEARANCE = 0.8  # metres kept free in front of a door
LOOK_DOWN = 5.0  # metres above the floor from which supports are probed


@dataclass(frozen=True)
class Spot:
    """A place for a thing: its origin on the floor plan, and how it is turned."""

    x: float
    y: float
    yaw: float = 0.0


@dataclass(frozen=True)
class Area:
    """A rectangle of the floor plan, metres."""

    x0: float
    y0: float
    x1: float
    y1: float

    def meets(self, other: Area) -> bool:
        """Whether the two share any ground."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1


class Furnisher:
    """Furnishes one room of `size` (width, depth, height) with models; ids count up from 1."""

    def __init__(
        self,
        size: tuple[float, float, float],
        rng: np.random.Generator,
        load: Callable[[Model], Mesh] = load_mesh,
    ) -> None:
        self.size = size
        self.rng = rng
        self.load = load
        self.max_triangles = 10**9  # of all objects together: what would exceed it does not fit
        self.objects: list[SceneObject] = []
        self._taken: list[tuple[Area, float, float]] = []  # ground, lowest and highest point of it

    def add(self, item: SceneObject, solid: bool = True) -> SceneObject:
        """Add a thing where it is, without a check; what is not solid (a rug) may be stood on."""
        item = replace(item, id=len(self.objects) + 1)
        self.objects.append(item)
        if solid:
            self._taken.append((ground_of(item.mesh), float(item.mesh.low[2]), float(item.mesh.high[2])))
        return item

    def add_where_it_fits(self, item: SceneObject, ignore: tuple[int, ...] = ()) -> SceneObject | None:
        """Add a thing where it is; None where it would meet something solid but the objects `ignore`."""
        return self.add(item) if self.affords(item.mesh) and self.fits(item.mesh, ignore) else None

    def keep_free(self, area: Area) -> None:
        """Keep ground free up to the height of a person."""
        self._taken.append((area, 0.0, 2.0))

    def keep_door_free(self, wall: str, along: float, width: float = DOOR_SIZE[0]) -> None:
        """Keep the ground before a door free."""
        half = width / 2.0
        corners = Mesh(
            np.array([[-half, 0.0, 0.0], [half, -DOOR_CLEARANCE, 0.0], [half, 0.0, 0.0]]),
            np.array([[0, 1, 2]]),
            np.zeros((1, 3, 2)),
            np.zeros(1, np.int64),
            (),
        )
        self.keep_free(ground_of(on_wall(corners, wall, along, self.size[:2])))

    def fits(self, mesh: Mesh, ignore: tuple[int, ...] = ()) -> bool:
        """Whether a mesh is inside the room and apart from everything solid but the objects `ignore`."""
        area, low, high = ground_of(mesh), float(mesh.low[2]), float(mesh.high[2])
        inside = area.x0 >= 0.0 and area.y0 >= 0.0 and area.x1 <= self.size[0] and area.y1 <= self.size[1]
        if not inside or high > self.size[2]:
            return False
        wide = Area(area.x0 - GAP, area.y0 - GAP, area.x1 + GAP, area.y1 + GAP)
        ignored = [ground_of(self.objects[i - 1].mesh) for i in ignore]
        return not any(
            wide.meets(other) and low < top and high > bottom
            for other, bottom, top in self._taken
            if other not in ignored
        )

    def affords(self, mesh: Mesh) -> bool:
        """Whether the triangles of one more mesh may be added."""
        return len(mesh.triangles) + sum(len(o.mesh.triangles) for o in self.objects) <= self.max_triangles

    def stand(self, model: Model, spot: Spot, tucked_under: tuple[int, ...] = ()) -> SceneObject | None:
        """Stand a model on the floor; None where it does not fit."""
        item = self.make(model)
        item = replace(item, mesh=item.mesh.moved(spot.x, spot.y, 0.0, spot.yaw))
        return self.add_where_it_fits(item, tucked_under)

    def stand_at_wall(self, model: Model, wall: str, along: float) -> SceneObject | None:
        """Stand a model with its back to a wall, its middle `along` metres from the wall's left end."""
        item = self.make(model)
        if not self.affords(item.mesh):
            return None
        back = float(item.mesh.high[1]) + 0.03
        if not self.fits(on_wall(crate_of(item.mesh).moved(0.0, -back, 0.0), wall, along, self.size[:2])):
            return None
        return self.add(replace(item, mesh=on_wall(item.mesh.moved(0.0, -back, 0.0), wall, along, self.size[:2])))

    def stand_somewhere_at_wall(self, model: Model, wall: str, tries: int = 24) -> SceneObject | None:
        """Stand a model at a free place of a wall; None where there is none."""
        half = float(self.load(model).high[0])
        length = wall_length(wall, self.size[0], self.size[1])
        crate = crate_of(self.load(model))
        back = float(crate.high[1]) + 0.03
        for along in self.rng.uniform(half, max(half, length - half), tries):
            if not self.fits(on_wall(crate.moved(0.0, -back, 0.0), wall, float(along), self.size[:2])):
                continue
            item = self.stand_at_wall(model, wall, float(along))
            if item is not None:
                return item
        return None

    def put_on(self, model: Model, support: SceneObject, spot: Spot, tolerance: float = 0.012) -> SceneObject | None:
        """Put a model onto a support where that is flat under its whole footprint; None where it is not."""
        return self.lay_on(self.make(model), support, spot, tolerance)

    def lay_on(
        self, item: SceneObject, support: SceneObject, spot: Spot, tolerance: float = 0.012
    ) -> SceneObject | None:
        """Put a thing that stands at the origin onto a support, as `put_on` does."""
        if not self.affords(item.mesh):
            return None
        outline = outline_of(item.mesh).moved(spot.x, spot.y, 0.0, spot.yaw)
        height = rest_height(support.mesh, outline, tolerance)
        if height is None:
            return None
        outline = outline.moved(0.0, 0.0, height + 0.001)
        if not self.fits(outline, (support.id,)) or self._hits_things_on(support, outline):
            return None
        mesh = item.mesh.moved(spot.x, spot.y, height + 0.001, spot.yaw)
        return self.add(replace(item, mesh=mesh, support=support.id))

    def put_somewhere_on(self, model: Model, support: SceneObject, tries: int = 30) -> SceneObject | None:
        """Put a model onto a free, flat place of a support, turned roughly as the support is."""
        low, high = support.mesh.low, support.mesh.high
        for _ in range(tries):
            x, y = self.rng.uniform(low[:2], high[:2])
            item = self.put_on(model, support, Spot(float(x), float(y), float(self.rng.uniform(-math.pi, math.pi))))
            if item is not None:
                return item
        return None

    def make(self, model: Model) -> SceneObject:
        """Load a model at the origin; one that may be painted gets a random colour of the palette."""
        return object_of(model, self.load(model), self.rng)

    def _hits_things_on(self, support: SceneObject, mesh: Mesh) -> bool:
        """Whether a mesh meets something that stands on the same support (its ground alone decides)."""
        area = ground_of(mesh)
        wide = Area(area.x0 - GAP, area.y0 - GAP, area.x1 + GAP, area.y1 + GAP)
        return any(wide.meets(ground_of(o.mesh)) for o in self.objects if o.support == support.id)


def object_of(model: Model, mesh: Mesh, rng: np.random.Generator) -> SceneObject:
    """Make a thing of a model's mesh; one that may be painted gets a random colour of the palette."""
    colour = model.colour
    if colour == "*":
        colour = str(rng.choice(list(PALETTE)))
        mesh = painted(mesh, PALETTE[colour])
    return SceneObject(
        id=0,
        name=model.name,
        mesh=mesh,
        colour=colour,
        support=BACKGROUND,
        source=f"{model.library}/{model.key}",
        licence=licence_of(model),
        creator=creator_of(model),
        material=material_of(model),
    )


def crate_of(mesh: Mesh) -> Mesh:
    """Return the bounding box of a mesh as a mesh: quarter turns and shifts of the one are those of the other."""
    (x0, y0, z0), (x1, y1, z1) = mesh.low, mesh.high
    return box((float(x0), float(y0), float(z0)), (float(x1), float(y1), float(z1)), Material((1.0, 1.0, 1.0)))


def outline_of(mesh: Mesh) -> Mesh:
    """Return a mesh of the same extent, however it is moved, which is moved sooner: its corners and nothing else."""
    corners = mesh.corners
    triangles = np.resize(np.arange(len(corners)), (-(-len(corners) // 3), 3))
    return Mesh(corners, triangles, np.zeros((len(triangles), 3, 2)), np.zeros(len(triangles), np.int64), ())


def ground_of(mesh: Mesh) -> Area:
    """Return the rectangle of the floor plan that a mesh covers."""
    low, high = mesh.low, mesh.high
    return Area(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def rest_height(support: Mesh, mesh: Mesh, tolerance: float) -> float | None:
    """Return the height at which a mesh rests on a support; None where the support is not flat or not below it all.

    The support is probed from above on a 7 x 7 grid over the mesh's ground, a little enlarged.
    """
    area = ground_of(mesh)
    grid_x, grid_y = np.meshgrid(
        np.linspace(area.x0 - 0.01, area.x1 + 0.01, 7), np.linspace(area.y0 - 0.01, area.y1 + 0.01, 7)
    )
    rays = np.zeros((grid_x.size, 6), dtype=np.float32)
    rays[:, 0], rays[:, 1], rays[:, 2], rays[:, 5] = grid_x.ravel(), grid_y.ravel(), LOOK_DOWN, -1.0
    hits = _probe(support).cast(rays)
    if len(hits.ray) < len(rays):
        return None
    heights: NDArray[Any] = LOOK_DOWN - hits.distance
    return float(heights.max()) if float(heights.max() - heights.min()) <= tolerance else None


_PROBES: dict[int, tuple[Mesh, RayCaster]] = {}


def _probe(mesh: Mesh) -> RayCaster:
    """Return a mesh made ready for rays; the last one is kept, as tables are tried many times in a row."""
    if id(mesh) not in _PROBES:
        _PROBES.clear()
        _PROBES[id(mesh)] = (mesh, RayCaster(mesh))
    return _PROBES[id(mesh)][1]

"""Small rooms put together from furniture that was lifted once: a new layout costs milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from ablation_furniture import Furniture, Piece
from torch import Tensor

from locate3d_ros.data.annotations import GroundedExpression, Span
from locate3d_ros.model.checkpoint import TrainedOn
from locate3d_ros.training.augmentation import tight_boxes
from locate3d_ros.training.scene import Voxels

SIDE = 15  # cells of a room along x and y
FLOOR_SHARE = 0.25  # of the floor's cells are there: it is what is least to be learnt
THINGS = 4  # of a room, where they find a place
TWINS = 0.0  # share of rooms with two things of one name
TRIES = 40  # places that are tried for a thing


@dataclass(frozen=True)
class Placed:
    """A thing of a room."""

    piece: Piece
    turns: int  # quarter turns
    corner: tuple[int, int]  # cells


@dataclass(frozen=True)
class Room:
    """What is where, before any voxel is made."""

    things: tuple[Placed, ...]  # the thing at place i has the object id i + 1
    floor: Voxels
    seed: tuple[int, int]


class RoomSource:
    """Rooms made from furniture (implements `SceneSource`); the same seed gives the same rooms."""

    def __init__(self, furniture: Furniture, rooms: int, seed: int, scales: Sequence[str]) -> None:
        """Plan the rooms; features of other scales than these are zero, so that all models have one size."""
        self._plans = {f"room{seed}-{number:04d}": planned(furniture, (seed, number)) for number in range(rooms)}
        self._kept = torch.cat([torch.full((width,), name in scales) for name, width in furniture.slots])
        said = {name: tuple(sentences(name, room)) for name, room in self._plans.items()}
        self.expressions = {name: each for name, each in said.items() if each}
        self.trained_on = TrainedOn(furniture.slots, "rooms")
        self._voxels = lru_cache(maxsize=1)(self._build)  # boxes follow voxels

    @property
    def width(self) -> int:
        """The number of feature channels."""
        return len(self._kept)

    def things(self, scene_id: str) -> dict[int, str]:
        """Return the category of every thing of a room, by object id."""
        return {number: each.piece.category for number, each in enumerate(self._plans[scene_id].things, start=1)}

    def categories(self) -> set[str]:
        """Return the categories of all things."""
        return {category for scene_id in self._plans for category in self.things(scene_id).values()}

    def lifted(self, scene_id: str) -> tuple[str, ...]:
        """Name the room: there are no variants."""
        return (scene_id,)

    def voxels(self, lifted: str) -> Voxels:
        """Return a room's voxels."""
        return self._voxels(lifted)

    def boxes(self, scene_id: str) -> Mapping[int, Tensor]:
        """Return the boxes (6,) of a room's things, metres, by object id."""
        voxels = self.voxels(scene_id)
        return tight_boxes(self.things(scene_id), voxels, voxels.xyz)

    def _build(self, scene_id: str) -> Voxels:
        voxels = built(self._plans[scene_id])
        return replace(voxels, features=voxels.features.float() * self._kept)


def planned(furniture: Furniture, seed: tuple[int, int]) -> Room:
    """Choose things, two of one name in some rooms, and places where none touches another."""
    rng = np.random.default_rng(seed)
    by_name: dict[str, list[Piece]] = {}
    for piece in furniture.pieces:
        by_name.setdefault(piece.category, []).append(piece)
    names = [sorted(by_name)[place] for place in rng.permutation(len(by_name))[:THINGS]]
    if rng.random() < TWINS:
        names[1] = names[0]
    taken = np.zeros((SIDE, SIDE), dtype=bool)
    things = []
    for name in names:
        piece = by_name[name][rng.integers(len(by_name[name]))]
        placed = _place(piece, taken, rng)
        if placed is not None:
            things.append(placed)
    return Room(tuple(things), furniture.floors[rng.integers(len(furniture.floors))], seed)


def _place(piece: Piece, taken: np.ndarray, rng: np.random.Generator) -> Placed | None:  # type: ignore[type-arg]
    """Find a free place and take it, with a cell around it."""
    turns = int(rng.integers(4))
    length, width = (turned(piece.voxels, turns).cells.amax(dim=0)[:2] + 3).tolist()
    for _ in range(TRIES):
        x, y = (int(rng.integers(SIDE - side + 1)) if side <= SIDE else -1 for side in (length, width))
        if min(x, y) >= 0 and not taken[x : x + length, y : y + width].any():
            taken[x : x + length, y : y + width] = True
            return Placed(piece, turns, (x + 1, y + 1))
    return None


def turned(voxels: Voxels, turns: int) -> Voxels:
    """Turn voxels by quarter turns about the vertical, their least cell at 0, 0, 0 again."""
    xyz, cells = voxels.xyz, voxels.cells
    for _ in range(turns):
        xyz = torch.stack((-xyz[:, 1], xyz[:, 0], xyz[:, 2]), dim=1)
        cells = torch.stack((-1 - cells[:, 1], cells[:, 0], cells[:, 2]), dim=1)
    low = cells.amin(dim=0)
    return replace(voxels, xyz=xyz - low * voxels.voxel_size, cells=cells - low)


def built(room: Room) -> Voxels:
    """Put floor and things together; things stand on the floor's cells."""
    generator = torch.Generator().manual_seed(room.seed[0] * 100_003 + room.seed[1])
    parts = [_floor(room.floor, generator)]
    for number, thing in enumerate(room.things, start=1):
        voxels = turned(thing.piece.voxels, thing.turns)
        shift = torch.tensor((*thing.corner, 1))
        ids = torch.full((len(voxels),), number, dtype=torch.int32)
        xyz = voxels.xyz + shift * voxels.voxel_size
        parts.append(replace(voxels, xyz=xyz, cells=voxels.cells + shift, object_ids=ids))
    fields = ("xyz", "rgb", "features", "cells", "object_ids")
    joined = (torch.cat([getattr(part, name) for part in parts]) for name in fields)
    return Voxels(*joined, room.floor.voxel_size)


def _floor(floor: Voxels, generator: torch.Generator) -> Voxels:
    """Lay some of a home's floor on some of the room's cells."""
    chosen = torch.nonzero(torch.rand(SIDE, SIDE, generator=generator) < FLOOR_SHARE)
    cells = torch.cat((chosen, torch.zeros_like(chosen[:, :1])), dim=1)
    rows = floor.rows(torch.randint(len(floor), (len(cells),), generator=generator))
    inside = rows.xyz - (rows.cells + 0.5) * floor.voxel_size
    xyz = (cells + 0.5) * floor.voxel_size + inside
    return replace(rows, xyz=xyz, cells=cells, object_ids=torch.zeros(len(cells), dtype=torch.int32))


def sentences(scene_id: str, room: Room) -> list[GroundedExpression]:
    """Name what is alone with its name, and what is alone with its name and colour."""
    said = []
    names = [thing.piece.category for thing in room.things]
    looks = [(thing.piece.colour, thing.piece.category) for thing in room.things]
    for number, (colour, name) in enumerate(looks, start=1):
        if names.count(name) == 1:
            said.append(_sentence(scene_id, f"the {name}", number, "class"))
        elif colour and looks.count((colour, name)) == 1:
            said.append(_sentence(scene_id, f"the {colour} {name}", number, "attribute"))
    return said


def _sentence(scene_id: str, text: str, number: int, kind: str) -> GroundedExpression:
    words = tuple(text.split())
    return GroundedExpression(text, words, (Span(tuple(range(len(words))), (number,)),), (number,), scene_id, kind)

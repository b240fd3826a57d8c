"""Rooms in halves of the styles: floors and the colours of walls are dealt into two halves, as furniture is.

What covers a room is told by its home (`surfaces` of scene.json). A room is of a half where both its floor and its
walls are; other rooms are of neither, and nothing in them is trained on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from ablation_homes_world import HALVES, Homes, World, part_of, true_rooms

from locate3d_ros.data.scene_folder import RoomSurfaces, SceneFolder
from locate3d_ros.errors import InputError
from locate3d_ros.training.proposal_scenes import ProposalSample

MIXED = "mixed"
THINGS = 5  # that a home must have left to be trained on

Kind = TypeVar("Kind", tuple[float, ...], tuple[str, tuple[float, ...]])


@dataclass(frozen=True)
class Styles:
    """The half of the styles that each room of some homes is of."""

    world: World
    of: Mapping[str, Mapping[str, str]]  # home -> room -> A, B or mixed

    @classmethod
    def dealt(cls, world: World, seed: int = 0) -> Styles:
        """Deal what covers rooms into halves by chance. Raises InputError where a home does not tell it."""
        covers = {home: covers_of(world.dataset.scene(home)) for home in world.homes.expressions}
        every = [cover for rooms in covers.values() for cover in rooms.values()]
        rng = np.random.default_rng(seed)
        floors = in_halves({(cover.floor, cover.floor_colour) for cover in every}, rng)
        walls = in_halves({cover.wall_colour for cover in every}, rng)

        def half(cover: RoomSurfaces) -> str:
            floor, wall = floors[cover.floor, cover.floor_colour], walls[cover.wall_colour]
            return floor if floor == wall else MIXED

        return cls(
            world, {home: {name: half(cover) for name, cover in rooms.items()} for home, rooms in covers.items()}
        )

    def around(self, home: str, number: int) -> str:
        """Return the half that the room of an object is of."""
        return self.of[home][self.world.objects(home)[number].room]

    def within(self, sample: ProposalSample, half: str) -> ProposalSample:
        """Return a home with what is in its rooms of a half alone."""
        home, rooms = sample.scene_id, self.world.dataset.scene(sample.scene_id).rooms()
        meant = torch.tensor([self.of[home][room.name] == half for room in rooms])
        left = [place for place, number in enumerate(sample.truth.ids) if self.around(home, number) == half]
        return part_of(sample, meant[true_rooms(rooms, sample.boxes_map)].nonzero()[:, 0], left)

    def homes(self, homes: Homes, half: str, least: int = THINGS) -> Homes:
        """Return homes in their rooms of a half, where so many things are left. Raises InputError where none is."""
        there = homes.changed(lambda sample: self.within(sample, half))
        names = [home for home in there.expressions if len(there.scene(home).truth.ids) >= least]
        if not names:
            raise InputError(f"no home has {least} things in rooms of styles {half}; take more homes")
        return there.only(names)


def covers_of(scene: SceneFolder) -> dict[str, RoomSurfaces]:
    """Read what covers the rooms of a home. Raises InputError where it does not tell."""
    rooms = scene.rooms()
    told = {room.name: room.surfaces for room in rooms if room.surfaces is not None}
    if not rooms or len(told) < len(rooms):
        raise InputError(f"{scene.path}: scene.json has no surfaces of its rooms; generate the homes again")
    return told


def in_halves(kinds: Collection[Kind], rng: np.random.Generator) -> dict[Kind, str]:
    """Deal kinds into two halves by chance."""
    ordered = sorted(kinds)
    return {ordered[place]: HALVES[count % 2] for count, place in enumerate(rng.permutation(len(ordered)))}

"""Rooms of plans whose rooms are known: doors part them, furniture and turned maps do not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from locate3d_ros.localization.rooms import find_rooms, floor_height

VOXEL = 0.05  # metres
HEIGHT = 2.5
Points = NDArray[np.float32]


def block(low: tuple[float, float, float], high: tuple[float, float, float]) -> Points:
    """Fill a box with one point a voxel, also where it is thinner than one."""
    axes = [np.arange(a + VOXEL / 2, max(b, a + VOXEL), VOXEL) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)


def home(width: float = 8.0, depth: float = 4.0) -> Points:
    """Build a floor with walls around it."""
    walls = [
        block((0, 0, 0), (width, 0, HEIGHT)),
        block((0, depth, 0), (width, depth, HEIGHT)),
        block((0, 0, 0), (0, depth, HEIGHT)),
        block((width, 0, 0), (width, depth, HEIGHT)),
    ]
    return np.concatenate([block((0, 0, 0), (width, depth, 0)), *walls])


def wall_with_door(x: float = 4.0, door: tuple[float, float] = (1.0, 1.9), depth: float = 4.0) -> Points:
    """Build a wall across the home that is open to the height of a door."""
    sides = [block((x, 0, 0), (x, door[0], HEIGHT)), block((x, door[1], 0), (x, depth, HEIGHT))]
    return np.concatenate([*sides, block((x, door[0], 2.05), (x, door[1], HEIGHT))])


def things(*places: tuple[float, float]) -> Points:
    """Return boxes of chairs at places."""
    return np.array([[x - 0.2, y - 0.2, 0, x + 0.2, y + 0.2, 0.9] for x, y in places], dtype=np.float32)


def test_a_room_is_one_room():
    rooms = find_rooms(home(), VOXEL)
    assert len(rooms) == 1
    assert rooms.of_boxes(things((1, 1), (7, 3))).tolist() == [1, 1]


@pytest.mark.parametrize("door", [(1.0, 1.9), (1.2, 2.7), (0.1, 0.9)], ids=["usual", "double", "in the corner"])
def test_a_door_parts_two_rooms(door):
    rooms = find_rooms(np.concatenate([home(), wall_with_door(door=door)]), VOXEL)
    assert len(rooms) == 2
    left, near_left, right, near_right = rooms.of_boxes(things((1, 1), (3.6, 3.5), (7, 3), (4.4, 3.5)))
    assert left == near_left != right == near_right


def test_a_closed_door_parts_two_rooms():
    assert len(find_rooms(np.concatenate([home(), block((4, 0, 0), (4, 4, HEIGHT))]), VOXEL)) == 2


def test_a_wall_that_leaves_half_the_room_open_parts_nothing():
    assert len(find_rooms(np.concatenate([home(), wall_with_door(door=(1.0, 4.0))]), VOXEL)) == 1


def test_three_rooms_in_a_row_are_three():
    rooms = find_rooms(np.concatenate([home(12), wall_with_door(4.0), wall_with_door(8.0, (2.0, 2.9))]), VOXEL)
    assert len(set(rooms.of_boxes(things((2, 2), (6, 2), (10, 2))).tolist())) == 3


FURNITURE = {
    "a table in the middle": block((2, 1.5, 0.7), (6, 2.5, 0.75)),
    "a row of low shelves across": block((4, 0, 0), (4.3, 3.2, 0.8)),
    "a lamp": block((4, 2, 0), (4.1, 2.1, 1.8)),
}


@pytest.mark.parametrize("furniture", FURNITURE.values(), ids=FURNITURE)
def test_furniture_parts_no_room(furniture):
    assert len(find_rooms(np.concatenate([home(), furniture]), VOXEL)) == 1


def test_floor_hidden_behind_furniture_parts_no_room():
    xyz = home()
    seen = ~((xyz[:, 2] < 0.1) & (np.abs(xyz[:, 0] - 4) < 0.25) & (xyz[:, 1] > 0.5))
    assert len(find_rooms(xyz[seen], VOXEL)) == 1


@pytest.mark.parametrize("degrees", [7, 30, 45, 90, 133])
def test_a_turned_map_has_the_same_rooms(degrees):
    xyz = np.concatenate([home(12), wall_with_door(4.0), wall_with_door(8.0, (2.0, 2.9))])
    places = [(1.0, 1.0), (3.3, 3.5), (5.0, 2.0), (7.2, 0.8), (9.0, 3.4), (11.0, 1.0)]
    angle = np.radians(degrees)
    R = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = np.column_stack((xyz[:, :2] @ R.T - 20.0, xyz[:, 2] - 0.7)).astype(np.float32)
    rooms = find_rooms(turned, VOXEL)
    found = rooms.of_boxes(things(*(tuple(R @ place - 20.0) for place in places)))
    assert len(rooms) == 3
    assert len(set(found.tolist())) == 3
    assert (found[::2] == found[1::2]).all()


def test_what_hangs_on_a_wall_is_in_the_room_before_it():
    rooms = find_rooms(np.concatenate([home(), wall_with_door()]), VOXEL)
    pictures = np.array([[3.95, 3, 1.2, 4.0, 3.6, 1.8], [0.0, 3, 1.2, 0.1, 3.6, 1.8]], dtype=np.float32)
    assert rooms.of_boxes(pictures)[1] == rooms.of_boxes(things((1, 1)))[0]


def test_a_place_beyond_the_map_has_the_nearest_room():
    rooms = find_rooms(np.concatenate([home(), wall_with_door()]), VOXEL)
    inside = rooms.of_boxes(things((1, 1), (7, 1)))
    assert rooms.of_boxes(things((-50, 2), (90, 2))).tolist() == inside.tolist()


def test_an_empty_map_has_no_rooms():
    rooms = find_rooms(np.zeros((0, 3), dtype=np.float32), VOXEL)
    assert len(rooms) == 0
    assert rooms.of_boxes(things((1, 1), (2, 2))).tolist() == [0, 0]


@pytest.mark.parametrize("xyz", [block((0, 0, 0), (0, 0, 0)), block((0, 0, 1), (0, 3, 2)), home()[:200]])
def test_scraps_of_a_map_have_a_room_or_none(xyz):
    rooms = find_rooms(xyz, VOXEL)
    assert len(rooms) <= 1
    assert len(rooms.of_boxes(things((1, 1)))) == 1
    assert rooms.of_boxes(np.zeros((0, 6), dtype=np.float32)).shape == (0,)


def test_coarse_voxels_have_rooms_too():
    xyz = np.concatenate([home(), wall_with_door()])
    coarse = np.unique(np.floor(xyz / 0.2), axis=0).astype(np.float32) * 0.2 + 0.1
    assert len(find_rooms(coarse, 0.2)) == 2


def test_the_floor_is_found_below_tables_and_above_stray_points():
    table = block((1, 1, 0.7), (3, 3, 0.7))
    stray = np.array([[1, 1, -0.4]] * 5, dtype=np.float32)
    xyz = np.concatenate([home(), table, stray])
    xyz[:, 2] += 3.0
    assert abs(floor_height(xyz[:, 2]) - 3.0) < 0.06


def test_a_home_takes_no_time_to_speak_of():
    xyz = np.concatenate([home(12, 12), *(wall_with_door(x, (5.0, 5.9), 12.0) for x in (4.0, 8.0))])
    took = []
    for _ in range(3):
        started = time.perf_counter()
        assert len(find_rooms(xyz, VOXEL)) == 3
        took.append(time.perf_counter() - started)
    assert min(took) < 1.0  # 0.1 s on a quiet machine

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from depth_scenes import CAMERA, looking_at, render
from mapping_scenes import empty_map, make_features

from locate3d_ros.config import MappingConfig
from locate3d_ros.geometry.transforms import transform_points
from locate3d_ros.localization.background import background_planes
from locate3d_ros.localization.fine_points import fine_points
from locate3d_ros.localization.refine import refine
from locate3d_ros.types import Box, Instance, MapSnapshot, Role

GOAL = 0.015  # metres
VOXEL = 0.05
TABLE = ((0.0, 0.0, 0.70), (1.6, 0.9, 0.74), (0.5, 0.35, 0.2))
ROOM = (
    TABLE,
    ((-3.0, -3.0, -0.1), (4.0, 4.0, 0.0), (0.6, 0.6, 0.6)),
    ((-3.0, 1.6, 0.0), (4.0, 1.7, 2.5), (0.8, 0.8, 0.8)),
)
BOX = ((0.52, 0.33, 0.74), (0.83, 0.51, 0.97), (0.9, 0.1, 0.1))
MUG = ((0.71, 0.42, 0.74), (0.79, 0.50, 0.84), (0.1, 0.2, 0.8))
BOOK = ((0.60, 0.30, 0.74), (0.83, 0.47, 0.77), (0.1, 0.6, 0.2))
BOTTLE = ((0.92, 0.55, 0.74), (1.00, 0.63, 1.06), (0.9, 0.8, 0.1))
CHEST = ((2.20, 0.40, 0.0), (2.80, 0.93, 0.61), (0.4, 0.2, 0.1))
PICTURE = ((0.33, 1.57, 1.12), (0.81, 1.60, 1.53), (0.2, 0.2, 0.7))
EYES = ((0.7, -0.9, 1.5), (-0.5, -0.6, 1.4), (1.9, -0.5, 1.6))
Y_DOWN = torch.tensor([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64)  # T_world_map


def mapped(thing, *others, eyes=EYES, T_world_map=None, noise=0.0015) -> MapSnapshot:
    middle = (np.array(thing[0]) + thing[1]) / 2
    voxel_map = empty_map(MappingConfig(max_depth=6.0), frame_id="map" if T_world_map is None else "world")
    shift = np.array([middle[0] - 0.7, min(middle[1] - 0.45, 0.6), 0.0])
    for i, eye in enumerate(eyes):
        frame = render([*ROOM, thing, *others], looking_at(shift + eye, middle), float(i), noise, seed=i)
        if T_world_map is not None:
            frame = replace(frame, T_map_camera=T_world_map @ frame.T_map_camera)
        voxel_map.add(frame, make_features(camera=CAMERA, taps=1))
    return voxel_map.snapshot()


def truth(thing, T_world_map=None) -> np.ndarray:
    corners = torch.tensor(thing[:2], dtype=torch.float64)
    if T_world_map is not None:
        corners = transform_points(T_world_map, corners)
    return torch.stack((corners.min(dim=0).values, corners.max(dim=0).values)).numpy()


def coarse(snapshot: MapSnapshot, box: np.ndarray, grown: int = 0) -> Instance:
    """The object's voxels, one more around it where grown, with the box around those voxels."""
    low, high = np.floor((box[0] + 1e-4) / VOXEL) - grown, np.floor((box[1] - 1e-4) / VOXEL) + grown
    cells = snapshot.cells.numpy()
    mask = torch.from_numpy(((cells >= low) & (cells <= high)).all(axis=1))
    held = cells[mask.numpy()]
    ends = Box(tuple((held.min(axis=0) * VOXEL).tolist()), tuple(((held.max(axis=0) + 1) * VOXEL).tolist()))
    return Instance(1, "thing", Role.TARGET, 0.9, ends, mask, *fine_points(snapshot, mask))


def error(instance: Instance, box: np.ndarray) -> float:
    return float(np.abs(np.array([instance.box.min, instance.box.max]) - box).max())


@pytest.mark.parametrize("thing", [BOX, MUG, BOOK, BOTTLE, CHEST, PICTURE])
def test_box_gets_as_sharp_as_the_depth(thing):
    snapshot = mapped(thing)
    given = coarse(snapshot, truth(thing))
    refined = refine(given, snapshot)
    assert error(given, truth(thing)) > 0.02
    assert error(refined, truth(thing)) < GOAL
    assert refined.mask is given.mask
    assert (refined.id, refined.phrase, refined.score) == (1, "thing", 0.9)
    assert len(refined.xyz) == len(refined.rgb) > 100


def test_points_have_the_objects_colour_and_lie_on_it():
    snapshot = mapped(MUG)
    refined = refine(coarse(snapshot, truth(MUG)), snapshot)
    low, high = truth(MUG)
    off = np.maximum(low - refined.xyz.numpy(), refined.xyz.numpy() - high).max(axis=1)
    assert np.quantile(off, 0.98) < GOAL
    assert (refined.rgb.median(dim=0).values - torch.tensor(MUG[2])).abs().max() < 0.05


def test_mask_that_is_a_voxel_too_large_everywhere_is_cut_to_the_object():
    snapshot = mapped(BOX)
    given = coarse(snapshot, truth(BOX), grown=1)
    assert error(given, truth(BOX)) > 0.05
    assert error(refine(given, snapshot), truth(BOX)) < GOAL


def test_touching_neighbour_of_another_colour_stays_out():
    neighbour = ((0.83, 0.33, 0.74), (0.95, 0.51, 0.97), (0.1, 0.8, 0.2))
    snapshot = mapped(BOX, neighbour)
    refined = refine(coarse(snapshot, truth(BOX)), snapshot)
    assert (refined.rgb[:, 1] > 0.6).float().mean() < 0.01
    # The mask's own voxels hold 2 cm of the neighbour; a side that the camera does not face follows those.
    assert error(refined, truth(BOX)) < 0.021


def test_pattern_on_the_object_does_not_spoil_the_box():
    stripe = ((0.60, 0.3299, 0.80), (0.66, 0.33, 0.90), (0.9, 0.9, 0.9))
    snapshot = mapped(BOX, stripe)
    refined = refine(coarse(snapshot, truth(BOX)), snapshot)
    assert error(refined, truth(BOX)) < GOAL


def test_world_frame_whose_up_is_not_z():
    snapshot = mapped(BOX, T_world_map=Y_DOWN)
    box = truth(BOX, Y_DOWN)
    given = coarse(snapshot, box)
    assert error(given, box) > 0.02
    assert error(refine(given, snapshot), box) < GOAL


def test_part_behind_an_occluder_keeps_its_extent():
    pole = ((0.66, 0.0, 0.74), (0.70, 0.04, 1.3), (0.1, 0.1, 0.1))
    snapshot = mapped(BOX, pole, eyes=EYES[1:] + EYES[:1])
    assert error(refine(coarse(snapshot, truth(BOX)), snapshot), truth(BOX)) < 2 * GOAL


def test_newest_view_that_shows_it_is_taken():
    snapshot = mapped(BOX)
    away = replace(snapshot.views[-1], stamp=99.0, depth=torch.full_like(snapshot.views[-1].depth, 0.5))
    later = replace(snapshot, views=(*snapshot.views, away))
    given = coarse(snapshot, truth(BOX))
    assert torch.equal(refine(given, later).xyz, refine(given, snapshot).xyz)


def test_instance_stays_where_no_depth_shows_it():
    snapshot = mapped(BOX)
    given = coarse(snapshot, truth(BOX))
    assert refine(given, replace(snapshot, views=())) is given
    blind = tuple(replace(view, depth=None) for view in snapshot.views)
    assert refine(given, replace(snapshot, views=blind)) is given
    dark = tuple(replace(view, depth=torch.full_like(view.depth, float("nan"))) for view in snapshot.views)
    assert refine(given, replace(snapshot, views=dark)) is given
    assert refine(replace(given, mask=torch.zeros_like(given.mask)), snapshot).box == given.box


def test_own_face_is_not_taken_for_background():
    rng = np.random.default_rng(0)
    face = np.column_stack((rng.uniform(0, 1, (4000, 2)), rng.normal(0, 0.002, 4000)))
    edge = face[:, 0] > 0.8
    up, camera = np.array([0.0, 0.0, 1.0]), np.array([0.5, 0.5, 2.0])
    assert background_planes(face[edge], face[~edge], camera, up, 0.002) == []
    (plane,) = background_planes(face[~edge], face[edge], camera, up, 0.002)
    assert plane.is_support
    assert plane.height(camera) == pytest.approx(2.0, abs=0.01)
    assert background_planes(face[:0], face, camera, up, 0.002) == []

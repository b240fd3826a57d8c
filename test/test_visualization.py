from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from locate3d_ros.errors import InputError
from locate3d_ros.types import (
    Box,
    FineCloud,
    Instance,
    Intrinsics,
    Localization,
    MapSnapshot,
    Role,
    Status,
    View,
)
from locate3d_ros.visualization.camera_view import best_view, sight
from locate3d_ros.visualization.drawing import PALETTE
from locate3d_ros.visualization.picture import draw_picture, draw_view, write_picture
from locate3d_ros.visualization.top_view import render_top_view

INTRINSICS = Intrinsics(160.0, 160.0, 79.5, 59.5, 160, 120)
# Camera at the origin looking along +x of the map, z up: optical x = -y, optical y = -z, optical z = x.
T_MAP_CAMERA = torch.tensor([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64)


def make_view(x: float = 0.0, wall: float | None = None) -> View:
    pose = T_MAP_CAMERA.clone()
    pose[0, 3] = x
    depth = None if wall is None else torch.full((120, 160), wall)
    return View(torch.full((120, 160, 3), 100, dtype=torch.uint8), INTRINSICS, pose, 0.0, "camera", depth)


def make_instance(center: tuple[float, float, float] = (2.0, 0.0, 0.0), half: float = 0.1) -> Instance:
    steps = torch.linspace(-half, half, 7)
    xyz = torch.cartesian_prod(steps, steps, steps) + torch.tensor(center)
    low, high = xyz.min(dim=0).values.tolist(), xyz.max(dim=0).values.tolist()
    mask = torch.zeros(4, dtype=torch.bool)
    return Instance(0, "mug", Role.TARGET, 0.8, Box(tuple(low), tuple(high)), mask, xyz, torch.ones_like(xyz))


def make_snapshot(views: tuple[View, ...], xyz: torch.Tensor | None = None) -> MapSnapshot:
    xyz = torch.tensor([[0.0, -1.0, 0.0], [4.0, 1.0, 0.0], [4.0, -1.0, 0.0], [0.0, 1.0, 0.0]]) if xyz is None else xyz
    n = len(xyz)
    return MapSnapshot(
        cells=torch.floor(xyz / 0.05).int(),
        xyz=xyz,
        rgb=torch.zeros(n, 3),
        features={},
        has_features=torch.zeros(n, dtype=torch.bool),
        weight=torch.ones(n),
        last_seen=torch.zeros(n, dtype=torch.float64),
        fine=FineCloud(xyz, torch.zeros(n, 3), 0.02),
        revision=1,
        stamp=0.0,
        frame_id="map",
        voxel_size=0.05,
        extractor="none",
        digest="",
        camera_pose=None,
        views=views,
    )


def found(*instances: Instance) -> Localization:
    return Localization(Status.FOUND, "", instances)


def test_mask_and_box_are_drawn_where_the_object_is_seen() -> None:
    image = draw_view(make_snapshot((make_view(),)), found(make_instance()), width=640)
    assert image.shape == (480, 640, 3)
    assert not np.array_equal(image[240, 320], (100, 100, 100))
    assert np.array_equal(image[5, 5], (100, 100, 100))
    assert (image == PALETTE[0]).all(axis=2).any()


def test_points_behind_a_nearer_surface_are_not_seen() -> None:
    assert len(sight(make_instance(), make_view(wall=1.0)).pixels) == 0
    assert len(sight(make_instance(), make_view(wall=2.0)).pixels) > 0


def test_points_behind_the_camera_are_not_seen_and_their_box_is_drawn_without_error() -> None:
    behind = make_instance((-1.0, 0.0, 0.0), half=1.5)  # reaches from behind the camera to before it
    image = draw_view(make_snapshot((make_view(),)), found(behind), width=160)
    assert image.shape == (120, 160, 3)
    assert len(sight(make_instance((-2.0, 0.0, 0.0)), make_view()).pixels) == 0


def test_the_nearer_of_two_views_that_see_the_whole_object_is_chosen() -> None:
    far, near, past = make_view(-2.0), make_view(0.5), make_view(3.0)
    assert best_view(make_instance(), (far, near, past)) is near
    assert best_view(make_instance(), (past,)) is None


def test_map_without_views_is_drawn_from_above_with_the_footprint() -> None:
    image = draw_view(make_snapshot(()), found(make_instance(half=0.4)), width=200)
    assert image.shape == (150, 200, 3)
    assert (image == PALETTE[0]).all(axis=2).any()


def test_from_above_x_points_right_and_y_points_up() -> None:
    top = render_top_view(make_snapshot(()), 400, 300)
    origin, along_x, along_y = top.pixels(torch.tensor([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 1.0, 0.0]]))
    assert along_x[0] > origin[0]
    assert along_x[1] == origin[1]
    assert along_y[1] < origin[1]
    assert along_y[0] == origin[0]


def test_what_hangs_over_the_cameras_is_left_out_from_above() -> None:
    floor = torch.tensor([[0.0, 0.0, -1.0], [1.0, 1.0, -1.0]])
    ceiling = floor + torch.tensor([0.0, 0.0, 3.0])
    snapshot = make_snapshot((make_view(),), torch.cat((floor, ceiling)))
    colours = torch.tensor([[1.0, 0.0, 0.0]] * 2 + [[0.0, 0.0, 1.0]] * 2)
    image = render_top_view(replace(snapshot, fine=replace(snapshot.fine, rgb=colours)), 200, 200).image
    assert (image == (255, 0, 0)).all(axis=2).any()
    assert not (image == (0, 0, 255)).all(axis=2).any()


def test_empty_map_gives_a_picture() -> None:
    empty = make_snapshot((), torch.zeros(0, 3))
    picture = draw_picture(empty, [("a mug", Localization(Status.MAP_EMPTY, "the map is empty"))])
    assert picture.dtype == np.uint8
    assert picture.shape[1] > 640


def test_written_picture_holds_a_tile_for_every_answer(tmp_path: Path) -> None:
    snapshot = make_snapshot((make_view(),))
    answers = [("the mug", found(make_instance())), ("a bicycle", Localization(Status.NOT_FOUND, ""))]
    write_picture(tmp_path / "out.png", snapshot, answers)
    one = draw_picture(snapshot, answers[:1])
    image = cv2.imread(str(tmp_path / "out.png"))
    assert image.shape[0] > one.shape[0]


def test_picture_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_picture(tmp_path / "no" / "out.png", make_snapshot(()), [])

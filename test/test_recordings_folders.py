"""Recordings that are folders of images: what each layout holds."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from recording_writers import CAMERA, depth_mm, png, rgb_image, write_frames, write_matrix, write_plain, write_tum

from locate3d_ros.data.recordings import load_recording
from locate3d_ros.types import Intrinsics

R_UP = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]


def write_gravity(folder: Path) -> None:
    (folder / "gravity.json").write_text(json.dumps({"R_map_world": R_UP}))


def test_plain_folder_gives_images_pose_and_stamp(tmp_path):
    recording = load_recording(write_plain(tmp_path / "r", rate=10))
    frames = list(recording)
    assert len(recording) == len(frames) == 3
    assert recording.frame_id == "world"
    assert recording.cameras == ("camera",)
    frame = frames[2]
    np.testing.assert_array_equal(frame.rgb.numpy(), rgb_image())
    assert frame.depth[5, 5].item() == pytest.approx(1.5)
    assert frame.depth[0, 0] == 0
    assert frame.depth[0, 1] == 0  # 65535: the sensor's "no depth"
    assert frame.intrinsics == Intrinsics(**CAMERA)
    assert frame.depth_intrinsics is None
    assert frame.T_map_camera.dtype == torch.float64
    assert frame.T_map_camera[:3, 3].tolist() == [2.0, 0.0, 0.0]
    assert frame.stamp == pytest.approx(0.2)


def test_frame_files_are_read_when_their_turn_comes(tmp_path):
    folder = write_plain(tmp_path / "r")
    walk = iter(load_recording(folder))
    next(walk)
    (folder / "000001.color.png").write_bytes(png(rgb_image(shade=7)))
    assert next(walk).rgb[0, 0, 0] == 7


def test_numbers_need_not_be_consecutive_and_jpeg_is_read(tmp_path):
    frames = list(load_recording(write_plain(tmp_path / "r", (3, 40, 500), color="jpg", stamps=list(range(501)))))
    assert [frame.stamp for frame in frames] == [3.0, 40.0, 500.0]
    assert abs(frames[0].rgb.float().mean() - rgb_image().mean()) < 8


def test_stamps_that_are_too_few_cost_only_their_frames(tmp_path):
    recording = load_recording(write_plain(tmp_path / "r", stamps=[0.0, 1.0]))
    assert len(list(recording)) == 2
    assert "no stamp for frame 2" in recording.skipped[0].reason


def test_gravity_turns_poses_and_names_the_frame_map(tmp_path):
    folder = write_plain(tmp_path / "r")
    write_gravity(folder)
    recording = load_recording(folder)
    frame = list(recording)[1]
    assert recording.frame_id == "map"
    assert frame.T_map_camera[:3, :3].tolist() == R_UP
    assert frame.T_map_camera[:3, 3].tolist() == [1.0, 0.0, 0.0]


def test_scene_folder_loads_its_recording(tmp_path):
    write_plain(tmp_path / "scene" / "recording", frame_id="house")
    recording = load_recording(tmp_path / "scene")
    assert len(recording) == 3
    assert recording.frame_id == "house"


def test_plain_folder_with_depth_camera_is_not_registered(tmp_path):
    offset = [[1, 0, 0, 0.025], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    depth = {**CAMERA, "fx": 28.0}
    frame = next(iter(load_recording(write_plain(tmp_path / "r", depth=depth, T_camera_depth=offset))))
    assert frame.depth_intrinsics == Intrinsics(**depth)
    assert frame.T_camera_depth[0, 3] == 0.025


def test_registered_depth_of_half_size_gets_a_scaled_camera(tmp_path):
    folder = write_plain(tmp_path / "r", (0,))
    (folder / "000000.depth.png").write_bytes(png(np.full((12, 16), 2000, np.uint16)))
    frame = next(iter(load_recording(folder)))
    assert frame.depth_intrinsics == Intrinsics(15.0, 15.5, 7.5, 5.5, 16, 12)


@pytest.mark.parametrize(
    ("model", "coefficients"), [("plumb_bob", [-0.2, 0, 0, 0, 0]), ("equidistant", [0.3, 0, 0, 0])]
)
def test_distortion_is_removed_from_colour_and_registered_depth(tmp_path, model, coefficients):
    folder = tmp_path / "r"
    plain = list(load_recording(write_plain(folder, (0,))))[0]
    x, y = -14 / 30.0, 10 / 31.0  # an undistorted ray near the border
    K, ray = np.array([[30.0, 0, 15.5], [0, 31, 11.5], [0, 0, 1]]), np.array([[[x, y, 1.0]]])
    zero, D = np.zeros(3), np.array(coefficients, np.float64)
    if model == "plumb_bob":
        seen = cv2.projectPoints(ray, zero, zero, K, D)[0]
    else:
        seen = cv2.fisheye.projectPoints(ray, zero, zero, K, D)[0]
    u, v = np.round(seen.ravel()).astype(int)
    depth = depth_mm()
    depth[v - 1 : v + 2, u - 1 : u + 2] = 700
    (folder / "000000.depth.png").write_bytes(png(depth))
    distortion = {"model": model, "coefficients": coefficients}
    (folder / "camera.json").write_text(json.dumps({"color": CAMERA, "distortion": distortion}))
    frame = next(iter(load_recording(folder)))
    assert frame.depth[round(10 + 11.5), round(-14 + 15.5)].item() == pytest.approx(0.7)
    assert frame.intrinsics == plain.intrinsics


def test_seven_scenes_without_camera_file_has_the_data_sets_camera(tmp_path):
    frames = list(load_recording(write_frames(tmp_path / "r", "frame-", (0, 30))))
    assert frames[1].intrinsics == Intrinsics(585.0, 585.0, 320.0, 240.0, 32, 24)
    assert frames[1].depth_intrinsics is None
    assert frames[1].stamp == pytest.approx(1.0)


def test_seven_scenes_with_colour_camera_is_not_registered(tmp_path):
    folder = write_frames(tmp_path / "r", "frame-")
    write_matrix(folder / "camera-intrinsics.txt", 28, 28, 16, 12)
    write_matrix(folder / "camera-intrinsics-color.txt", 30, 31, 15.5, 11.5)
    frame = next(iter(load_recording(folder)))
    assert frame.intrinsics == Intrinsics(**CAMERA)
    assert frame.depth_intrinsics == Intrinsics(28.0, 28.0, 16.0, 12.0, 32, 24)


def test_kitchen_loads_whole(test_data):
    recording = load_recording(test_data / "kitchen")
    frames = list(recording)
    assert len(recording) == len(frames) == 100
    assert recording.skipped == []
    assert recording.frame_id == "map"
    assert frames[0].intrinsics.fx == 530.0
    assert frames[0].depth_intrinsics.fx == 585.0
    # The kitchen's camera looks down at a table: its viewing direction has a downward part, z being up.
    assert frames[0].T_map_camera[2, 2] < 0


def test_tum_pose_is_interpolated_at_the_colour_images_time(tmp_path):
    recording = load_recording(write_tum(tmp_path / "desk"))
    frames = list(recording)
    assert [frame.stamp for frame in frames] == [1.0, 1.1, 1.2]
    assert [frame.T_map_camera[0, 3].item() for frame in frames] == pytest.approx([1.0, 1.1, 1.2])
    assert frames[0].depth[3, 3].item() == pytest.approx(2.0)
    assert frames[0].intrinsics == Intrinsics(525.0, 525.0, 319.5, 239.5, 640, 480)


@pytest.mark.parametrize(("name", "fx"), [("freiburg1", 517.3), ("freiburg2", 520.9), ("freiburg3", 535.4)])
def test_tum_camera_is_chosen_by_the_folders_name(tmp_path, name, fx):
    frame = next(iter(load_recording(write_tum(tmp_path / f"rgbd_dataset_{name}_desk"))))
    assert frame.intrinsics.fx == fx


def test_tum_camera_file_wins(tmp_path):
    folder = write_tum(tmp_path / "rgbd_dataset_freiburg1_desk")
    (folder / "camera.json").write_text(json.dumps({"color": {**CAMERA, "width": 640, "height": 480}}))
    assert next(iter(load_recording(folder))).intrinsics.fx == 30.0


def test_tum_image_without_depth_or_pose_near_is_skipped(tmp_path):
    folder = write_tum(tmp_path / "desk")
    lines = (folder / "depth.txt").read_text().splitlines()
    (folder / "depth.txt").write_text("\n".join([lines[1], lines[3].replace("1.205", "1.230")]) + "\n")
    with (folder / "rgb.txt").open("a") as file:
        file.write("9.0 rgb/1.000000.png\n")
    with (folder / "depth.txt").open("a") as file:
        file.write("9.0 depth/1.000000.png\n")
    recording = load_recording(folder)
    assert [frame.stamp for frame in recording] == [1.0]
    reasons = [skip.reason for skip in recording.skipped]
    assert sum("no depth image within 0.02 s" in reason for reason in reasons) == 2
    assert any("no pose at 9.000 s" in reason for reason in reasons)


def test_tum_pose_gap_is_not_bridged_and_bad_lines_are_listed(tmp_path):
    folder = write_tum(tmp_path / "desk")
    (folder / "groundtruth.txt").write_text(
        "0.5 0 0 0 0 0 0 1\n1.02 0 0 0 0 0 0 1\n1.05 nan 0 0 0 0 0 1\n1.06 1 2\n"
        "1.15 0 0 0 0 0 0 1\n1.25 0 0 0 0 0 0 1\n"
    )
    recording = load_recording(folder)
    assert [frame.stamp for frame in recording] == [1.1, 1.2]
    places = [skip.file.rsplit("/", 1)[-1] for skip in recording.skipped]
    assert "groundtruth.txt line 3" in places
    assert "groundtruth.txt line 4" in places
    assert any("gap of 0.52 s" in skip.reason for skip in recording.skipped)

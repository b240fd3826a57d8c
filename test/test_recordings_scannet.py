"""ScanNet and Replica recordings: what the sensor stream, extracted frames and renderings hold."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dataset_writers import (
    pose,
    write_posed_images,
    write_replica,
    write_scan_text,
    write_scannet_folder,
    write_sens,
)
from scipy.spatial.transform import Rotation

from locate3d_ros.config import RecordingConfig
from locate3d_ros.data.recordings import load_recording
from locate3d_ros.data.recordings.published import Picture, resize_smoothly
from locate3d_ros.errors import InputError
from locate3d_ros.types import Intrinsics

POSES = [pose(0.0), pose(0.5), pose(1.0)]
COLOR = Intrinsics(58.0, 59.0, 31.5, 23.5, 64, 48)
DEPTH = Intrinsics(28.0, 28.5, 15.5, 11.5, 32, 24)
PUBLISHED = RecordingConfig(protocol="locate3d", frame_step=1)


def turned(degrees: float) -> np.ndarray:
    T = np.eye(4)
    T[:3, :3] = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
    T[:3, 3] = (1.0, 2.0, 0.1)
    return T


def scans(folder):
    """The three forms of one scan."""
    return {
        "stream": write_sens(folder / "a/scene0000_00/scene0000_00.sens", POSES),
        "extracted": write_scannet_folder(folder / "b/scene0000_00", POSES),
        "posed images": write_posed_images(folder / "c/scene0000_00", POSES),
    }


@pytest.mark.parametrize("form", ["stream", "extracted", "posed images"])
def test_scan_has_its_poses_cameras_and_depth(tmp_path, form):
    recording = load_recording(scans(tmp_path)[form])
    frames = list(recording)
    assert len(recording) == len(frames) == 3
    assert recording.frame_id == "map"
    assert recording.skipped == []
    for frame, T in zip(frames, POSES, strict=True):
        np.testing.assert_allclose(frame.T_map_camera, T, atol=1e-6)
    assert frames[2].stamp == pytest.approx(2 / 30)
    assert frames[0].intrinsics == COLOR
    assert frames[0].rgb.shape == (48, 64, 3)
    assert frames[0].depth[5, 5].item() == pytest.approx(2.0)
    assert frames[0].depth[0, 0] == 0
    if form == "posed images":  # one matrix for both: registered
        assert frames[0].depth_intrinsics == Intrinsics(29.0, 29.5, 15.5, 11.5, 32, 24)
    else:
        assert frames[0].depth_intrinsics == DEPTH


@pytest.mark.parametrize("form", ["stream", "extracted", "posed images"])
def test_protocol_gives_registered_images_of_one_size(tmp_path, form):
    (frame, *_) = load_recording(scans(tmp_path)[form], PUBLISHED)
    assert frame.intrinsics == Intrinsics(58.0 * 10, 59.0 * 10, 31.5 * 10, 23.5 * 10, 640, 480)
    assert frame.depth_intrinsics is None
    assert frame.rgb.shape == (480, 640, 3)
    assert frame.depth.shape == (480, 640)
    assert frame.depth[24, 24].item() == pytest.approx(2.0)
    assert frame.depth[19, 19] == 0  # nearest: a pixel without depth grows, none is mixed


def test_protocol_takes_every_30th_frame(tmp_path):
    path = write_sens(tmp_path / "scene0000_00.sens", [pose(0.1 * n) for n in range(61)])
    frames = list(load_recording(path, RecordingConfig(protocol="locate3d")))
    assert [round(frame.T_map_camera[0, 3].item(), 3) for frame in frames] == [0.0, 3.0, 6.0]
    frames = list(load_recording(path, RecordingConfig(frame_step=20)))
    assert [round(frame.T_map_camera[0, 3].item(), 3) for frame in frames] == [0.0, 2.0, 4.0, 6.0]


@pytest.mark.parametrize("form", ["stream", "extracted", "posed images"])
def test_axis_alignment_turns_the_poses(tmp_path, form):
    source = scans(tmp_path)[form]
    folder = source.parent if source.is_file() else source
    write_scan_text(folder / "scene0000_00.txt", turned(30))
    (frame, *_) = load_recording(source)
    np.testing.assert_allclose(frame.T_map_camera, turned(30) @ POSES[0], atol=1e-5)


def test_scan_text_without_alignment_leaves_the_poses(tmp_path):
    source = write_sens(tmp_path / "scene0000_00.sens", POSES)
    (tmp_path / "scene0000_00.txt").write_text("colorHeight = 48\n")
    np.testing.assert_allclose(next(iter(load_recording(source))).T_map_camera, POSES[0], atol=1e-6)


def test_downloaded_scan_folder_opens_its_stream(tmp_path):
    write_sens(tmp_path / "scene0000_00/scene0000_00.sens", POSES)
    (tmp_path / "scene0000_00/scene0000_00_vh_clean_2.ply").write_bytes(b"ply\n")
    assert len(load_recording(tmp_path / "scene0000_00")) == 3


def test_frames_below_a_folder_called_frames_are_found(tmp_path):
    write_scannet_folder(tmp_path / "scene0000_00/frames", POSES)
    write_scan_text(tmp_path / "scene0000_00/scene0000_00.txt", turned(10))
    (frame, *_) = load_recording(tmp_path / "scene0000_00")
    np.testing.assert_allclose(frame.T_map_camera, turned(10) @ POSES[0], atol=1e-5)


@pytest.mark.parametrize(("color_form", "depth_form"), [(1, 1), (2, 0)])
def test_stream_of_png_or_raw_depth_is_read(tmp_path, color_form, depth_form):
    path = write_sens(tmp_path / "scene0000_00.sens", POSES, color_form=color_form, depth_form=depth_form)
    (frame, *_) = load_recording(path)
    assert frame.depth[5, 5].item() == pytest.approx(2.0)
    if color_form == 1:
        assert frame.rgb[20, 10].tolist() == [255, 0, 0]


def test_frames_without_tracking_are_skipped(tmp_path):
    lost = np.full((4, 4), -np.inf)
    path = write_sens(tmp_path / "scene0000_00.sens", [POSES[0], lost, POSES[2]])
    recording = load_recording(path)
    assert len(list(recording)) == 2
    (skip,) = recording.skipped
    assert skip.file.endswith("frame 1")
    assert "infinity" in skip.reason


HEAD_FAULTS = {
    "other version": (dict(version=3), "version 4"),
    "unknown colour": (dict(color_form=0), "colour compression 0"),
    "unknown depth": (dict(depth_form=2), "depth compression 2"),
    "two poses": (dict(extrinsics=turned(3)), "do not share one pose"),
}


@pytest.mark.parametrize("fault", HEAD_FAULTS)
def test_stream_that_is_not_understood_is_refused(tmp_path, fault):
    arguments, reason = HEAD_FAULTS[fault]
    path = write_sens(tmp_path / "scene0000_00.sens", POSES, **arguments)
    with pytest.raises(InputError, match=reason) as caught:
        load_recording(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 5, 12, 40, 300])
def test_stream_cut_in_its_head_is_refused(tmp_path, size):
    path = write_sens(tmp_path / "scene0000_00.sens", POSES)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match="truncated|not a .sens"):
        load_recording(path)


def test_stream_cut_in_a_frame_gives_the_frames_before(tmp_path):
    path = write_sens(tmp_path / "scene0000_00.sens", POSES)
    path.write_bytes(path.read_bytes()[:-300])
    recording = load_recording(path)
    assert len(list(recording)) == 2
    assert "the last 1 of 3 frames" in recording.skipped[0].reason


def test_text_called_sens_is_refused(tmp_path):
    path = tmp_path / "scene0000_00.sens"
    path.write_text("this is no stream of a sensor, whatever its name says " * 20)
    with pytest.raises(InputError, match="not a .sens file"):
        load_recording(path)


def test_count_that_the_file_does_not_hold_costs_no_time(tmp_path):
    path = write_sens(tmp_path / "scene0000_00.sens", POSES, count=10**15)
    recording = load_recording(path)
    assert len(list(recording)) == 3
    assert "are missing" in recording.skipped[0].reason


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("pose/1.txt", b"1 0 0", "give 16"),
        ("depth/1.png", b"", "empty file"),
        ("color/1.jpg", b"\xff\xd8\xff", "truncated JPEG"),
    ],
)
def test_faulty_file_of_an_extracted_scan_costs_its_frame(tmp_path, name, content, reason):
    folder = write_scannet_folder(tmp_path / "scene0000_00", POSES)
    (folder / name).write_bytes(content)
    recording = load_recording(folder)
    assert len(list(recording)) == 2
    assert reason in recording.skipped[0].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [("1 2 3", "give 16"), (None, "cannot be read"), ("1 0 0 0 " * 4, "not a camera matrix")],
)
def test_extracted_scan_without_camera_is_refused(tmp_path, content, reason):
    folder = write_scannet_folder(tmp_path / "scene0000_00", POSES)
    matrix = folder / "intrinsic/intrinsic_depth.txt"
    matrix.unlink() if content is None else matrix.write_text(content)
    with pytest.raises(InputError, match=reason):
        list(load_recording(folder))


def test_gravity_file_wins(tmp_path):
    folder = write_posed_images(tmp_path / "scene0000_00", POSES)
    write_scan_text(folder / "scene0000_00.txt", turned(30))
    R = Rotation.from_euler("x", 90, degrees=True).as_matrix()
    (folder / "gravity.json").write_text(json.dumps({"R_map_world": R.tolist()}))
    (frame, *_) = load_recording(folder)
    np.testing.assert_allclose(frame.T_map_camera[:3, :3], R @ POSES[0][:3, :3], atol=1e-9)


def test_selection_keeps_the_order_asked_for(tmp_path):
    recording = load_recording(write_sens(tmp_path / "scene0000_00.sens", POSES)).select([2, 0])
    assert [frame.T_map_camera[0, 3].item() for frame in recording] == [1.0, 0.0]
    with pytest.raises(InputError, match="no frame at position 3"):
        recording.select([3])


def test_replica_scene_has_poses_camera_and_depth_in_metres(tmp_path):
    recording = load_recording(write_replica(tmp_path / "Replica/room0", POSES))
    frames = list(recording)
    assert recording.frame_id == "map"
    for frame, T in zip(frames, POSES, strict=True):
        np.testing.assert_allclose(frame.T_map_camera, T, atol=1e-9)
    assert frames[0].intrinsics == Intrinsics(60.0, 61.0, 31.5, 23.5, 64, 48)
    assert frames[0].depth[3, 3].item() == pytest.approx(2.0)


def test_replica_without_camera_file_has_the_data_sets_camera(tmp_path):
    folder = write_replica(tmp_path / "room0", POSES)
    (tmp_path / "cam_params.json").unlink()
    with pytest.raises(InputError, match="colour is 64x48, its camera 1200x680"):
        list(load_recording(folder))


@pytest.mark.parametrize("content", ["", "[]", '{"camera": {}}', '{"camera": {"w": "x"}}', '{"camera": 3}'])
def test_replica_with_an_unusable_camera_is_refused(tmp_path, content):
    folder = write_replica(tmp_path / "room0", POSES)
    (tmp_path / "cam_params.json").write_text(content)
    with pytest.raises(InputError, match="cam_params.json") as caught:
        load_recording(folder)
    assert "\n" not in str(caught.value)


def test_replica_frames_without_a_good_line_are_skipped(tmp_path):
    folder = write_replica(tmp_path / "room0", POSES)
    lines = (folder / "traj.txt").read_text().splitlines()
    (folder / "traj.txt").write_text(f"{lines[0]}\n1 2 x\n")
    recording = load_recording(folder)
    assert len(list(recording)) == 1
    assert [skip.reason.split(";")[0] for skip in recording.skipped] == [
        "could not convert string to float: 'x'",
        "no pose: traj.txt has 2 lines",
    ]


def test_protocol_scales_the_published_matrix_of_scannet():
    """MODEL_SPEC §12: row 0 of K times 640/1296, row 1 times 480/968."""
    k = Intrinsics(1170.187988, 1170.187988, 647.75, 483.75, 1296, 968)
    picture = Picture(np.zeros((968, 1296, 3), np.uint8), np.zeros((480, 640), np.float32), k)
    small = resize_smoothly(picture).intrinsics
    assert (small.fx, small.cx) == pytest.approx((k.fx * 640 / 1296, k.cx * 640 / 1296))
    assert (small.fy, small.cy) == pytest.approx((k.fy * 480 / 968, k.cy * 480 / 968))

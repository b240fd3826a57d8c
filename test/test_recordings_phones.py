"""ScanNet++ and ARKitScenes recordings: whose poses they take, and how sideways images are stood upright."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from dataset_writers import PINCAM, VIDEO, pose, write_arkitscenes, write_scannetpp
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from locate3d_ros.config import RecordingConfig
from locate3d_ros.data.recordings import load_recording
from locate3d_ros.data.recordings.quarter_turns import turn_pose, turns_to_upright
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame, Intrinsics

POSES = [pose(0.0), pose(0.5), pose(1.0)]
PUBLISHED = RecordingConfig(protocol="locate3d", frame_step=1)
MARK = (200, 40)  # pixel of the red point: u, v
TRACK = {round(10 + 0.1 * n, 3): pose(0.1 * n) for n in range(11)}
STAMPS = (10.25, 10.35, 10.45)


@pytest.mark.parametrize("kind", ["arkit", "colmap", "nerfstudio"])
def test_poses_of_every_kind_say_the_same(tmp_path, kind):
    folder = write_scannetpp(tmp_path / "0a5c013435", POSES, (kind,))
    recording = load_recording(folder, RecordingConfig(poses=kind))
    frames = list(recording)
    assert recording.skipped == []
    assert recording.frame_id == "map"
    for frame, T in zip(frames, POSES, strict=True):
        np.testing.assert_allclose(frame.T_map_camera, T, atol=1e-6)
    assert frames[0].intrinsics == Intrinsics(1440.0, 1442.0, 960.0, 720.0, 1920, 1440)
    assert frames[0].depth_intrinsics.width == 256  # registered, smaller
    assert frames[0].depth[9, 9].item() == pytest.approx(2.0)
    assert frames[1].stamp == pytest.approx(101.0 if kind == "arkit" else 10 / 60)


def test_colmap_is_preferred_and_the_phone_by_the_protocol(tmp_path):
    folder = write_scannetpp(tmp_path / "s", POSES, ("arkit", "colmap", "nerfstudio"))
    phone = folder / "iphone"
    entries = json.loads((phone / "pose_intrinsic_imu.json").read_text())
    for entry in entries.values():
        entry["aligned_pose"][0][3] += 7
    (phone / "pose_intrinsic_imu.json").write_text(json.dumps(entries))
    assert next(iter(load_recording(folder))).T_map_camera[0, 3].item() == pytest.approx(0.0)
    assert next(iter(load_recording(phone))).T_map_camera[0, 3].item() == pytest.approx(0.0)
    assert next(iter(load_recording(folder, PUBLISHED))).T_map_camera[0, 3].item() == pytest.approx(7.0)


def test_protocol_gives_a_third_of_the_size(tmp_path):
    (frame, *_) = load_recording(write_scannetpp(tmp_path / "s", POSES), PUBLISHED)
    assert frame.intrinsics == Intrinsics(480.0, 1442 * (640 / 1920), 320.0, 240.0, 640, 480)
    assert frame.depth_intrinsics is None
    assert frame.depth.shape == (480, 640)
    assert (frame.depth == 0).sum() == 9  # one pixel of 256x192, nearest: columns 0 to 2, rows 0 to 2


def test_lens_of_the_phone_is_taken_out(tmp_path):
    folder = write_scannetpp(tmp_path / "s", POSES[:1], ("colmap", "arkit"))
    straight = next(iter(load_recording(folder, RecordingConfig(poses="arkit"))))
    bent = next(iter(load_recording(folder, RecordingConfig(poses="colmap"))))
    assert (straight.rgb[0, 0] > 0).all()
    assert (straight.rgb.float() - bent.rgb.float()).abs().max() > 50  # black corners where nothing was seen


def test_recording_that_is_not_extracted_says_how(tmp_path):
    folder = write_scannetpp(tmp_path / "s", POSES)
    for path in (folder / "iphone/rgb").iterdir():
        path.unlink()
    (folder / "iphone/rgb").rmdir()
    with pytest.raises(InputError, match="iphone.prepare_iphone_data"):
        load_recording(folder)


PHONE_FAULTS = {
    "cut": ("pose_intrinsic_imu.json", lambda text: text[:-9], "arkit", "not whole JSON"),
    "a list": ("pose_intrinsic_imu.json", lambda _: "[]", "arkit", "not an object of frames"),
    "nested": ("pose_intrinsic_imu.json", lambda _: "[" * 100_000, "arkit", "not whole JSON"),
    "no camera": ("nerfstudio/transforms.json", lambda _: '{"frames": []}', "nerfstudio", "cannot be used"),
    "other lens": ("colmap/cameras.txt", lambda text: text.replace("OPENCV", "FOV"), "colmap", "model 'FOV'"),
    "words": ("colmap/cameras.txt", lambda _: "1 OPENCV a b\n", "colmap", "camera 1 OPENCV"),
}


@pytest.mark.parametrize("fault", PHONE_FAULTS)
def test_unusable_poses_are_refused_with_one_line(tmp_path, fault):
    name, change, poses, reason = PHONE_FAULTS[fault]
    folder = write_scannetpp(tmp_path / "s", POSES, ("arkit", "colmap", "nerfstudio"))
    path = folder / "iphone" / name
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=reason) as caught:
        load_recording(folder, RecordingConfig(poses=poses))
    assert "\n" not in str(caught.value)
    assert name.split("/")[-1] in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("arkit", "pose_intrinsic_imu.json", lambda text: text.replace('"aligned_pose"', '"other"', 1)),
        ("nerfstudio", "nerfstudio/transforms.json", lambda text: text.replace('"transform_matrix": [[', '"x": [[', 1)),
        ("colmap", "colmap/images.txt", lambda text: text.replace(" 1 video", " 5 video", 1)),
    ],
)
def test_wrong_entry_is_listed_and_the_others_are_read(tmp_path, kind, name, change):
    folder = write_scannetpp(tmp_path / "s", POSES, (kind,))
    path = folder / "iphone" / name
    path.write_text(change(path.read_text()))
    recording = load_recording(folder, RecordingConfig(poses=kind))
    assert len(list(recording)) == 2
    (skip,) = recording.skipped
    assert "entry 0" in skip.file


def point_of_mark(frame: Frame) -> np.ndarray:
    """The world point that the red pixel shows."""
    v, u = np.argwhere(frame.rgb.numpy()[..., 1] == 0)[0]
    k, z = frame.intrinsics, frame.depth[v, u].item()
    camera = np.array([(u - k.cx) / k.fx * z, (v - k.cy) / k.fy * z, z, 1.0])
    return (frame.T_map_camera.numpy() @ camera)[:3]


def rolled(T: np.ndarray, turns: int) -> np.ndarray:
    """The pose of the same camera, rolled about its axis by quarters."""
    R = np.eye(4)
    R[:3, :3] = Rotation.from_euler("z", 90 * turns, degrees=True).as_matrix()
    return T @ R


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_sideways_video_is_stood_upright_and_shows_the_same_points(tmp_path, turns):
    track = {stamp: rolled(T, -turns) for stamp, T in TRACK.items()}
    recording = load_recording(write_arkitscenes(tmp_path / VIDEO, STAMPS, track, MARK))
    frames = list(recording)
    assert recording.skipped == []
    width, height, fx, fy, cx, cy = PINCAM
    u, v = MARK
    for stamp, frame in zip(STAMPS, frames, strict=True):
        T_file = rolled(pose(stamp - 10), -turns)
        expected = T_file @ [(u - cx) / fx * 2, (v - cy) / fy * 2, 2, 1]
        np.testing.assert_allclose(point_of_mark(frame), expected[:3], atol=1e-5)
        assert -frame.T_map_camera[2, 1].item() > 0.9  # up in the image is up in the world
        assert frame.stamp == stamp
    assert frames[0].rgb.shape == ((height, width, 3) if turns % 2 == 0 else (width, height, 3))


def test_published_intrinsics_of_a_turned_image(tmp_path):
    track = {stamp: rolled(T, -1) for stamp, T in TRACK.items()}
    (frame, *_) = load_recording(write_arkitscenes(tmp_path / VIDEO, STAMPS, track, MARK), PUBLISHED)
    assert frame.intrinsics == Intrinsics(213.0, 212.0, 95.0, 256 - 127.0, 192, 256)  # MODEL_SPEC §12, k = 1


def test_published_poses_reach_beyond_the_track_and_ours_do_not(tmp_path):
    folder = write_arkitscenes(tmp_path / VIDEO, (9.5, 10.25, 11.5), TRACK, MARK)
    recording = load_recording(folder)
    assert [frame.stamp for frame in recording] == [10.25]
    assert len(recording.skipped) == 2
    assert "no pose at 9.500 s" in recording.skipped[0].reason
    frames = list(load_recording(folder, PUBLISHED))
    assert [round(frame.T_map_camera[0, 3].item(), 6) for frame in frames] == [0.0, 0.25, 1.0]


def test_published_positions_lie_on_a_cubic_spline(tmp_path):
    track = {10 + 0.1 * n: pose((0.1 * n) ** 3) for n in range(11)}
    folder = write_arkitscenes(tmp_path / VIDEO, (10.25,), track, MARK)
    (exact,) = load_recording(folder, PUBLISHED)
    (straight,) = load_recording(folder)
    assert exact.T_map_camera[0, 3].item() == pytest.approx(0.25**3, abs=1e-9)
    assert straight.T_map_camera[0, 3].item() == pytest.approx((0.2**3 + 0.3**3) / 2, abs=1e-9)


def test_images_without_depth_are_no_frames(tmp_path):
    folder = write_arkitscenes(tmp_path / VIDEO, STAMPS, TRACK, MARK)
    (folder / f"lowres_depth/{VIDEO}_10.350.png").unlink()
    assert [frame.stamp for frame in load_recording(folder)] == [10.25, 10.45]


def test_folder_of_the_detection_part_is_found(tmp_path):
    write_arkitscenes(tmp_path / VIDEO / f"{VIDEO}_frames", STAMPS, TRACK, MARK)
    assert len(load_recording(tmp_path / VIDEO)) == 3


VIDEO_FAULTS = {
    "no camera": (f"lowres_wide_intrinsics/{VIDEO}_10.351.pincam", None, "no .pincam file"),
    "short camera": (f"lowres_wide_intrinsics/{VIDEO}_10.351.pincam", b"256 192 212", "give 6"),
    "nan camera": (f"lowres_wide_intrinsics/{VIDEO}_10.351.pincam", b"256 192 nan 1 1 1", "nan"),
    "flat camera": (f"lowres_wide_intrinsics/{VIDEO}_10.351.pincam", b"256 192 0 213 1 1", "focal length"),
    "cut depth": (f"lowres_depth/{VIDEO}_10.350.png", b"\x89PNG\r\n\x1a\n", "truncated PNG"),
}


@pytest.mark.parametrize("fault", VIDEO_FAULTS)
def test_faulty_file_costs_its_frame(tmp_path, fault):
    name, content, reason = VIDEO_FAULTS[fault]
    folder = write_arkitscenes(tmp_path / VIDEO, STAMPS, TRACK, MARK)
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    recording = load_recording(folder)
    assert len(list(recording)) == 2
    (skip,) = recording.skipped
    assert reason in skip.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read"), (b"\xff\xff", "not a text file"), (b"10 0 0 0 0 0 0\nx\n", "1 usable")],
)
def test_video_without_a_track_is_refused(tmp_path, content, reason):
    folder = write_arkitscenes(tmp_path / VIDEO, STAMPS, TRACK, MARK)
    (folder / "lowres_wide.traj").unlink() if content is None else (folder / "lowres_wide.traj").write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        load_recording(folder)
    assert "lowres_wide.traj" in str(caught.value)


def test_wrong_lines_of_a_track_are_listed_and_gaps_are_not_bridged(tmp_path):
    folder = write_arkitscenes(tmp_path / VIDEO, STAMPS, TRACK, MARK)
    lines = (folder / "lowres_wide.traj").read_text().splitlines()
    (folder / "lowres_wide.traj").write_text("\n".join([lines[0], "10.2 nan 0 0 0 0 0", *lines[-3:]]) + "\n")
    recording = load_recording(folder)
    with pytest.raises(InputError, match="no usable frame"):
        list(recording)
    assert recording.skipped[0].file.endswith("line 2")
    assert "gap of 0.80 s" in recording.skipped[1].reason


@given(turns=st.integers(0, 3), roll=st.floats(-40, 40), tilt=st.floats(-0.7, 0.7))
def test_any_hold_of_the_phone_ends_upright(turns, roll, tilt):
    held = rolled(pose(0.0, tilt), turns)
    held[:3, :3] = held[:3, :3] @ Rotation.from_euler("z", roll, degrees=True).as_matrix()
    T = torch.from_numpy(held)
    upright = turn_pose(T, turns_to_upright([T]))
    assert -upright[2, 1].item() > abs(upright[2, 0].item())
    np.testing.assert_allclose(upright[:3, 2], T[:3, 2])  # it looks where it looked
    np.testing.assert_allclose(upright[:3, 3], T[:3, 3])

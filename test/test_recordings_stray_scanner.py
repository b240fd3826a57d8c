"""Recordings of the app Stray Scanner, written as its format's description says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from locate3d_ros.data.recordings import load_recording
from locate3d_ros.errors import InputError

WIDTH, HEIGHT = 64, 48  # of the video; depth has a quarter of it
# Camera axes (right, down, forward) in ARKit's world (y up, looking along -z), held with the long side level …
LEVEL = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]).T
# … and upright: the picture's right is down, its bottom is left.
UPRIGHT = np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, -1]]).T


def write_scan(folder, rotation=LEVEL, frames=4):
    folder.mkdir()
    video = cv2.VideoWriter(str(folder / "rgb.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 30.0, (WIDTH, HEIGHT))
    rows = ["timestamp, frame, x, y, z, qx, qy, qz, qw"]
    for part in ("depth", "confidence"):
        (folder / part).mkdir()
    for number in range(frames):
        bgr = np.full((HEIGHT, WIDTH, 3), 60 * number, np.uint8)
        bgr[:, : WIDTH // 2] = 255 - 60 * number  # left half
        video.write(bgr)
        depth = np.full((HEIGHT // 4, WIDTH // 4), 1500 + number, np.uint16)
        sure = np.full(depth.shape, 2, np.uint8)
        sure[0, 0] = 0
        cv2.imwrite(str(folder / "depth" / f"{number:06d}.png"), depth)
        cv2.imwrite(str(folder / "confidence" / f"{number:06d}.png"), sure)
        quaternion = Rotation.from_matrix(rotation).as_quat()
        rows.append(", ".join(str(v) for v in (10.0 + number / 30, f"{number:06d}", 1.0, 2.0, 3.0, *quaternion)))
    video.release()
    (folder / "odometry.csv").write_text("\n".join(rows) + "\n")
    np.savetxt(folder / "camera_matrix.csv", [[50.0, 0, 31.5], [0, 50, 23.5], [0, 0, 1]], delimiter=",")
    return folder


def test_frames_have_pictures_poses_and_trusted_depth(tmp_path):
    recording = load_recording(write_scan(tmp_path / "scan"))
    frames = list(recording)
    assert (recording.frame_id, len(frames)) == ("map", 4)
    for number, frame in enumerate(frames):
        assert frame.stamp == pytest.approx(10.0 + number / 30)
        assert abs(int(frame.rgb[20, 50, 0]) - 60 * number) < 12
        assert frame.depth[5, 5] == pytest.approx(1.5 + number / 1000)
        assert frame.depth[0, 0] == 0.0
    # ARKit's (1, 2, 3), y up, is (1, -3, 2), z up; the camera looks along ARKit's -z, which is y of the map.
    T = frames[0].T_map_camera
    assert T[:3, 3].tolist() == pytest.approx([1.0, -3.0, 2.0])
    assert T[:3, 2].tolist() == pytest.approx([0.0, 1.0, 0.0])
    assert T[:3, 1].tolist() == pytest.approx([0.0, 0.0, -1.0])
    assert frames[0].depth_intrinsics.fx == pytest.approx(12.5)


def test_a_video_taken_upright_is_turned(tmp_path):
    frame = next(iter(load_recording(write_scan(tmp_path / "scan", UPRIGHT))))
    assert tuple(frame.rgb.shape) == (WIDTH, HEIGHT, 3)
    assert frame.T_map_camera[2, 1].item() == pytest.approx(-1.0)  # the picture's down is down
    # The left half of the stored picture is the upper half of what the user saw.
    assert frame.rgb[5, 20, 0] > 240 > 20 > frame.rgb[-5, 20, 0]
    assert torch.linalg.det(frame.T_map_camera[:3, :3]).item() == pytest.approx(1.0)


def test_selected_frames_are_the_right_ones_in_any_order(tmp_path):
    recording = load_recording(write_scan(tmp_path / "scan"))
    assert [round(int(f.rgb[20, 50, 0]) / 60) for f in recording.select([3, 1, 2])] == [3, 1, 2]


def test_wrong_lines_and_missing_images_cost_one_frame_each(tmp_path):
    folder = write_scan(tmp_path / "scan", frames=4)
    lines = (folder / "odometry.csv").read_text().splitlines()
    lines[2] = lines[2].replace("1.0", "nan", 1)
    (folder / "odometry.csv").write_text("\n".join([*lines, lines[-1].replace("000003", "000009")]))
    (folder / "depth" / "000002.png").unlink()
    recording = load_recording(folder)
    assert len(list(recording)) == 2
    told = "\n".join(f"{skip.file}: {skip.reason}" for skip in recording.skipped)
    for part in ("odometry.csv line 3", "000002.png: cannot be read", "no picture 9 in it"):
        assert part in told


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("odometry.csv", "a, b\n1, 2\n", "has no columns timestamp"),
        ("camera_matrix.csv", "1, 2\n", "no 3x3 matrix"),
        ("camera_matrix.csv", "x\n", "cannot be used"),
    ],
)
def test_unusable_files_refuse_the_recording(tmp_path, name, content, reason):
    folder = write_scan(tmp_path / "scan")
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=reason):
        load_recording(folder)

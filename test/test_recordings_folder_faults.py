"""Recordings with faulty files: a frame is lost, or the recording is refused with one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from recording_writers import CAMERA, depth_mm, jpeg, png, rgb_image, write_frames, write_matrix, write_plain, write_tum

from locate3d_ros.data.recordings import load_recording
from locate3d_ros.errors import InputError

FRAME_FAULTS = {
    "truncated PNG": ("000001.color.png", lambda blob: blob[:-20], "truncated PNG"),
    "damaged PNG": ("000001.depth.png", lambda blob: blob[:60] + b"\0\1\2" + blob[63:], "PNG"),
    "empty image": ("000001.color.png", lambda _: b"", "empty file"),
    "no image": ("000001.color.png", lambda _: b"hello", "neither JPEG nor PNG"),
    "8-bit depth": ("000001.depth.png", lambda _: png(np.zeros((24, 32), np.uint8)), "16-bit"),
    "colour as depth": ("000001.depth.png", lambda _: png(rgb_image()), "16-bit"),
    "JPEG as depth": ("000001.depth.png", lambda _: jpeg(rgb_image()), "PNG"),
    "other size": ("000001.color.png", lambda _: png(rgb_image()[:20]), "its camera 32x24"),
    "other depth shape": ("000001.depth.png", lambda _: png(depth_mm()[:20]), "aspect ratio"),
    "nan pose": ("000001.pose.txt", lambda blob: blob.replace(b"1 0 0", b"nan 0 0"), "nan"),
    "no rotation": ("000001.pose.txt", lambda blob: blob.replace(b"1 0 0 1", b"2 0 0 1"), "not a rigid transform"),
    "too few numbers": ("000001.pose.txt", lambda _: b"1 0 0 0", "give 16"),
    "words": ("000001.pose.txt", lambda blob: blob.replace(b"1 0 0 1", b"x 0 0 1"), "give 16 numbers"),
    "binary pose": ("000001.pose.txt", lambda _: b"\xff\xfe\x00", "not a text file"),
}


@pytest.mark.parametrize("fault", FRAME_FAULTS)
def test_faulty_frame_is_skipped_and_listed_and_the_rest_is_read(tmp_path, capfd, fault):
    name, change, reason = FRAME_FAULTS[fault]
    folder = write_plain(tmp_path / "r")
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    recording = load_recording(folder)
    assert len(list(recording)) == 2
    (skip,) = recording.skipped
    assert "000001" in skip.file
    assert reason in skip.reason
    assert ";" in skip.reason  # the mend
    assert "\n" not in skip.reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_truncated_jpeg_is_skipped(tmp_path, capfd, kept):
    folder = write_plain(tmp_path / "r", color="jpg")
    path = folder / "000000.color.jpg"
    blob = path.read_bytes()
    path.write_bytes(blob[: int(kept * len(blob))])
    recording = load_recording(folder)
    assert len(list(recording)) == 2
    assert "truncated JPEG" in recording.skipped[0].reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["000001.color.png", "000001.depth.png", "000001.pose.txt"])
def test_counts_that_differ_cost_only_the_incomplete_frame(tmp_path, name):
    folder = write_plain(tmp_path / "r")
    (folder / name).unlink()
    recording = load_recording(folder)
    assert len(recording) == 3
    assert len(list(recording)) == 2
    assert recording.skipped[0].file == str(folder / name)
    assert "missing" in recording.skipped[0].reason


def test_second_walk_starts_its_own_list(tmp_path):
    folder = write_plain(tmp_path / "r")
    (folder / "000001.pose.txt").unlink()
    recording = load_recording(folder)
    assert len(list(recording)) == len(list(recording)) == 2
    assert len(recording.skipped) == 1


def test_recording_without_a_usable_frame_is_refused_with_the_first_reason(tmp_path):
    folder = write_plain(tmp_path / "r")
    for path in folder.glob("*.pose.txt"):
        path.write_text("nan " * 16)
    with pytest.raises(InputError, match=r"no usable frame.*000000\.pose\.txt.*nan"):
        list(load_recording(folder))


SOURCE_FAULTS = {
    "zero focal length": ({"color": {**CAMERA, "fx": 0}}, "focal length"),
    "nan focal length": ({"color": {**CAMERA, "fx": float("nan")}}, "focal length"),
    "no colour camera": ({}, "'color' is missing"),
    "no width": ({"color": {k: v for k, v in CAMERA.items() if k != "width"}}, "'width' is missing"),
    "a list": ([1, 2], "camera.json"),
    "text number": ({"color": {**CAMERA, "fx": "wide"}}, "wide"),
    "zero rate": ({"color": CAMERA, "rate": 0}, "rate"),
    "lens model": ({"color": CAMERA, "distortion": {"model": "magic", "coefficients": [1.0]}}, "magic"),
    "coefficients": ({"color": CAMERA, "distortion": {"model": "plumb_bob", "coefficients": [1.0]}}, "4 or 5"),
    "offset": ({"color": CAMERA, "depth": CAMERA, "T_camera_depth": [[1, 0], [0, 1]]}, "4x4"),
}


@pytest.mark.parametrize("fault", SOURCE_FAULTS)
def test_unusable_camera_file_refuses_the_recording(tmp_path, fault):
    content, reason = SOURCE_FAULTS[fault]
    folder = write_plain(tmp_path / "r")
    (folder / "camera.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=reason) as caught:
        load_recording(folder)
    assert str(folder / "camera.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_camera_file_that_is_no_json_or_missing_refuses_the_recording(tmp_path):
    folder = write_plain(tmp_path / "r")
    (folder / "camera.json").write_text("{")
    with pytest.raises(InputError, match=r"camera\.json: not JSON"):
        load_recording(folder)
    (folder / "camera.json").unlink()
    with pytest.raises(InputError, match=r"camera\.json: cannot be read"):
        load_recording(folder)


@pytest.mark.parametrize(
    "content", ["{}", '{"R_map_world": [[1,0],[0,1]]}', '{"R_map_world": [[2,0,0],[0,1,0],[0,0,1]]}']
)
def test_unusable_gravity_refuses_the_recording(tmp_path, content):
    folder = write_plain(tmp_path / "r")
    (folder / "gravity.json").write_text(content)
    with pytest.raises(InputError, match=r"gravity\.json"):
        load_recording(folder)


def test_seven_scenes_zero_focal_length_refuses_the_recording(tmp_path):
    folder = write_frames(tmp_path / "r", "frame-")
    write_matrix(folder / "camera-intrinsics.txt", 0, 585, 320, 240)
    with pytest.raises(InputError, match=r"camera-intrinsics\.txt.*focal length"):
        load_recording(folder)


@pytest.mark.parametrize("name", ["rgb.txt", "depth.txt", "groundtruth.txt"])
def test_tum_folder_without_one_of_its_lists_is_refused(tmp_path, name):
    folder = write_tum(tmp_path / "desk")
    (folder / name).unlink()
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        load_recording(folder)
    (folder / name).write_text("# nothing\n")
    with pytest.raises(InputError, match="lists nothing"):
        load_recording(folder)


def test_missing_empty_and_unknown_sources_are_refused_with_a_mend(tmp_path):
    with pytest.raises(InputError, match="no such file or folder; check the path"):
        load_recording(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty folder; give"):
        load_recording(tmp_path / "empty")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=r"unknown layout \(2 entries: empty, notes.txt\); give"):
        load_recording(tmp_path)
    with pytest.raises(InputError, match="not a recording; give"):
        load_recording(tmp_path / "notes.txt")

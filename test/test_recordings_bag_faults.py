"""rosbag2 recordings with faulty messages or files: a frame is lost, or the bag is refused with one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recording_writers import BagWriter, depth_mm, jpeg, png, rgb_image, still_bag, write_bag
from rosbags.rosbag2 import StoragePlugin

from locate3d_ros.data.recordings import load_recording
from locate3d_ros.data.recordings.recording import Recording
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame

IMAGE = "sensor_msgs/msg/Image"


def test_images_outside_tf_or_without_depth_are_skipped_and_named(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        for stamp in (0.0, 2.0):
            bag.transform(stamp, "map", "optical", (stamp, 0.0, 0.0))
        bag.camera_info("/cam/rgb/camera_info", 1.0, "optical")
        for stamp in (1.0, 1.5, 3.0):
            bag.image("/cam/rgb/image", stamp, "optical", "rgb8", rgb_image())
        for stamp in (1.0, 3.0):
            bag.image("/cam/depth/image", stamp, "optical", "16UC1", depth_mm())
    recording = load_recording(tmp_path / "bag")
    assert [frame.stamp for frame in recording] == [1.0]
    reasons = {skip.file: skip.reason for skip in recording.skipped}
    assert "/cam/depth/image" in reasons["/cam/rgb/image at 1.500 s"]
    late = reasons["/cam/rgb/image at 3.000 s"]
    assert "'optical' to 'map'" in late
    assert "known from 0.000 to 2.000 s" in late


def test_message_faults_cost_only_their_frame(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        still_bag(bag)
        bag.camera_info("/cam/rgb/camera_info", 1.0, "optical")
        for stamp in (1.0, 2.0, 3.0, 4.0):
            encoding = "yuv999" if stamp == 2.0 else "rgb8"
            bag.image("/cam/rgb/image", stamp, "optical", encoding, rgb_image())
            pixels = depth_mm()[:20] if stamp == 3.0 else depth_mm()
            bag.image("/cam/depth/image", stamp, "optical", "16UC1", pixels)
        bag.write_raw("/cam/rgb/image", IMAGE, 5.0, b"\0\1\0\0\1")
    recording = load_recording(tmp_path / "bag")
    assert [frame.stamp for frame in recording] == [1.0, 4.0]
    text = "\n".join(f"{skip.file}: {skip.reason}" for skip in recording.skipped)
    assert "/cam/rgb/image at 2.000 s: unknown encoding 'yuv999'" in text
    assert "/cam/rgb/image at 3.000 s: depth is 32x20" in text
    assert "unusable message" in text


def test_truncated_compressed_images_are_skipped(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        still_bag(bag)
        bag.camera_info("/cam/rgb/camera_info", 1.0, "optical")
        for stamp, color, depth in ((1.0, jpeg(rgb_image()), png(depth_mm())),
                                    (2.0, jpeg(rgb_image())[:-40], png(depth_mm())),
                                    (3.0, jpeg(rgb_image()), png(depth_mm())[:-9])):  # fmt: skip
            bag.compressed("/cam/rgb/image/compressed", stamp, "optical", "jpeg", color)
            bag.compressed("/cam/depth/image/compressedDepth", stamp, "optical", "16UC1; compressedDepth", depth)
    recording = load_recording(tmp_path / "bag")
    assert [frame.stamp for frame in recording] == [1.0]
    assert sorted(skip.reason.split(" (")[0] for skip in recording.skipped) == ["truncated JPEG", "truncated PNG"]


def test_transform_with_nan_is_left_out_and_listed(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        for stamp, x in ((0.0, 0.0), (1.0, float("nan")), (2.0, 2.0)):
            bag.transform(stamp, "map", "optical", (x, 0.0, 0.0))
        bag.camera_info("/cam/rgb/camera_info", 1.0, "optical")
        bag.image("/cam/rgb/image", 1.0, "optical", "rgb8", rgb_image())
        bag.image("/cam/depth/image", 1.0, "optical", "16UC1", depth_mm())
    recording = load_recording(tmp_path / "bag")
    (frame,) = recording
    assert frame.T_map_camera[0, 3] == 1.0
    assert recording.skipped[0].file == "/tf map to optical"


def without(folder: Path, *left_out: str) -> Path:
    with BagWriter(folder) as bag:
        if "tf" not in left_out:
            still_bag(bag)
        if "info" not in left_out:
            bag.camera_info("/cam/rgb/camera_info", 1.0, "optical", fx=0.0 if "focal" in left_out else 30.0)
        if "color" not in left_out:
            bag.image("/cam/rgb/image", 1.0, "optical", "rgb8", rgb_image())
        if "depth" not in left_out:
            bag.image("/cam/depth/image", 1.0, "optical", "16UC1", depth_mm())
    return folder


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [
        ("tf", r"frame 'optical' is not in TF; record /tf"),
        ("info", r"/cam/rgb/image: no camera_info for it; record /cam/rgb/camera_info"),
        ("color", "no colour image topic; record"),
        ("depth", "no depth image topic; record"),
        ("focal", r"camera_info of /cam/rgb/image.*focal length"),
    ],
)
def test_bag_that_lacks_something_is_refused_with_a_mend(tmp_path, left_out, reason):
    path = without(tmp_path / "bag", left_out)
    with pytest.raises(InputError, match=reason) as caught:
        load_recording(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bag_whose_images_all_have_an_unknown_encoding_is_refused(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        still_bag(bag)
        bag.camera_info("/cam/rgb/camera_info", 1.0, "optical")
        bag.image("/cam/rgb/image", 1.0, "optical", "yuv999", rgb_image())
        bag.image("/cam/depth/image", 1.0, "optical", "16UC1", depth_mm())
    with pytest.raises(InputError, match="no usable frame.*unknown encoding 'yuv999'"):
        list(load_recording(tmp_path / "bag"))


def read_what_is_left(path: Path) -> tuple[Recording | None, list[Frame], str]:
    """Return recording, frames and error of a bag."""
    try:
        recording = load_recording(path)
        return recording, list(recording), ""
    except InputError as error:
        return None, [], str(error)


@pytest.mark.parametrize("storage", list(StoragePlugin))
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_bag_gives_what_is_left_or_one_line(tmp_path, storage, kept):
    folder = write_bag(tmp_path / "bag", storage)
    (path,) = (p for p in folder.iterdir() if p.suffix in (".mcap", ".db3"))
    blob = path.read_bytes()
    path.write_bytes(blob[: int(kept * len(blob))])
    recording, frames, error = read_what_is_left(folder)
    if recording is None:
        assert str(folder) in error
        assert "\n" not in error
    else:
        assert len(frames) < 3 or kept > 0.99
        assert "truncated or damaged" in recording.skipped[0].reason


@pytest.mark.parametrize("content", ["", "a: [", "rosbag2_bagfile_information: 3"])
def test_unreadable_metadata_is_refused(tmp_path, content):
    folder = write_bag(tmp_path / "bag")
    (folder / "metadata.yaml").write_text(content)
    with pytest.raises(InputError, match="truncated or damaged") as caught:
        load_recording(folder)
    assert "\n" not in str(caught.value)


def write_long_bag(path: Path) -> Path:
    """Six frames, 1 s apart, in chunks of their own: unused infrared images fill what the small ones leave."""
    with BagWriter(path) as bag:
        still_bag(bag)
        for stamp in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0):
            bag.camera_info("/cam/rgb/camera_info", stamp, "optical")
            bag.image("/cam/rgb/image", stamp, "optical", "rgb8", rgb_image())
            bag.image("/cam/depth/image", stamp, "optical", "16UC1", depth_mm())
            bag.image("/cam/infra1/image", stamp, "optical", "mono8", np.zeros((1100, 1000), np.uint8))
    return path


@pytest.mark.parametrize("as_file", [False, True])
@pytest.mark.parametrize("has_metadata", [False, True])
def test_mcap_of_a_killed_recorder_gives_the_frames_before_the_cut(tmp_path, as_file, has_metadata):
    folder = write_long_bag(tmp_path / "bag")
    (path,) = folder.glob("*.mcap")
    blob = path.read_bytes()
    path.write_bytes(blob[: int(0.6 * len(blob))])
    if not has_metadata:
        (folder / "metadata.yaml").unlink()
    recording = load_recording(path if as_file else folder)
    assert [frame.stamp for frame in recording] == [1.0, 2.0, 3.0]
    (skip,) = recording.skipped
    assert skip.file == str(path)
    assert "the rest is truncated or damaged; mend it" in skip.reason


def test_whole_bag_without_metadata_is_read_and_a_file_only_just_begun_costs_nothing_else(tmp_path):
    folder = write_long_bag(tmp_path / "bag")
    (folder / "metadata.yaml").unlink()
    (folder / "bag_1.mcap").write_bytes(b"\x89MCAP0\r\n")
    recording = load_recording(folder)
    assert len(list(recording)) == 6
    assert [skip.file for skip in recording.skipped] == [str(folder / "bag_1.mcap")]


def test_damage_in_the_middle_of_a_bag_costs_what_follows(tmp_path):
    folder = write_long_bag(tmp_path / "bag")
    (path,) = folder.glob("*.mcap")
    blob = bytearray(path.read_bytes())
    middle = len(blob) // 2
    blob[middle:] = b"\xff" * 5000 + blob[middle + 5000 :]
    path.write_bytes(blob)
    recording, frames, error = read_what_is_left(folder)
    assert frames or error
    assert "\n" not in error
    assert all(frame.depth[5, 5].item() == pytest.approx(1.5) for frame in frames)

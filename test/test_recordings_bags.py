"""rosbag2 recordings: topics, encodings, cameras, TF."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from recording_writers import BagWriter, depth_mm, jpeg, png, rgb_image, still_bag, write_bag
from rosbags.rosbag2 import StoragePlugin

from locate3d_ros.data.recordings import load_recording


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_bag_gives_registered_frames_with_interpolated_poses(tmp_path, storage):
    recording = load_recording(write_bag(tmp_path / "bag", storage))
    frames = list(recording)
    assert len(recording) == len(frames) == 3
    assert recording.frame_id == "map"
    assert recording.cameras == ("cam",)
    assert recording.skipped == []
    assert [frame.stamp for frame in frames] == pytest.approx([1.0, 1.1, 1.2])
    for frame in frames:
        assert frame.T_map_camera[:3, 3].tolist() == pytest.approx([10.0 + frame.stamp, 0.0, 0.5])
        assert frame.depth[5, 5].item() == pytest.approx(1.5)
        assert frame.depth[0, 1] == 0
        assert frame.depth_intrinsics is None
        assert frame.camera == "cam"
        np.testing.assert_array_equal(frame.rgb.numpy(), rgb_image())


@pytest.mark.parametrize(("storage", "suffix"), [(StoragePlugin.MCAP, "mcap"), (StoragePlugin.SQLITE3, "db3")])
def test_bare_file_of_a_bag_is_read(tmp_path, storage, suffix):
    (path,) = write_bag(tmp_path / "bag", storage).glob(f"*.{suffix}")
    assert len(list(load_recording(path))) == 3


def test_bag_can_be_walked_twice(tmp_path):
    recording = load_recording(write_bag(tmp_path / "bag"))
    assert len(list(recording)) == len(list(recording)) == 3


COLORS = {
    "bgr8": rgb_image()[..., ::-1],
    "rgba8": np.dstack([rgb_image(), np.full((24, 32), 255, np.uint8)]),
    "bgra8": np.dstack([rgb_image()[..., ::-1], np.full((24, 32), 255, np.uint8)]),
}


@pytest.mark.parametrize("encoding", COLORS)
def test_colour_encodings_come_out_as_rgb(tmp_path, encoding):
    with BagWriter(tmp_path / "bag") as bag:
        still_bag(bag)
        bag.camera_info("/cam/rgb/camera_info", 1.0, "optical")
        bag.image("/cam/rgb/image", 1.0, "optical", encoding, COLORS[encoding])
        bag.image("/cam/depth/image", 1.0, "optical", "32FC1", np.full((24, 32), 1.25, np.float32))
    (frame,) = load_recording(tmp_path / "bag")
    np.testing.assert_array_equal(frame.rgb.numpy(), rgb_image())
    assert frame.depth[3, 3] == 1.25


def test_grey_images_and_float_depth_with_holes(tmp_path):
    depth = np.full((24, 32), 2.0, np.float32)
    depth[0, :4] = [np.nan, np.inf, -1.0, 0.0]
    with BagWriter(tmp_path / "bag") as bag:
        still_bag(bag)
        bag.camera_info("/cam/rgb/camera_info", 1.0, "optical")
        bag.image("/cam/rgb/image", 1.0, "optical", "mono8", np.full((24, 32), 77, np.uint8))
        bag.image("/cam/depth/image", 1.0, "optical", "32FC1", depth)
    (frame,) = load_recording(tmp_path / "bag")
    assert frame.rgb[3, 3].tolist() == [77, 77, 77]
    assert frame.depth[0, :5].tolist() == [0, 0, 0, 0, 2]


def compressed_float_depth(depth: np.ndarray, scale: float = 100.0, offset: float = 5.0) -> bytes:
    raw = np.where(depth > 0, scale / np.maximum(depth, 1e-6) + offset, 0).astype(np.uint16)
    return struct.pack("<iff", 0, scale, offset) + png(raw)


@pytest.mark.parametrize(
    ("form", "blob"),
    [
        ("16UC1; compressedDepth png", struct.pack("<iff", 0, 0, 0) + png(depth_mm(2000))),
        ("16UC1; png compressed ", png(depth_mm(2000))),
        ("32FC1; compressedDepth", compressed_float_depth(np.full((24, 32), 2.0))),
    ],
)
def test_compressed_colour_and_depth(tmp_path, form, blob):
    with BagWriter(tmp_path / "bag") as bag:
        still_bag(bag)
        bag.camera_info("/cam/rgb/camera_info", 1.0, "optical")
        bag.compressed("/cam/rgb/image/compressed", 1.0, "optical", "rgb8; jpeg compressed bgr8", jpeg(rgb_image()))
        bag.compressed("/cam/depth/image/compressedDepth", 1.0, "optical", form, blob)
    (frame,) = load_recording(tmp_path / "bag")
    assert abs(frame.rgb.float().mean() - rgb_image().mean()) < 8
    assert frame.depth[5, 5].item() == pytest.approx(2.0)


def test_raw_image_is_taken_where_both_transports_are_recorded(tmp_path):
    bag_path = write_bag(tmp_path / "a")
    with BagWriter(tmp_path / "b") as bag:
        still_bag(bag)
        bag.camera_info("/cam/rgb/camera_info", 1.0, "optical")
        bag.compressed("/cam/rgb/image/compressed", 1.0, "optical", "jpeg", jpeg(rgb_image()))
        bag.image("/cam/rgb/image", 1.0, "optical", "rgb8", rgb_image())
        bag.image("/cam/depth/image", 1.0, "optical", "16UC1", depth_mm())
    raw = next(iter(load_recording(bag_path)))
    (frame,) = load_recording(tmp_path / "b")
    np.testing.assert_array_equal(frame.rgb.numpy(), raw.rgb.numpy())


def realsense(bag: BagWriter, aligned: bool) -> None:
    bag.transform(0.0, "odom", "color", (0.0, 0.0, 0.0), static=True)
    bag.transform(0.0, "color", "depth", (0.015, 0.0, 0.0), static=True)
    bag.camera_info("/cam/color/camera_info", 1.0, "color")
    bag.camera_info("/cam/depth/camera_info", 1.0, "depth", fx=28.0)
    bag.image("/cam/color/image_raw", 1.0, "color", "rgb8", rgb_image())
    bag.image("/cam/infra1/image_rect_raw", 1.0, "depth", "mono8", np.zeros((24, 32), np.uint8))
    bag.image("/cam/depth/image_rect_raw", 1.0, "depth", "16UC1", depth_mm())
    if aligned:
        bag.camera_info("/cam/aligned_depth_to_color/camera_info", 1.0, "color")
        bag.image("/cam/aligned_depth_to_color/image_raw", 1.0, "color", "16UC1", depth_mm(900))


def test_depth_with_its_own_frame_is_unregistered_and_tf_gives_the_offset(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        realsense(bag, aligned=False)
    recording = load_recording(tmp_path / "bag")
    (frame,) = recording
    assert recording.frame_id == "odom"
    assert frame.intrinsics.fx == 30.0
    assert frame.depth_intrinsics.fx == 28.0
    assert frame.T_camera_depth[:3, 3].tolist() == pytest.approx([0.015, 0.0, 0.0])


def test_aligned_depth_is_preferred_and_registered(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        realsense(bag, aligned=True)
    (frame,) = load_recording(tmp_path / "bag")
    assert frame.depth_intrinsics is None
    assert frame.depth[5, 5].item() == pytest.approx(0.9)


def test_several_cameras_are_read_together_and_a_camera_without_depth_is_left_out(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        still_bag(bag, ("front_optical", "rear_optical", "usb"))
        for name in ("rear", "front"):
            frame = f"{name}_optical"
            bag.camera_info(f"/{name}/rgb/camera_info", 1.0, frame)
            bag.image(f"/{name}/rgb/image", 1.0, frame, "rgb8", rgb_image())
            bag.image(f"/{name}/depth/image", 1.0, frame, "16UC1", depth_mm())
        bag.image("/usb/image", 1.0, "usb", "rgb8", rgb_image())
    recording = load_recording(tmp_path / "bag")
    frames = {frame.camera: frame for frame in recording}
    assert recording.cameras == ("front", "rear")
    assert set(frames) == {"front", "rear"}
    assert frames["rear"].T_map_camera[0, 3] == 1.0


def test_distortion_is_removed_and_rectified_topics_use_the_projection_matrix(tmp_path):
    for name, topic in (("raw", "/cam/rgb/image_raw"), ("rect", "/cam/rgb/image_rect_color")):
        with BagWriter(tmp_path / name) as bag:
            still_bag(bag)
            bag.camera_info("/cam/rgb/camera_info", 1.0, "optical", d=(-0.3, 0.0, 0.0, 0.0, 0.0), p_fx=27.0)
            bag.image(topic, 1.0, "optical", "rgb8", rgb_image())
            bag.image("/cam/depth_registered/image", 1.0, "optical", "16UC1", depth_mm())
    (raw,), (rect,) = load_recording(tmp_path / "raw"), load_recording(tmp_path / "rect")
    assert raw.intrinsics.fx == 30.0
    assert not np.array_equal(raw.rgb.numpy(), rgb_image())
    assert rect.intrinsics.fx == 27.0
    np.testing.assert_array_equal(rect.rgb.numpy(), rgb_image())


def test_root_of_the_tree_is_the_fixed_frame_where_there_is_neither_map_nor_odom(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        bag.transform(0.0, "vicon", "optical", (1.0, 0.0, 0.0), static=True)
        bag.camera_info("/cam/rgb/camera_info", 1.0, "optical")
        bag.image("/cam/rgb/image", 1.0, "optical", "rgb8", rgb_image())
        bag.image("/cam/depth/image", 1.0, "optical", "16UC1", depth_mm())
    assert load_recording(tmp_path / "bag").frame_id == "vicon"

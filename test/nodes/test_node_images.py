"""Image messages in every encoding, and in every way that they can be wrong."""

import struct

import cv2
import numpy as np
import pytest
from robot import camera_info, compressed, image

from locate3d_ros.nodes.cameras import CameraReader, require_image_size
from locate3d_ros.nodes.drops import DropCounter, DroppedFrameError
from locate3d_ros.nodes.images import read_depth, read_rgb

RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
MILLIMETRES = np.array([[0, 1000], [2500, 65535]], np.uint16)


def reason_of(read, message, topic="/t"):
    with pytest.raises(DroppedFrameError) as caught:
        read(message, topic)
    assert topic in str(caught.value)
    assert "; " in str(caught.value), "no mend"
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("array", "encoding"),
    [
        (RGB, "rgb8"),
        (RGB[:, :, ::-1].copy(), "bgr8"),
        (np.dstack((RGB, RGB[:, :, :1])), "rgba8"),
        (np.dstack((RGB[:, :, ::-1], RGB[:, :, :1])), "bgra8"),
    ],
)
def test_colour_encodings_become_rgb(array, encoding):
    assert (read_rgb(image(array, encoding), "/t") == RGB).all()


def test_mono_becomes_grey():
    found = read_rgb(image(RGB[:, :, 0].copy(), "mono8"), "/t")
    assert (found == RGB[:, :, :1]).all()
    assert found.shape == RGB.shape


def test_padded_rows_are_cut():
    padded = np.zeros((4, 25), np.uint8)
    padded[:, :18] = RGB.reshape(4, 18)
    message = image(padded, "rgb8")
    message.width, message.step = 6, 25
    assert (read_rgb(message, "/t") == RGB).all()


@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_depth_in_millimetres_becomes_metres_in_either_byte_order(encoding, order):
    message = image(MILLIMETRES.astype(f"{order}u2"), encoding)
    message.is_bigendian = int(order == ">")
    assert read_depth(message, "/t") == pytest.approx(MILLIMETRES / 1000)


def test_depth_in_metres_keeps_finite_positive_values():
    metres = np.array([[1.5, np.nan], [np.inf, -1.0]], np.float32)
    assert read_depth(image(metres, "32FC1"), "/t").tolist() == [[1.5, 0.0], [0.0, 0.0]]


def test_jpeg_and_png_are_decoded():
    smooth = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    jpeg = compressed(cv2.cvtColor(smooth, cv2.COLOR_RGB2BGR), ".jpg", "rgb8; jpeg compressed bgr8")
    assert np.abs(read_rgb(jpeg, "/t").astype(int) - smooth).max() < 6
    png = compressed(MILLIMETRES, ".png", "16UC1; png compressed")
    assert read_depth(png, "/t") == pytest.approx(MILLIMETRES / 1000)


def test_compressed_depth_transport_is_read_for_both_encodings():
    message = compressed(MILLIMETRES, ".png", "16UC1; compressedDepth png")
    message.data = struct.pack("<iff", 0, 0.0, 0.0) + message.data.tobytes()
    assert read_depth(message, "/t") == pytest.approx(MILLIMETRES / 1000)
    a, b = 1000.0, 10.0
    quantised = np.array([[0, round(a / 2.0 + b)]], np.uint16)
    message = compressed(quantised, ".png", "32FC1; compressedDepth png")
    message.data = struct.pack("<iff", 0, a, b) + message.data.tobytes()
    assert read_depth(message, "/t")[0] == pytest.approx([0.0, 2.0])


def test_wrong_images_are_dropped_for_a_named_reason():
    def wrong(**fields):
        message = image(RGB, "rgb8")
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    assert reason_of(read_rgb, wrong(encoding="bayer_rggb8")) == "encoding"
    assert reason_of(read_rgb, wrong(encoding="")) == "encoding"
    assert reason_of(read_depth, wrong()) == "encoding"
    assert reason_of(read_rgb, wrong(width=0)) == "size"
    assert reason_of(read_rgb, wrong(height=0)) == "size"
    assert reason_of(read_rgb, wrong(width=2**31, height=2**31)) == "size"
    assert reason_of(read_rgb, wrong(data=b"")) == "size"
    assert reason_of(read_rgb, wrong(data=RGB.tobytes()[:-1])) == "size"
    assert reason_of(read_rgb, wrong(step=5)) == "size"


def test_wrong_compressed_images_are_dropped_for_a_named_reason():
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for suffix in (".jpg", ".png"):
        message = compressed(noise, suffix, "x")
        whole = message.data.tobytes()
        message.data = whole[: len(whole) // 2]
        assert reason_of(read_rgb, message) == "truncated"
    message.data = b"no image at all"
    assert reason_of(read_rgb, message) == "encoding"
    message.data = b""
    assert reason_of(read_rgb, message) == "encoding"
    message.data = b"\xff\xd8" + b"garbage" * 9 + b"\xff\xd9"
    assert reason_of(read_rgb, message) == "corrupt"
    assert reason_of(read_depth, compressed(noise, ".png", "png")) == "encoding"
    assert reason_of(read_depth, compressed(MILLIMETRES, ".png", "16UC1; compressedDepth rvl")) == "encoding"
    message.format, message.data = "16UC1; compressedDepth png", b"abc"
    assert reason_of(read_depth, message) == "truncated"


def camera_of(info, is_rectified=False):
    return CameraReader("/info", is_rectified).read(info)


def refusal_of(info):
    with pytest.raises(DroppedFrameError, match="^/info: ") as caught:
        camera_of(info)
    return str(caught.value)


def test_camera_info_becomes_intrinsics():
    own = camera_of(camera_info()).intrinsics
    assert (own.fx, own.fy, own.cx, own.cy, own.width, own.height) == (50, 50, 31.5, 23.5, 64, 48)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_camera_that_cannot_project_is_refused(value):
    info = camera_info()
    info.k[0] = value
    assert "focal length" in refusal_of(info)


def test_wrong_sizes_and_lenses_are_refused():
    assert "image size" in refusal_of(camera_info(width=0))
    assert "3 coefficients" in refusal_of(camera_info(d=[0.1, 0.1, 0.1]))
    assert "nan" in refusal_of(camera_info(d=[float("nan")] * 5))
    info = camera_info(d=[0.1] * 5)
    info.distortion_model = "thin_glass"
    assert "thin_glass" in refusal_of(info)
    info = camera_info()
    info.roi.x_offset, info.roi.width = 60, 20
    assert "region" in refusal_of(info)


def test_binning_and_region_of_interest_move_the_camera():
    info = camera_info()
    info.binning_x = info.binning_y = 2
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 16, 8, 32, 32
    own = camera_of(info).intrinsics
    assert (own.fx, own.width, own.height) == (25, 16, 16)
    # The ray of full-size pixel (16.5, 8.5) is that of binned pixel (0, 0).
    assert (0 - own.cx) / own.fx == pytest.approx((16.5 - 31.5) / 50)


@pytest.mark.parametrize(
    ("model", "d"),
    [
        ("plumb_bob", [-0.2, 0.05, 0.001, 0.001, 0.0]),
        ("rational_polynomial", [-0.2, 0.05, 0.001, 0.001, 0.0, 0.01, 0.0, 0.0]),
        ("equidistant", [0.1, 0.01, 0.0, 0.0]),
    ],
)
def test_distortion_is_undone(model, d):
    info = camera_info(width=200, height=160, focal=120.0, d=d)
    info.distortion_model = model
    camera = camera_of(info)
    K = np.array(info.k).reshape(3, 3)
    point = np.array([[[0.35, -0.3, 1.0]]])
    zero = np.zeros(3)
    if model == "equidistant":
        seen = cv2.fisheye.projectPoints(point, zero, zero, K, np.array(d))[0].ravel()
    else:
        seen = cv2.projectPoints(point, zero, zero, K, np.array(d))[0].ravel()
    picture = np.zeros((160, 200, 3), np.uint8)
    cv2.circle(picture, tuple(np.round(seen).astype(int).tolist()), 3, (255, 255, 255), -1)
    rows, columns = np.nonzero(camera.undistort(picture, is_depth=False)[:, :, 0] > 100)
    assert columns.mean() == pytest.approx(0.35 * 120 + K[0, 2], abs=1.0)
    assert rows.mean() == pytest.approx(-0.3 * 120 + K[1, 2], abs=1.0)


def test_depth_is_never_blended():
    camera = camera_of(camera_info(width=200, height=160, focal=120.0, d=[-0.3, 0.1, 0, 0, 0]))
    depth = np.where(np.arange(200) < 100, np.float32(1), np.float32(3))[None].repeat(160, 0)
    assert set(np.unique(camera.undistort(depth, is_depth=True))) <= {0.0, 1.0, 3.0}


def test_rectified_images_take_the_projection_matrix():
    info = camera_info(d=[0.1] * 5)
    info.p[0] = 44.0
    camera = camera_of(info, is_rectified=True)
    assert camera.intrinsics.fx == 44.0
    assert camera.maps is None


def test_an_image_of_another_size_than_its_camera_is_dropped():
    with pytest.raises(DroppedFrameError, match="6x4 but its camera_info says 64x48"):
        require_image_size(camera_of(camera_info()), RGB, "/t")


def test_a_new_calibration_is_taken_up():
    reader = CameraReader("/info", False)
    assert reader.read(camera_info()).intrinsics.fx == 50
    assert reader.read(camera_info(focal=60.0)).intrinsics.fx == 60
    with pytest.raises(DroppedFrameError):
        reader.read(camera_info(focal=0.0))
    assert reader.read(camera_info()).intrinsics.fx == 50


def test_drops_are_counted_all_and_reported_now_and_then():
    warnings = []
    drops = DropCounter(warnings.append, interval=60)
    for _ in range(3):
        drops.add("size", "/t: too small")
    drops.add("encoding", "/t: unknown")
    drops.count("queue full", 2)
    assert drops.counts() == {"size": 3, "encoding": 1, "queue full": 2}
    assert len(warnings) == 2
    assert "/t: too small" in warnings[0]

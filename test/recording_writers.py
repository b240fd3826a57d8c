"""Small recordings of a flat wall, written by the tests that read them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

WIDTH, HEIGHT = 32, 24
CAMERA = {"fx": 30.0, "fy": 31.0, "cx": 15.5, "cy": 11.5, "width": WIDTH, "height": HEIGHT}
STORE = get_typestore(Stores.ROS2_HUMBLE)


def rgb_image(shade: int = 200) -> np.ndarray:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 0] = shade
    image[: HEIGHT // 2, :, 1] = 50
    return image


def depth_mm(millimetres: int = 1500) -> np.ndarray:
    depth = np.full((HEIGHT, WIDTH), millimetres, np.uint16)
    depth[0, 0], depth[0, 1] = 0, 65535
    return depth


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)[1].tobytes()


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image[..., ::-1])[1].tobytes()


def pose_text(x: float = 0.0) -> str:
    return f"1 0 0 {x}\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"


def write_frames(folder: Path, prefix: str, numbers: tuple[int, ...] = (0, 1, 2), color: str = "png") -> Path:
    """Colour, depth and pose files; frame n stands at x = n."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in numbers:
        stem = f"{prefix}{n:06d}"
        (folder / f"{stem}.color.{color}").write_bytes((png if color == "png" else jpeg)(rgb_image()))
        (folder / f"{stem}.depth.png").write_bytes(png(depth_mm()))
        (folder / f"{stem}.pose.txt").write_text(pose_text(float(n)))
    return folder


def write_plain(folder: Path, numbers: tuple[int, ...] = (0, 1, 2), color: str = "png", **camera: object) -> Path:
    write_frames(folder, "", numbers, color)
    (folder / "camera.json").write_text(json.dumps({"color": CAMERA, **camera}))
    return folder


def write_matrix(path: Path, fx: float, fy: float, cx: float, cy: float) -> None:
    path.write_text(f"{fx} 0 {cx}\n0 {fy} {cy}\n0 0 1\n")


def write_tum(folder: Path) -> Path:
    """Three images at 1.0, 1.1, 1.2 s; depth 5 ms later; the camera moves along x with 1 m/s from x = 1."""
    (folder / "rgb").mkdir(parents=True)
    (folder / "depth").mkdir()
    colors, depths = ["# colour"], ["# depth"]
    for stamp in (1.0, 1.1, 1.2):
        color = np.full((480, 640, 3), 90, np.uint8)
        (folder / f"rgb/{stamp:.6f}.png").write_bytes(png(color))
        (folder / f"depth/{stamp:.6f}.png").write_bytes(png(np.full((480, 640), 10000, np.uint16)))
        colors.append(f"{stamp:.6f} rgb/{stamp:.6f}.png")
        depths.append(f"{stamp + 0.005:.6f} depth/{stamp:.6f}.png")
    poses = [f"{t:.6f} {t:.6f} 0 0 0 0 0 1" for t in (0.95, 1.05, 1.15, 1.25)]
    for name, lines in (("rgb.txt", colors), ("depth.txt", depths), ("groundtruth.txt", poses)):
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


class BagWriter:
    """Writes a bag message by message."""

    def __init__(self, path: Path, storage: StoragePlugin = StoragePlugin.MCAP) -> None:
        self._writer = Writer(path, version=9, storage_plugin=storage)
        self._connections: dict[str, object] = {}

    def __enter__(self) -> BagWriter:
        self._writer.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, topic: str, kind: str, stamp: float, message: object) -> None:
        self.write_raw(topic, kind, stamp, bytes(STORE.serialize_cdr(message, kind)))

    def write_raw(self, topic: str, kind: str, stamp: float, raw: bytes) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(topic, kind, typestore=STORE)
        self._writer.write(self._connections[topic], round(stamp * 1e9), raw)

    def image(self, topic: str, stamp: float, frame_id: str, encoding: str, pixels: np.ndarray) -> None:
        kind = "sensor_msgs/msg/Image"
        height, width = pixels.shape[:2]
        message = STORE.types[kind](
            header=header(stamp, frame_id),
            height=height,
            width=width,
            encoding=encoding,
            is_bigendian=0,
            step=pixels.nbytes // height,
            data=np.ascontiguousarray(pixels).view(np.uint8).ravel(),
        )
        self.write(topic, kind, stamp, message)

    def compressed(self, topic: str, stamp: float, frame_id: str, form: str, blob: bytes) -> None:
        kind = "sensor_msgs/msg/CompressedImage"
        content = np.frombuffer(blob, np.uint8)
        self.write(topic, kind, stamp, STORE.types[kind](header=header(stamp, frame_id), format=form, data=content))

    def camera_info(
        self, topic: str, stamp: float, frame_id: str, fx: float = 30.0, d: tuple[float, ...] = (0.0,) * 5,
        model: str = "plumb_bob", p_fx: float = 0.0,
    ) -> None:  # fmt: skip
        kind = "sensor_msgs/msg/CameraInfo"
        roi = STORE.types["sensor_msgs/msg/RegionOfInterest"](
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        )
        message = STORE.types[kind](
            header=header(stamp, frame_id),
            height=HEIGHT,
            width=WIDTH,
            distortion_model=model,
            d=np.array(d, np.float64),
            k=np.array([fx, 0, 15.5, 0, 31, 11.5, 0, 0, 1], np.float64),
            r=np.eye(3).ravel(),
            p=np.array([p_fx, 0, 14, 0, p_fx, 10, 0, 0, 0, 0, 1, 0], np.float64),
            binning_x=0,
            binning_y=0,
            roi=roi,
        )
        self.write(topic, kind, stamp, message)

    def transform(
        self, stamp: float, parent: str, child: str, xyz: tuple[float, float, float], static: bool = False,
        xyzw: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0),
    ) -> None:  # fmt: skip
        types = STORE.types
        stamped = types["geometry_msgs/msg/TransformStamped"](
            header=header(stamp, parent),
            child_frame_id=child,
            transform=types["geometry_msgs/msg/Transform"](
                translation=types["geometry_msgs/msg/Vector3"](*xyz),
                rotation=types["geometry_msgs/msg/Quaternion"](*xyzw),
            ),
        )
        kind = "tf2_msgs/msg/TFMessage"
        self.write("/tf_static" if static else "/tf", kind, stamp, STORE.types[kind](transforms=[stamped]))


def still_bag(bag: BagWriter, frames: tuple[str, ...] = ("optical",)) -> None:
    """Cameras that do not move, 1 m apart, under map."""
    for i, frame in enumerate(frames):
        bag.transform(0.0, "map", frame, (float(i), 0.0, 0.0), static=True)


def header(stamp: float, frame_id: str) -> object:
    sec = int(stamp)
    time = STORE.types["builtin_interfaces/msg/Time"](sec=sec, nanosec=round((stamp - sec) * 1e9))
    return STORE.types["std_msgs/msg/Header"](stamp=time, frame_id=frame_id)


def write_bag(path: Path, storage: StoragePlugin = StoragePlugin.MCAP) -> Path:
    """Three registered frames at 1.0, 1.1, 1.2 s; the base moves along x with 1 m/s; the camera sits 0.5 m above it."""
    with BagWriter(path, storage) as bag:
        bag.transform(0.9, "base_link", "optical", (0.0, 0.0, 0.5), static=True)
        bag.transform(0.9, "map", "odom", (10.0, 0.0, 0.0), static=True)
        for stamp in (0.95, 1.05, 1.15, 1.25):
            bag.transform(stamp, "odom", "base_link", (stamp, 0.0, 0.0))
        for stamp in (1.0, 1.1, 1.2):
            bag.camera_info("/cam/rgb/camera_info", stamp, "optical")
            bag.image("/cam/rgb/image", stamp, "optical", "rgb8", rgb_image())
            bag.image("/cam/depth/image", stamp + 0.004, "optical", "16UC1", depth_mm())
    return path

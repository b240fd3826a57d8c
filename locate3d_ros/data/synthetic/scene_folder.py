"""Renders a room along a camera path into a data set folder (DESIGN 5.5)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.camera_path import follow, tour
from locate3d_ros.data.synthetic.expressions import expressions
from locate3d_ros.data.synthetic.ground_truth import Seen, note_seen, objects_json, scene_json
from locate3d_ros.data.synthetic.mesh import Floats
from locate3d_ros.data.synthetic.render import Camera, View, render
from locate3d_ros.data.synthetic.room import make_room
from locate3d_ros.data.synthetic.scene import Room
from locate3d_ros.data.synthetic.sensor import DepthSensor, measure_colour, measure_depth
from locate3d_ros.data.synthetic.vectors import dot, unit
from locate3d_ros.data.synthetic.world import World
from locate3d_ros.types import Intrinsics

FRAME_RATE = 2.0  # frames per second of the recording
TARGET_GREY = 0.27  # linear: auto-exposure brings the pictures' median here
FOCAL_LENGTH = 525.0 / 640.0  # of the picture's width, as Kinect-like cameras have it


def render_room(seed: int, folder: Path, *, frames: int = 40, width: int = 640, height: int = 480) -> Path:
    """Render the random room of a seed into folder/scenes/<id>; return that path.

    Raises InputError where Open3D or the furniture libraries are missing.
    """
    room = make_room(seed)
    rng = np.random.default_rng([seed, 1])
    poses = follow(tour(room, rng), frames, rng)
    return write_scene(room, poses, folder / "scenes" / room.name, kinect(width, height))


def kinect(width: int, height: int) -> Intrinsics:
    """Return the camera of a Kinect-like sensor at this picture size."""
    focal = FOCAL_LENGTH * width
    return Intrinsics(focal, focal, (width - 1) / 2.0, (height - 1) / 2.0, width, height)


def write_scene(
    room: Room, poses: Sequence[Floats], folder: Path, intrinsics: Intrinsics, exposure: float | None = None
) -> Path:
    """Render a room from each pose T_map_camera [4, 4] and write recording, instances and ground truth.

    Without an exposure (the factor on linear light) all frames get the one that suits them on the whole.
    """
    world = room.world()
    exposure = auto_exposure(world, poses, intrinsics) if exposure is None else exposure
    (folder / "recording").mkdir(parents=True, exist_ok=True)
    (folder / "instances").mkdir(exist_ok=True)
    seen: dict[int, Seen] = {}
    for index, pose in enumerate(poses):
        camera = Camera(intrinsics, pose)
        view = render(world, camera, exposure)
        measured = _write_frame(folder, index, view, camera, np.random.default_rng([room.seed, 2, index]))
        note_seen(seen, view, camera, measured)
    write_json(folder / "recording" / "camera.json", _camera_json(intrinsics))
    write_json(folder / "objects.json", objects_json(room, seen))
    write_json(folder / "scene.json", scene_json(room))
    pixels = {i: s.pixels for i, s in seen.items()}
    sentences = expressions(room, pixels, np.random.default_rng([room.seed, 3]))
    lines = [json.dumps(e.as_json(room.name)) + "\n" for e in sentences]
    _write_text(folder / "annotations.jsonl", "".join(lines))
    return folder


def _write_frame(folder: Path, index: int, view: View, camera: Camera, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Write one frame as the sensor gives it; return which pixels [H, W] have depth."""
    sensor = DepthSensor()
    depth = measure_depth(view, _facing(view, camera), sensor, rng)
    stem = folder / "recording" / f"{index:06d}"
    _write_image(stem.with_suffix(".color.jpg"), measure_colour(view, sensor, rng)[..., ::-1])
    _write_image(stem.with_suffix(".depth.png"), depth)
    _write_text(stem.with_suffix(".pose.txt"), _pose_text(camera.T_map_camera))
    _write_image(folder / "instances" / f"{index:06d}.png", view.ids)
    return depth > 0


def auto_exposure(world: World, poses: Sequence[Floats], intrinsics: Intrinsics) -> float:
    """Return the factor that brings the median grey of small trial pictures to TARGET_GREY."""
    small = kinect(intrinsics.width // 8, intrinsics.height // 8)
    greys = []
    for pose in poses[:: max(1, len(poses) // 6)]:
        picture = render(world, Camera(small, pose), 0.5).rgb.astype(np.float64) / 255.0
        greys.append(np.median(picture.mean(axis=2) ** 2.2) / 0.5)
    return float(TARGET_GREY / max(float(np.median(greys)), 1e-3))


def _facing(view: View, camera: Camera) -> NDArray[np.float32]:
    """Return the cosine [H, W] between surface normals and the line of sight."""
    k = camera.intrinsics
    v, u = (g.reshape(-1).astype(np.float64) for g in np.mgrid[0 : k.height, 0 : k.width])
    directions = camera.rays(u, v)[:, 3:].reshape(k.height, k.width, 3)
    return np.asarray(-dot(unit(directions), view.normal), dtype=np.float32)


def _camera_json(k: Intrinsics) -> dict[str, Any]:
    color = {"fx": k.fx, "fy": k.fy, "cx": k.cx, "cy": k.cy, "width": k.width, "height": k.height}
    return {"color": color, "frame_id": "map", "rate": FRAME_RATE}


def _pose_text(pose: Floats) -> str:
    return "".join(" ".join(f"{v:.9f}" for v in row) + "\n" for row in pose)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file whole or not at all."""
    _write_text(path, json.dumps(content, indent=1) + "\n")


def _write_text(path: Path, text: str) -> None:
    _write_bytes(path, text.encode())


def _write_image(path: Path, image: NDArray[Any]) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, 88] if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 6]
    _, encoded = cv2.imencode(path.suffix, np.ascontiguousarray(image), options)
    _write_bytes(path, encoded.tobytes())


def _write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)

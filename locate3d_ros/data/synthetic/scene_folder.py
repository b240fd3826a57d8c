"""Writes the folder of a rendered scene (DESIGN 5.5): recording, object ids per pixel, ground truth, sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.annotations.grounded_expression import write_expressions
from locate3d_ros.data.synthetic.expressions import Viewer, expressions
from locate3d_ros.data.synthetic.ground_truth import Seen, note_seen, objects_json, scene_json
from locate3d_ros.data.synthetic.mesh import Floats
from locate3d_ros.data.synthetic.render import Camera, View, render
from locate3d_ros.data.synthetic.scene import Scene
from locate3d_ros.data.synthetic.sensor import DepthSensor, measure_colour, measure_depth
from locate3d_ros.data.synthetic.vectors import dot, unit
from locate3d_ros.files import write_file
from locate3d_ros.types import Intrinsics

FRAME_RATE = 2.0  # frames per second of the recording
FOCAL_LENGTH = 525.0 / 640.0  # of the picture's width, as Kinect-like cameras have it
DEMO_SENTENCES = 60
PNG_EFFORT = 1  # of 9: more takes longer and saves little of noisy depth
LEAST_IN_IMAGE = 40  # pixels: a thing of fewer in the last image is not in the viewer's sight


def kinect(width: int, height: int) -> Intrinsics:
    """Return the camera of a Kinect-like sensor at this picture size."""
    focal = FOCAL_LENGTH * width
    return Intrinsics(focal, focal, (width - 1) / 2.0, (height - 1) / 2.0, width, height)


def write_scene(scene: Scene, poses: Sequence[Floats], folder: Path, intrinsics: Intrinsics, exposure: float) -> Path:
    """Render a scene finely from each pose T_map_camera [4, 4] and write recording, instances and ground truth.

    exposure: the factor on linear light.
    """
    world = scene.world()
    make_folders(folder)
    seen: dict[int, Seen] = {}
    for index, pose in enumerate(poses):
        camera = Camera(intrinsics, pose)
        view, rng = render(world, camera, exposure), np.random.default_rng([scene.seed, 2, index])
        depth = measure_depth(view, facing(view, camera), DepthSensor(), rng)
        write_frame(folder, index, measure_colour(view.rgb, DepthSensor(), rng), depth, view.ids)
        write_pose(folder, index, pose)
        note_seen(seen, view, camera, depth > 0)
    write_json(folder / "recording" / "camera.json", {**color_json(intrinsics), "frame_id": "map", "rate": FRAME_RATE})
    write_json(folder / "objects.json", objects_json(scene, seen))
    write_json(folder / "scene.json", scene_json(scene))
    viewer = viewer_of(seen, view.ids, poses[-1])
    sentences = expressions(scene, viewer, "train", DEMO_SENTENCES, [scene.seed, 3])
    write_expressions(folder / "annotations.jsonl", sentences)
    return folder


def make_folders(folder: Path) -> None:
    """Make the folders of a scene."""
    (folder / "recording").mkdir(parents=True, exist_ok=True)
    (folder / "instances").mkdir(exist_ok=True)


def viewer_of(seen: Mapping[int, Seen], last_ids: NDArray[np.uint16], pose: Floats) -> Viewer:
    """Tell what is known at the end of a recording: its last image [H, W] of ids and its last pose."""
    ids, counts = np.unique(last_ids, return_counts=True)
    visible = frozenset(int(i) for i, n in zip(ids, counts, strict=True) if i and n >= LEAST_IN_IMAGE)
    return Viewer({i: s.pixels for i, s in seen.items()}, pose, visible)


def facing(view: View, camera: Camera) -> NDArray[np.float32]:
    """Return the cosine [H, W] between surface normals and the line of sight."""
    directions = camera.pixel_rays[:, 3:].reshape(*view.depth.shape, 3)
    return np.asarray(-dot(unit(directions), view.normal), dtype=np.float32)


def write_frame(
    folder: Path, index: int, rgb: NDArray[np.uint8], depth: NDArray[np.uint16], ids: NDArray[np.uint16]
) -> None:
    """Write colour [H, W, 3], depth [h, w] in millimetres and object ids [h, w] of the depth's pixels."""
    stem = folder / "recording" / f"{index:06d}"
    write_image(stem.with_suffix(".color.jpg"), rgb[..., ::-1])
    write_image(stem.with_suffix(".depth.png"), depth)
    write_image(folder / "instances" / f"{index:06d}.png", ids)


def write_pose(folder: Path, index: int, pose: Floats) -> None:
    """Write T_map_camera [4, 4]."""
    text = "".join(" ".join(f"{v:.9f}" for v in row) + "\n" for row in pose)
    (folder / "recording" / f"{index:06d}.pose.txt").write_text(text)


def color_json(k: Intrinsics, name: str = "color") -> dict[str, Any]:
    """Describe a camera as `camera.json` does."""
    return {name: {"fx": k.fx, "fy": k.fy, "cx": k.cx, "cy": k.cy, "width": k.width, "height": k.height}}


def write_json(path: Path, content: object) -> None:
    """Write a JSON file whole or not at all."""
    write_file(path, (json.dumps(content, indent=1) + "\n").encode())


def write_image(path: Path, image: NDArray[Any]) -> None:
    """Encode an image by its suffix; whoever writes a scene sees to it that the folder is whole in the end."""
    options = [cv2.IMWRITE_JPEG_QUALITY, 88] if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, PNG_EFFORT]
    _, encoded = cv2.imencode(path.suffix, np.ascontiguousarray(image), options)
    path.write_bytes(encoded.tobytes())

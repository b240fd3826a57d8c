"""Renders a home along a walk with a sensor's faults into a scene's folder; several passes may see it change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.annotations.grounded_expression import write_expressions
from locate3d_ros.data.synthetic.caster import Floats32
from locate3d_ros.data.synthetic.expressions import expressions
from locate3d_ros.data.synthetic.fast_render import FrameRenderer
from locate3d_ros.data.synthetic.ground_truth import Seen, note_seen, objects_json, scene_json
from locate3d_ros.data.synthetic.mesh import Floats
from locate3d_ros.data.synthetic.options import SceneOptions, SensorEffects
from locate3d_ros.data.synthetic.render import Camera, View
from locate3d_ros.data.synthetic.scene import Scene
from locate3d_ros.data.synthetic.scene_folder import (
    FRAME_RATE,
    color_json,
    kinect,
    make_folders,
    viewer_of,
    write_frame,
    write_json,
    write_pose,
)
from locate3d_ros.data.synthetic.sensor import measure_colour, measure_depth
from locate3d_ros.data.synthetic.sensor_effects import (
    BASELINE,
    drifted,
    exposure_gains,
    motion_blur,
    sensor_of,
    white_balance,
)
from locate3d_ros.data.synthetic.vectors import dot


@dataclass(frozen=True)
class Pass:
    """A walk through a home as it is during that walk."""

    scene: Scene
    poses: tuple[Floats, ...]  # true T_map_camera [4, 4]


@dataclass
class _Record:
    """What is noted while frames are written."""

    folder: Path
    options: SceneOptions
    rng: np.random.Generator
    seen: dict[int, Seen] = field(default_factory=dict)
    last_ids: NDArray[np.uint16] | None = None
    frames: int = 0


def record_home(passes: Sequence[Pass], folder: Path, options: SceneOptions, seed: Sequence[int]) -> None:
    """Write the folder of a home; what is said of it is true at the end of the last pass."""
    make_folders(folder)
    record = _Record(folder, options, np.random.default_rng([*seed, 2]))
    poses = [pose for one in passes for pose in one.poses]
    estimated = drifted(poses, record.rng) if options.sensor.pose_drift else poses
    for index, pose in enumerate(estimated):
        write_pose(folder, index, pose)
    for before, one in zip([passes[0], *passes], passes, strict=False):
        # What was taken away is not to be known any more, and what was moved has to be seen again.
        record.seen = {i: s for i, s in record.seen.items() if _stays(i, before.scene, one.scene)}
        _record_pass(one, record)
    scene = passes[-1].scene
    write_json(folder / "recording" / "camera.json", _camera_json(options))
    write_json(folder / "objects.json", objects_json(scene, record.seen))
    write_json(folder / "scene.json", scene_json(scene) | {"split": options.split, "seed": list(seed)})
    assert record.last_ids is not None
    viewer = viewer_of(record.seen, record.last_ids, estimated[-1])
    sentences = expressions(scene, viewer, options.split, options.sentences, [*seed, 3], options.misses)
    write_expressions(folder / "annotations.jsonl", sentences)


def _record_pass(one: Pass, record: _Record) -> None:
    options, effects = record.options, record.options.sensor
    intrinsics = kinect(options.width, options.height)
    cameras = [Camera(intrinsics, pose) for pose in one.poses]
    renderer = FrameRenderer(one.scene.world(), cameras)
    exposure = renderer.exposure()
    gains = exposure_gains(len(cameras), record.rng) if effects.exposure else [1.0] * len(cameras)
    warmth = float(record.rng.normal(0.0, 0.03)) if effects.exposure else 0.0
    for view, depth_camera, depth_view in _views(renderer, cameras, [exposure * g for g in gains], effects):
        rgb = white_balance(view.rgb, warmth) if effects.exposure else view.rgb
        rgb = motion_blur(rgb, record.rng) if effects.blur else rgb
        sensor = sensor_of(effects)
        depth = measure_depth(depth_view, _facing(depth_view, depth_camera), sensor, record.rng)
        write_frame(record.folder, record.frames, measure_colour(rgb, sensor, record.rng), depth, depth_view.ids)
        note_seen(record.seen, depth_view, depth_camera, depth > 0)
        record.last_ids = view.ids
        record.frames += 1


def _facing(view: View, camera: Camera) -> Floats32:
    """Return the cosine [H, W] between the line of sight and surface normals, whichever side they are on."""
    along = dot(camera.pixel_rays[:, 3:], view.normal.reshape(-1, 3))
    return np.asarray(np.abs(along / camera.ray_lengths).reshape(view.depth.shape), dtype=np.float32)


def _stays(number: int, before: Scene, after: Scene) -> bool:
    old, new = before.object(number), after.object(number)
    return old is not None and new is not None and np.array_equal(old.mesh.vertices, new.mesh.vertices)


def _views(
    renderer: FrameRenderer, cameras: Sequence[Camera], exposures: Sequence[float], effects: SensorEffects
) -> Iterator[tuple[View, Camera, View]]:
    """Give every frame's colour view, its depth camera, and what that sees: the same view where it is registered."""
    for camera, exposure, view in zip(cameras, exposures, renderer.views(exposures), strict=True):
        if effects.unregistered_colour:
            depth_camera = _depth_camera(camera)
            yield view, depth_camera, renderer.view_from(depth_camera, exposure)
        else:
            yield view, camera, view


def _depth_camera(camera: Camera) -> Camera:
    """Return the depth camera beside a colour camera: it sees a wider angle."""
    k = camera.intrinsics
    wide = replace(k, fx=0.9 * k.fx, fy=0.9 * k.fy)
    return Camera(wide, camera.T_map_camera @ _T_camera_depth())


def _T_camera_depth() -> Floats:
    T = np.eye(4)
    T[0, 3] = -BASELINE
    return T


def _camera_json(options: SceneOptions) -> dict[str, Any]:
    k = kinect(options.width, options.height)
    entry: dict[str, Any] = {**color_json(k), "frame_id": "map", "rate": FRAME_RATE}
    if options.sensor.unregistered_colour:
        entry |= color_json(_depth_camera(Camera(k, np.eye(4))).intrinsics, "depth")
        entry["T_camera_depth"] = _T_camera_depth().tolist()
    return entry

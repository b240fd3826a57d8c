"""Writes one scene of a data set folder: recording, object ids per pixel, objects, and where it is from."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from locate3d_ros.data.annotations.annotation_set import SceneSource
from locate3d_ros.data.conversion.scans import LICENCES
from locate3d_ros.data.ground_truth.scene_objects import SceneObjects
from locate3d_ros.data.recordings.plain_writer import PlainWriter, write_ids
from locate3d_ros.data.recordings.recording import Recording
from locate3d_ros.errors import InputError
from locate3d_ros.files import write_file
from locate3d_ros.types import Frame

_FRAME_FILE = re.compile(r"\d{6}\.\S+")
ABOUT = "scene.json"  # written last: a scene that has it is whole


def write_scene(folder: Path, source: SceneSource, recording: Recording, scene: SceneObjects) -> None:
    """Write a scene whole. Raises InputError where no frame is usable or the place cannot be written to."""
    _make_empty(folder / "recording", folder / "instances")
    writer, pixels = PlainWriter(folder / "recording", recording.frame_id), Counter[int]()
    for frame in recording:
        number = writer.add(frame)
        ids = object_ids(frame, scene)
        write_ids(folder / "instances" / f"{number:06d}.png", ids)
        pixels.update(dict(zip(*(part.tolist() for part in np.unique(ids, return_counts=True)), strict=True)))
    writer.close()
    _write_json(folder / "objects.json", [_entry(scene, index, pixels) for index in range(len(scene.objects))])
    licence, creator = LICENCES[source.data_set]
    licences = [{"model": f"{source.data_set} {source.scan}", "licence": licence, "creator": creator}]
    _write_json(folder / ABOUT, {"id": folder.name, "rooms": [], "licences": licences, "source": asdict(source)})


def _make_empty(*folders: Path) -> None:
    """Make folders, or take the frames of an interrupted run out of them: their numbers may be others now."""
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                if _FRAME_FILE.fullmatch(path.name):
                    path.unlink()
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be made ({error.strerror}); give another place by -o") from None


def object_ids(frame: Frame, scene: SceneObjects) -> npt.NDArray[np.uint16]:
    """Return the object id of every depth pixel [h, w] of a frame; 0 where there is no depth or no object."""
    k, depth = frame.depth_intrinsics or frame.intrinsics, frame.depth.numpy()
    v, u = np.nonzero(np.isfinite(depth) & (depth > 0))
    z = depth[v, u].astype(np.float64)
    xyz_camera = np.stack([(u - k.cx) / k.fx * z, (v - k.cy) / k.fy * z, z], axis=1)
    T = frame.T_map_camera.numpy()
    ids = np.zeros(depth.shape, dtype=np.uint16)
    ids[v, u] = scene.labels_at(xyz_camera @ T[:3, :3].T + T[:3, 3])
    return ids


def _entry(scene: SceneObjects, index: int, pixels: Mapping[int, int]) -> dict[str, object]:
    item = scene.objects[index]
    low, high = (np.round(corner, 4).tolist() for corner in item.box)
    return {
        "id": item.id,
        "name": item.label,
        "category": item.label,
        "box_min": low,
        "box_max": high,
        "room": "",
        "attributes": {},
        "pixels": pixels.get(item.id, 0),
    }


def _write_json(path: Path, content: object) -> None:
    write_file(path, (json.dumps(content, indent=1) + "\n").encode())

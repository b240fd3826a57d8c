"""ARKitScenes' objects: oriented boxes, and the mesh's vertices in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from locate3d_ros.data.bad_file import BadFileError
from locate3d_ros.data.ground_truth.ply import read_vertices
from locate3d_ros.data.ground_truth.scene_objects import Floats, SceneObjects, TruthObject
from locate3d_ros.data.json_files import list_of, object_of, read_json, text_of
from locate3d_ros.data.object_ids import object_id

_MEND = "download it again"


def read_arkitscenes_objects(folder: Path) -> SceneObjects:
    """Read a video's folder: <video>_3dod_annotation.json and <video>_3dod_mesh.ply (without it, boxes only).

    An object's box is the axis-aligned one around its oriented box, its mask are the vertices in the oriented box, its
    id is its position in the file, from 1. Raises BadFileError where a file is unusable.
    """
    name = folder.resolve().name
    path, mesh = folder / f"{name}_3dod_annotation.json", folder / f"{name}_3dod_mesh.ply"
    points = read_vertices(mesh) if mesh.exists() else np.zeros((0, 3))
    content = read_json(path, _MEND)
    try:
        entries = list_of(object_of(content, "the file")["data"], "data")
        objects = tuple(_object(index, object_of(entry, "an object"), points) for index, entry in enumerate(entries))
    except (KeyError, ValueError, TypeError) as error:
        raise BadFileError(path, f"data: {error}; {_MEND}") from None
    return SceneObjects(points, objects)


def _object(index: int, entry: Mapping[str, object], points: Floats) -> TruthObject:
    segments = object_of(entry["segments"], "segments")
    box = object_of(segments["obbAligned"] if "obbAligned" in segments else segments["obb"], "a box")
    center, lengths = _numbers(box, "centroid", 3), _numbers(box, "axesLengths", 3)
    axes = _numbers(box, "normalizedAxes", 9).reshape(3, 3)  # one axis a row
    if (lengths < 0).any() or not np.allclose(axes @ axes.T, np.eye(3), atol=1e-3):
        raise ValueError(f"object {index} has a box whose axes are not at right angles, or of negative length")
    reach = (np.abs(axes) * lengths[:, None] / 2).sum(axis=0)
    inside = (np.abs((points - center) @ axes.T) <= lengths / 2).all(axis=1)
    vertices = np.flatnonzero(inside) if len(points) else None
    aligned = np.stack([center - reach, center + reach])
    return TruthObject(object_id("arkitscenes", index), text_of(entry["label"], "label"), aligned, vertices)


def _numbers(box: Mapping[str, object], key: str, count: int) -> Floats:
    numbers = np.asarray(list_of(box[key], key), dtype=np.float64).reshape(-1)
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(f"{key} is not {count} finite numbers")
    return numbers

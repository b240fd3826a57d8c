"""Objects annotated as sets of mesh segments, as ScanNet and ScanNet++ have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from locate3d_ros.data.bad_file import BadFileError
from locate3d_ros.data.ground_truth.scene_objects import Floats, SceneObjects, TruthObject, box_around
from locate3d_ros.data.json_files import list_of, object_of, read_json, text_of, whole_number
from locate3d_ros.data.object_ids import DataSet, object_id

_MEND = "download it again"


def read_segmented_objects(data_set: DataSet, points: Floats, segments: Path, groups: Path) -> SceneObjects:
    """Join vertices [V, 3], the segment of each vertex, and the groups of segments that are objects.

    An object without vertices is left out, as in the published boxes. Raises BadFileError where files are unusable or
    belong to another mesh.
    """
    indices = _segment_indices(segments, len(points))
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    objects = []
    for number, label, members in _groups(groups):
        starts = np.searchsorted(ordered, members, side="left")
        ends = np.searchsorted(ordered, members, side="right")
        parts = [order[start:end] for start, end in zip(starts, ends, strict=True)]
        vertices = np.unique(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)
        if len(vertices):
            try:
                ours = object_id(data_set, number)
            except ValueError as error:
                raise BadFileError(groups, f"{error}; {_MEND}") from None
            objects.append(TruthObject(ours, label, box_around(points[vertices]), vertices))
    return SceneObjects(points, tuple(objects))


def _segment_indices(path: Path, count: int) -> npt.NDArray[np.int64]:
    content = read_json(path, _MEND)
    try:
        indices = np.asarray(list_of(object_of(content, "the file")["segIndices"], "segIndices"))
    except (KeyError, ValueError) as error:
        raise BadFileError(path, f"segIndices: {error}; {_MEND}") from None
    if indices.dtype.kind not in "iu" or indices.ndim != 1:
        raise BadFileError(path, f"segIndices are no whole numbers; {_MEND}")
    if len(indices) != count:
        raise BadFileError(path, f"{len(indices)} segIndices for {count} vertices; take mesh and segments of one scan")
    return indices.astype(np.int64)


def _groups(path: Path) -> list[tuple[int, str, npt.NDArray[np.int64]]]:
    """Read objectId, label and segments of each group."""
    content = read_json(path, _MEND)
    try:
        groups = []
        for entry in list_of(object_of(content, "the file")["segGroups"], "segGroups"):
            group = object_of(entry, "a group")
            members = [whole_number(one, "a segment") for one in list_of(group["segments"], "segments")]
            number = whole_number(group["objectId"], "objectId")
            groups.append((number, text_of(group["label"], "label"), np.array(members, dtype=np.int64)))
    except (KeyError, ValueError, OverflowError) as error:
        raise BadFileError(path, f"segGroups: {error}; {_MEND}") from None
    numbers = [number for number, _, _ in groups]
    if len(set(numbers)) != len(numbers):
        raise BadFileError(path, f"two groups with one objectId; {_MEND}")
    return groups

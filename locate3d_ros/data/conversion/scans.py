"""Finds scans where the data sets' own download scripts put them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from locate3d_ros.config import RecordingConfig
from locate3d_ros.data.annotations.annotation_set import AnnotationSet, SceneSource
from locate3d_ros.data.ground_truth.scannet import MESH, read_scannet_objects
from locate3d_ros.data.ground_truth.scannetpp import read_scannetpp_objects
from locate3d_ros.data.ground_truth.scene_objects import SceneObjects, TruthObject
from locate3d_ros.data.object_ids import DataSet
from locate3d_ros.data.recordings import Recording, load_recording
from locate3d_ros.errors import InputError

# Folders of scans below the one that the user names; the first that holds the scan is taken.
_PLACES: Mapping[DataSet, Sequence[str]] = {
    "scannet": ("posed_images", "scans", "."),
    "scannetpp": ("data", "."),
    "arkitscenes": tuple(f"{part}{fold}" for part in ("raw/", "3dod/", "") for fold in ("Training", "Validation"))
    + (".",),
}
LICENCES: Mapping[DataSet, tuple[str, str]] = {  # licence, who gives it
    "scannet": ("ScanNet Terms of Use (non-commercial research)", "Dai et al., scan-net.org"),
    "scannetpp": ("ScanNet++ Terms of Use (non-commercial research)", "Yeshwanth et al."),
    "arkitscenes": ("CC-BY-NC-SA-4.0", "Apple Inc."),
}


@dataclass(frozen=True)
class Roots:
    """Where the user has the data sets."""

    scannet: Path | None = None
    scannetpp: Path | None = None
    arkitscenes: Path | None = None

    def places(self, source: SceneSource) -> list[Path]:
        """Return the folders there are for a scan. Raises InputError where none is."""
        root: Path | None = getattr(self, source.data_set)
        if root is None:
            raise InputError(f"{source.scan} is of {source.data_set}; give its folder by --{source.data_set}")
        places = [root / place / source.scan for place in _PLACES[source.data_set]]
        found = [place for place in places if place.is_dir()]
        if not found:
            raise InputError(f"{source.scan} is not below {root}; download it")
        return found


def open_scan(source: SceneSource, roots: Roots, frame_step: int) -> Recording:
    """Open a scan's recording as the published loaders take it: the frames that were shown, else every n-th."""
    config = RecordingConfig(protocol="locate3d", frame_step=1 if source.positions else frame_step)
    fault: InputError | None = None
    for place in roots.places(source):
        try:
            recording = load_recording(place, config)
        except InputError as error:
            fault = fault or error
            continue
        return recording if source.positions is None else recording.select(source.positions)
    raise fault or InputError(f"{source.scan}: no recording; download it")


def read_objects(source: SceneSource, scene_id: str, roots: Roots, annotations: AnnotationSet) -> SceneObjects:
    """Read a scan's objects: those that its annotations bring, else those of the data set."""
    if scene_id in annotations.boxes:
        names = annotations.names.get(scene_id, {})
        boxes = annotations.boxes[scene_id]
        objects = [
            TruthObject(number, names.get(number, "object"), np.array(box)) for number, box in enumerate(boxes, start=1)
        ]
        return SceneObjects(np.zeros((0, 3)), tuple(objects))
    places = roots.places(source)
    if source.data_set == "scannetpp":
        return read_scannetpp_objects(places[0])
    with_mesh = (place for place in places if (place / f"{source.scan}{MESH}.ply").is_file())
    return read_scannet_objects(next(with_mesh, places[-1]))

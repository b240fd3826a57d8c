"""ScanNet++'s objects: groups of segments of the 5 % mesh, in the frame of the laser scan."""

from __future__ import annotations

from pathlib import Path

from locate3d_ros.data.ground_truth.ply import read_vertices
from locate3d_ros.data.ground_truth.scene_objects import SceneObjects
from locate3d_ros.data.ground_truth.segments import read_segmented_objects


def read_scannetpp_objects(folder: Path) -> SceneObjects:
    """Read a scene's folder: scans/mesh_aligned_0.05.ply, segments.json, segments_anno.json.

    A vertex may belong to several objects. Raises BadFileError where a file is missing, unusable or of another scene.
    """
    scans = folder / "scans"
    points = read_vertices(scans / "mesh_aligned_0.05.ply")
    return read_segmented_objects("scannetpp", points, scans / "segments.json", scans / "segments_anno.json")

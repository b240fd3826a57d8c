"""ScanNet's objects: groups of segments of the decimated mesh, in the axis-aligned frame."""

from __future__ import annotations

from pathlib import Path

from locate3d_ros.data.ground_truth.ply import read_vertices
from locate3d_ros.data.ground_truth.scene_objects import SceneObjects
from locate3d_ros.data.ground_truth.segments import read_segmented_objects
from locate3d_ros.data.recordings.scannet_scan import read_axis_alignment

MESH = "_vh_clean_2"


def read_scannet_objects(folder: Path) -> SceneObjects:
    """Read a scan's folder: <scan>_vh_clean_2.ply, .0.010000.segs.json, <scan>.aggregation.json, and <scan>.txt.

    The alignment of <scan>.txt turns the mesh as it turns the recording's poses; without it neither is turned.
    Raises BadFileError where a file is missing, unusable or of another scan.
    """
    name = folder.resolve().name
    points = read_vertices(folder / f"{name}{MESH}.ply")
    alignment = read_axis_alignment(folder / f"{name}.txt")
    if alignment is not None:
        T = alignment.numpy()
        points = points @ T[:3, :3].T + T[:3, 3]
    segments = folder / f"{name}{MESH}.0.010000.segs.json"
    return read_segmented_objects("scannet", points, segments, folder / f"{name}.aggregation.json")

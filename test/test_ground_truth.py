"""Annotated objects of scans: boxes and masks, and what becomes of files that are cut short or of another scan."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from dataset_writers import ply, write_arkit_truth, write_scan_text, write_scannet_truth, write_scannetpp_truth
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from locate3d_ros.data.ground_truth import (
    SceneObjects,
    TruthObject,
    read_arkitscenes_objects,
    read_scannet_objects,
    read_scannetpp_objects,
)
from locate3d_ros.data.ground_truth.ply import read_vertices
from locate3d_ros.errors import InputError

POINTS = np.array([[0, 0, 0], [1, 0, 0], [1, 2, 0], [3, 3, 1], [4, 3, 1], [4, 5, 2], [9, 9, 9]], dtype=np.float64)
SEGMENTS = [7, 7, 3, 100, 100, 5, 8]
GROUPS = {0: ("couch", [7, 3]), 1: ("coffee table", [100, 5]), 2: ("ghost", [42])}


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_vertices_of_every_form_are_read(tmp_path, form):
    path = tmp_path / "mesh.ply"
    path.write_bytes(ply(POINTS, form))
    np.testing.assert_allclose(read_vertices(path), POINTS)


@settings(max_examples=40, deadline=None)
@given(
    points=arrays.arrays(np.float32, st.tuples(st.integers(0, 9), st.just(3)), elements=st.floats(-8, 8, width=32)),
    cut=st.floats(0, 1),
)
def test_any_cut_of_a_mesh_is_refused_with_one_line_or_has_all_vertices(tmp_path_factory, points, cut):
    path = tmp_path_factory.mktemp("mesh") / "mesh.ply"
    whole = ply(points)
    path.write_bytes(whole[: int(cut * len(whole))])
    message = ""
    try:
        vertices = read_vertices(path)
    except InputError as error:
        message, vertices = str(error), points
    np.testing.assert_array_equal(vertices, points)
    assert "\n" not in message
    assert str(path) in message or not message
    assert cut < 1 or not message


PLY_FAULTS = {
    "no mesh": (b"hello\n", "no PLY"),
    "empty": (b"", "no PLY"),
    "long line": (b"ply" * 5000, "no PLY"),
    "other order": (ply(POINTS).replace(b"binary_little_endian", b"binary_middle"), "another form"),
    "faces first": (ply(POINTS).replace(b"element vertex", b"element corner"), "another form"),
    "no z": (ply(POINTS).replace(b"property float z", b"property float q"), "without one x, y, z"),
    "list in a vertex": (ply(POINTS).replace(b"property float z", b"property list uchar int z"), "unknown type"),
    "huge count": (ply(POINTS).replace(b"vertex 7", b"vertex 99999999999999"), "truncated"),
    "nan": (ply(np.array([[0, math.nan, 0]])), "not finite"),
    "text cut": (ply(POINTS, "ascii").replace(b"4.000000 5.000000", b"4.0 a"), "no numbers"),
}


@pytest.mark.parametrize("fault", PLY_FAULTS)
def test_foreign_mesh_is_refused(tmp_path, fault):
    content, reason = PLY_FAULTS[fault]
    path = tmp_path / "mesh.ply"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_vertices(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_vertices(tmp_path / "missing.ply")


def test_scannet_objects_are_their_segments_vertices(tmp_path):
    scene = read_scannet_objects(write_scannet_truth(tmp_path / "scene0000_00", POINTS, SEGMENTS, GROUPS))
    couch, table = scene.objects  # a group without vertices is no object
    assert (couch.id, couch.label, table.id, table.label) == (1, "couch", 2, "coffee table")
    np.testing.assert_array_equal(couch.box, [[0, 0, 0], [1, 2, 0]])
    np.testing.assert_array_equal(table.box, [[3, 3, 1], [4, 5, 2]])
    assert np.flatnonzero(couch.mask(scene.points)).tolist() == [0, 1, 2]
    assert scene.labels().tolist() == [1, 1, 1, 2, 2, 2, 0]


def test_scannet_objects_are_turned_as_the_poses_are(tmp_path):
    folder = write_scannet_truth(tmp_path / "scene0000_00", POINTS, SEGMENTS, GROUPS)
    alignment = np.eye(4)
    alignment[:2, :2] = [[0, -1], [1, 0]]  # a quarter about z: (x, y) to (-y, x)
    alignment[:3, 3] = (10, 0, 0)
    write_scan_text(folder / "scene0000_00.txt", alignment)
    couch = read_scannet_objects(folder).objects[0]
    np.testing.assert_allclose(couch.box, [[8, 0, 0], [10, 1, 0]])


def test_scannetpp_objects_may_share_vertices(tmp_path):
    groups = {1: ("desk", [7, 3, 100]), 2: ("mug", [100])}
    scene = read_scannetpp_objects(write_scannetpp_truth(tmp_path / "0a5c013435", POINTS, SEGMENTS, groups))
    desk, mug = scene.objects
    assert (desk.id, mug.id) == (1, 2)  # ScanNet++ counts from 1
    assert np.flatnonzero(desk.mask(scene.points)).tolist() == [0, 1, 2, 3, 4]
    assert scene.labels().tolist() == [1, 1, 1, 2, 2, 0, 0]  # the smaller has the shared ones


def test_arkitscenes_boxes_are_turned(tmp_path):
    boxes = [("bed", np.array([1.0, 1, 0]), np.array([4.0, 2, 2]), 90.0), ("chair", np.zeros(3), np.full(3, 0.1), 45.0)]
    scene = read_arkitscenes_objects(write_arkit_truth(tmp_path / "41069021", POINTS, boxes))
    bed, chair = scene.objects
    assert (bed.id, chair.id, bed.label) == (1, 2, "bed")
    np.testing.assert_allclose(bed.box, [[0, -1, -1], [2, 3, 1]], atol=1e-9)
    np.testing.assert_allclose(chair.box[1], [0.1 * math.sqrt(2) / 2, 0.1 * math.sqrt(2) / 2, 0.05])
    assert np.flatnonzero(bed.mask(scene.points)).tolist() == [0, 1, 2]


def test_arkitscenes_without_a_mesh_has_boxes_alone(tmp_path):
    folder = write_arkit_truth(tmp_path / "41069021", POINTS, [("bed", np.zeros(3), np.full(3, 2.0), 0.0)])
    (folder / "41069021_3dod_mesh.ply").unlink()
    scene = read_arkitscenes_objects(folder)
    assert scene.points.shape == (0, 3)
    assert scene.objects[0].vertices is None
    assert scene.labels_at(np.array([[0.5, 0.5, 0.5], [1.5, 0, 0]])).tolist() == [1, 0]


def test_measured_points_take_the_object_of_the_nearest_vertex(tmp_path):
    scene = read_scannet_objects(write_scannet_truth(tmp_path / "scene0000_00", POINTS, SEGMENTS, GROUPS))
    near = POINTS + [0.04, 0, 0]
    assert scene.labels_at(near).tolist() == [1, 1, 1, 2, 2, 2, 0]
    assert scene.labels_at(POINTS + [0, 0, 0.3]).tolist() == [0] * 7
    assert scene.labels_at(np.zeros((0, 3))).tolist() == []


def test_scene_without_objects_labels_nothing():
    scene = SceneObjects(np.zeros((0, 3)), ())
    assert scene.labels_at(np.ones((4, 3))).tolist() == [0, 0, 0, 0]


def test_smaller_of_two_nested_boxes_has_the_point():
    outer = TruthObject(1, "shelf", np.array([[0.0, 0, 0], [2, 2, 2]]))
    inner = TruthObject(2, "book", np.array([[0.5, 0.5, 0.5], [1, 1, 1]]))
    for objects in ((outer, inner), (inner, outer)):
        assert SceneObjects(np.zeros((0, 3)), objects).labels_at(
            np.array([[0.7, 0.7, 0.7], [1.5, 1.5, 1.5]])
        ).tolist() == [2, 1]


@settings(max_examples=30, deadline=None)
@given(segments=st.lists(st.integers(0, 5), min_size=1, max_size=40), seed=st.integers(0, 99))
def test_boxes_are_the_extents_of_the_masks(tmp_path_factory, segments, seed):
    points = np.random.default_rng(seed).uniform(-3, 3, (len(segments), 3)).astype(np.float32)
    groups = {1: ("a", [0, 1]), 2: ("b", [2, 3, 4])}
    folder = write_scannetpp_truth(tmp_path_factory.mktemp("truth") / "scene", points, segments, groups)
    scene = read_scannetpp_objects(folder)
    present = {number for number, (_, members) in groups.items() if set(members) & set(segments)}
    assert {item.id for item in scene.objects} == present
    for item in scene.objects:
        mask = item.mask(scene.points)
        assert mask.tolist() == [segment in groups[item.id][1] for segment in segments]
        np.testing.assert_array_equal(item.box, [points[mask].min(axis=0), points[mask].max(axis=0)])


def change(path: Path, **entries: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


TRUTH_FAULTS = {
    "segments of another mesh": (
        "_vh_clean_2.0.010000.segs.json",
        {"segIndices": [1, 2]},
        "2 segIndices for 7 vertices",
    ),
    "segments of words": ("_vh_clean_2.0.010000.segs.json", {"segIndices": ["a"] * 7}, "no whole numbers"),
    "ragged segments": ("_vh_clean_2.0.010000.segs.json", {"segIndices": [[1], [1, 2]]}, "segIndices"),
    "no segments": ("_vh_clean_2.0.010000.segs.json", {"segIndices": None}, "not a list"),
    "groups no list": (".aggregation.json", {"segGroups": 3}, "not a list"),
    "group without label": (".aggregation.json", {"segGroups": [{"objectId": 1, "segments": []}]}, "label"),
    "two of one id": (
        ".aggregation.json",
        {"segGroups": [{"objectId": 1, "segments": [7], "label": "a"}] * 2},
        "two groups with one objectId",
    ),
    "huge id": (
        ".aggregation.json",
        {"segGroups": [{"objectId": 10**7, "segments": [7], "label": "a"}]},
        "ids of scannet go from",
    ),
    "huge segment": (
        ".aggregation.json",
        {"segGroups": [{"objectId": 1, "segments": [10**30], "label": "a"}]},
        "segGroups",
    ),
}


@pytest.mark.parametrize("fault", TRUTH_FAULTS)
def test_unusable_ground_truth_is_refused_with_one_line(tmp_path, fault):
    name, entries, reason = TRUTH_FAULTS[fault]
    folder = write_scannet_truth(tmp_path / "scene0000_00", POINTS, SEGMENTS, GROUPS)
    change(folder / f"scene0000_00{name}", **entries)
    with pytest.raises(InputError, match=reason) as caught:
        read_scannet_objects(folder)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


ARKIT_FAULTS = {
    "skew": ({"normalizedAxes": [1, 1, 0, 0, 1, 0, 0, 0, 1]}, "right angles"),
    "negative": ({"axesLengths": [-1, 1, 1]}, "negative length"),
    "short": ({"centroid": [1, 2]}, "centroid is not 3"),
    "words": ({"centroid": ["a", "b", "c"]}, "data"),
    "not finite": ({"centroid": [1, 2, float("nan")]}, "centroid is not 3"),
    "missing": ({"centroid": None}, "not a list"),
}


@pytest.mark.parametrize("fault", ARKIT_FAULTS)
def test_unusable_boxes_are_refused_with_one_line(tmp_path, fault):
    entries, reason = ARKIT_FAULTS[fault]
    folder = write_arkit_truth(tmp_path / "41069021", POINTS, [("bed", np.zeros(3), np.ones(3), 0.0)])
    path = folder / "41069021_3dod_annotation.json"
    content = json.loads(path.read_text())
    content["data"][0]["segments"]["obbAligned"].update(entries)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=reason) as caught:
        read_arkitscenes_objects(folder)
    assert "\n" not in str(caught.value)
    path.write_text("{")
    with pytest.raises(InputError, match="not whole JSON"):
        read_arkitscenes_objects(folder)

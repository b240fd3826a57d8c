"""From a data set of the field to a data set folder, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from dataset_writers import (
    PINCAM,
    VIDEO,
    pose,
    write_arkitscenes,
    write_scan_text,
    write_scannet_folder,
    write_scannet_truth,
    write_scannetpp,
    write_scannetpp_truth,
    write_sens,
)

from locate3d_ros.cli.main import main
from locate3d_ros.data.annotations import Span, read_expressions
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.data.recordings import load_recording

SCAN = "scene0000_00"
POSES = [pose(0.0), pose(0.05)]
GROUPS = {0: ("wall", [0]), 3: ("picture", [1]), 9: ("ghost", [77])}


def sample(target: int, text: str = "the Picture on the wall", **fields: object) -> dict[str, object]:
    tokens = text.split()
    entities = [[[1], [f"{target}_picture"]], [[4], ["0_wall"]]]
    return {
        "object_id": target, "object_name": "picture", "ann_id": 0, "description": text, "token": tokens,
        "entities": entities, "primary_key": "1", "scene_id": SCAN, "scene_dataset": "ScanNet", **fields,
    }  # fmt: skip


def wall_mesh() -> tuple[np.ndarray, list[int]]:
    """Vertices of the plane that every depth pixel of the first pose shows, 2 m before it; the right half is 1."""
    x, y = np.meshgrid(np.arange(-1.475, 1.5, 0.05), np.arange(-1.2, 1.2, 0.05))
    camera = np.stack([x.ravel(), y.ravel(), np.full(x.size, 2.0), np.ones(x.size)])
    points = (pose(0.0) @ camera)[:3].T
    return points, [int(value > 0) for value in x.ravel()]


def write_samples(folder: Path, *samples: object) -> Path:
    path = folder / "samples.json"
    path.write_text(json.dumps(samples))
    return path


def scannet(folder: Path) -> Path:
    scan = folder / "scannet" / "scans" / SCAN
    write_sens(scan / f"{SCAN}.sens", POSES)
    write_scannet_truth(scan, *wall_mesh(), GROUPS)
    return folder / "scannet"


def run(*arguments: object) -> int:
    return main(["convert", *map(str, arguments)])


def test_scannet_becomes_a_data_set_folder(tmp_path, capfd):
    output, root = tmp_path / "out", scannet(tmp_path)
    path = write_samples(tmp_path, sample(3), 7, sample(9, "the Ghost on the wall"))
    assert run(path, "-o", output, "--scannet", root, "--frame-step", 1) == 0
    out, err = capfd.readouterr()
    assert "1 scenes (0 there already), 1 sentences in annotations/val.jsonl" in out
    assert f"{path} sample 1: the sample is not an object" in err
    (one,) = read_expressions(output / "annotations" / "val.jsonl")
    assert (one.text, one.target_ids, one.scene_id) == ("the picture on the wall", (4,), SCAN)
    assert one.spans == (Span((1,), (4,)), Span((4,), (1,)))
    scene = output / "scenes" / SCAN
    objects = {entry["id"]: entry for entry in json.loads((scene / "objects.json").read_text())}
    assert {number: entry["name"] for number, entry in objects.items()} == {1: "wall", 4: "picture"}
    assert objects[4]["box_min"][0] == pytest.approx(0.025, abs=1e-4)
    assert json.loads((scene / "scene.json").read_text())["licences"][0]["licence"].startswith("ScanNet Terms")
    frames = list(load_recording(scene))
    assert len(frames) == 2
    assert frames[0].intrinsics.width == 640
    np.testing.assert_allclose(frames[1].T_map_camera, POSES[1], atol=1e-6)
    assert frames[1].stamp == pytest.approx(1 / 30)


def test_object_ids_lie_where_the_mesh_is(tmp_path):
    output = tmp_path / "out"
    assert run(write_samples(tmp_path, sample(3)), "-o", output, "--scannet", scannet(tmp_path), "--frame-step", 1) == 0
    scene = output / "scenes" / SCAN
    ids = cv2.imread(str(scene / "instances" / "000000.png"), cv2.IMREAD_UNCHANGED)
    assert ids.dtype == np.uint16
    assert ids.shape == (480, 640)
    center = 31.5 * 10  # the camera's cx: left of it is wall, right of it picture
    assert (ids[100:400, 60 : int(center) - 20] == 1).all()
    assert (ids[100:400, int(center) + 20 : 580] == 4).all()
    assert ids[5, 5] == 0  # no depth there
    entries = json.loads((scene / "objects.json").read_text())
    total = sum((cv2.imread(str(p), cv2.IMREAD_UNCHANGED) == 4).sum() for p in (scene / "instances").iterdir())
    assert next(entry["pixels"] for entry in entries if entry["id"] == 4) == total


def test_data_set_folder_reads_what_was_converted(tmp_path):
    root = scannet(tmp_path)
    assert run(write_samples(tmp_path, sample(3)), "-o", tmp_path / "out", "--scannet", root, "--frame-step", 1) == 0
    data_set = DatasetFolder(tmp_path / "out")
    assert data_set.splits() == ["val"]
    (one,) = data_set.expressions("val")
    scene = data_set.scene(one.scene_id)
    assert scene.rooms() == []
    objects = {item.id: item for item in scene.objects()}
    assert one.target_ids[0] in objects
    for number, frame in scene.frames():
        ids = scene.instance_ids(number)
        assert ids.shape == tuple(frame.depth.shape)
        assert set(np.unique(ids)) <= {0, *objects}


def test_alignment_turns_poses_and_boxes_together(tmp_path):
    """Posed images find the alignment in the scan's own folder, so that object ids stay where they are."""
    root = tmp_path / "scannet"
    write_scannet_folder(root / "posed_images" / SCAN, POSES)
    scan = write_scannet_truth(root / "scans" / SCAN, *wall_mesh(), GROUPS)
    turned = np.eye(4)
    turned[:2, :2] = [[0, -1], [1, 0]]
    turned[:3, 3] = (5, 0, 0)
    write_scan_text(scan / f"{SCAN}.txt", turned)
    output = tmp_path / "out"
    assert run(write_samples(tmp_path, sample(3)), "-o", output, "--scannet", root, "--frame-step", 1) == 0
    scene = output / "scenes" / SCAN
    ids = cv2.imread(str(scene / "instances" / "000000.png"), cv2.IMREAD_UNCHANGED)
    assert (ids[100:400, 340:580] == 4).all()
    (frame, *_) = load_recording(scene)
    np.testing.assert_allclose(frame.T_map_camera, turned @ POSES[0], atol=1e-5)


def test_part_of_a_scannetpp_recording_has_the_frames_that_were_shown(tmp_path):
    root, scan = tmp_path / "scannetpp", "0a5c013435"
    write_scannetpp(root / "data" / scan, [pose(0.1 * n) for n in range(5)])
    write_scannetpp_truth(root / "data" / scan, *wall_mesh(), {1: ("wall", [0]), 3: ("picture", [1])})
    fields = {"scene_id": scan, "scene_dataset": "ScanNet++", "frames_used": [1, 3]}
    entry = sample(3, entities=[[[1], ["3_picture"]], [[4], ["1_wall"]]], **fields)
    output = tmp_path / "out"
    assert run(write_samples(tmp_path, entry), "-o", output, "--scannetpp", root, "--split", "test") == 0
    frames = list(load_recording(output / "scenes" / f"{scan}_start1_end3"))
    assert [round(frame.T_map_camera[0, 3].item(), 6) for frame in frames] == [0.1, 0.3]
    (one,) = read_expressions(output / "annotations" / "test.jsonl")
    assert one.target_ids == (3,)


def test_arkitscenes_has_the_boxes_of_its_annotations(tmp_path):
    root = tmp_path / "arkit"
    track = {round(10 + 0.1 * n, 3): pose(0.1 * n) for n in range(11)}
    folder = write_arkitscenes(root / "raw" / "Validation" / VIDEO, (10.25, 10.35), track, (99, 99))
    pincam = next((folder / "lowres_wide_intrinsics").glob("*10.351*"))
    pincam.write_text(" ".join(map(str, (*PINCAM[:2], 220.0, *PINCAM[3:]))))
    point = (pose(0.25) @ [0, 0, 2, 1])[:3]
    box = [[value - 0.1, value + 0.1] for value in point]
    fields = {"scene_id": VIDEO, "scene_dataset": "ARKitScenes", "gt_boxes": [box, [[0, 1], [0, 1], [8, 9]]]}
    entry = sample(0, entities=[[[1], ["0_object"]], [[4], ["1_object"]]], **fields)
    output = tmp_path / "out"
    assert run(write_samples(tmp_path, entry), "-o", output, "--arkitscenes", root, "--frame-step", 1) == 0
    scene = output / "scenes" / VIDEO
    ids = cv2.imread(str(scene / "instances" / "000000.png"), cv2.IMREAD_UNCHANGED)
    assert ids[95, 127] == 1
    assert ids[95, 180] == 0
    first, second = load_recording(scene)
    assert (first.intrinsics.fx, second.intrinsics.fx) == (212.0, 220.0)  # every frame keeps its own camera
    assert [entry["name"] for entry in json.loads((scene / "objects.json").read_text())] == ["picture", "object"]


def test_second_run_keeps_scenes_and_finishes_a_broken_one(tmp_path, capfd):
    output, root = tmp_path / "out", scannet(tmp_path)
    arguments = (write_samples(tmp_path, sample(3)), "-o", output, "--scannet", root, "--frame-step", 1)
    assert run(*arguments) == 0
    kept = (output / "scenes" / SCAN / "recording" / "000000.color.jpg").stat().st_mtime_ns
    assert run(*arguments) == 0
    assert "1 scenes (1 there already)" in capfd.readouterr().out
    assert (output / "scenes" / SCAN / "recording" / "000000.color.jpg").stat().st_mtime_ns == kept
    (output / "scenes" / SCAN / "scene.json").unlink()
    (output / "scenes" / SCAN / "recording" / "000009.color.jpg").write_bytes(b"left by an interrupted run")
    assert run(*arguments) == 0
    assert len(load_recording(output / "scenes" / SCAN)) == 2


def test_scene_that_cannot_be_had_costs_only_itself(tmp_path, capfd):
    output, root = tmp_path / "out", scannet(tmp_path)
    other = sample(3, scene_id="scene0001_00")
    assert run(write_samples(tmp_path, other, sample(3)), "-o", output, "--scannet", root) == 0
    out, err = capfd.readouterr()
    assert "1 scenes (0 there already), 1 sentences" in out
    assert "scene0001_00 is not below" in err
    assert "1 sentences with them" in err


def test_as_written_keeps_the_sentence(tmp_path):
    output, root = tmp_path / "out", scannet(tmp_path)
    assert run(write_samples(tmp_path, sample(3)), "-o", output, "--scannet", root, "--as-written") == 0
    (one,) = read_expressions(output / "annotations" / "val.jsonl")
    assert one.text == "the Picture on the wall"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "no file is given"),
        (("missing.json",), "missing.json: cannot be read"),
        (("samples.json",), "give its folder by --scannet"),
        (("samples.json", "--scannet", "."), "is not below"),
        (("samples.json", "--scannet", "nowhere"), "no such folder"),
        (("samples.json", "--frame-step", "0"), "give 1 or more"),
        (("samples.json", "--split", "../val"), "give a name"),
    ],
)
def test_wrong_arguments_are_refused_with_one_line(tmp_path, monkeypatch, capfd, arguments, reason):
    monkeypatch.chdir(tmp_path)
    write_samples(tmp_path, sample(3))
    assert run(*arguments, "-o", "out") == 2
    error = capfd.readouterr().err.splitlines()[-1]
    assert reason in error
    assert not (tmp_path / "out" / "annotations").exists()


def test_mesh_that_is_missing_is_named(tmp_path, capfd):
    root = scannet(tmp_path)
    (root / "scans" / SCAN / f"{SCAN}_vh_clean_2.ply").unlink()
    assert run(write_samples(tmp_path, sample(3)), "-o", tmp_path / "out", "--scannet", root) == 2
    assert f"{SCAN}_vh_clean_2.ply: cannot be read" in capfd.readouterr().err

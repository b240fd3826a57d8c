"""Any damage to the files of a data set costs a frame or a sample, or is refused with one line."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dataset_writers import (
    pose,
    write_arkit_truth,
    write_arkitscenes,
    write_posed_images,
    write_replica,
    write_scannet_folder,
    write_scannet_truth,
    write_scannetpp,
    write_scannetpp_truth,
    write_sens,
)

from locate3d_ros.config import RecordingConfig
from locate3d_ros.data.annotations.read import read_annotations
from locate3d_ros.data.ground_truth import read_arkitscenes_objects, read_scannet_objects, read_scannetpp_objects
from locate3d_ros.data.recordings import load_recording
from locate3d_ros.errors import InputError

POSES = [pose(0.0), pose(0.5)]
TRACK = {10.0: pose(0.0), 10.1: pose(0.1), 10.2: pose(0.2)}
POINTS = np.random.default_rng(0).uniform(-1, 1, (30, 3))
SEGMENTS = [i % 5 for i in range(30)]
GROUPS = {1: ("desk", [0, 1]), 2: ("mug", [2])}
SAMPLE = {
    "object_id": 4,
    "object_name": "mug",
    "description": "On the Table",
    "token": ["On", "the", "Table"],
    "entities": [[[1, 2], ["0_coffee_table"]], [[0], ["4_mug"]]],
    "scene_id": "scene0001_00",
}
PHONE_FILES = ("json", "txt")  # its images are large, and images are damaged elsewhere


def walk(source: Path) -> None:
    for protocol in ("recorded", "locate3d"):
        list(load_recording(source, RecordingConfig(protocol=protocol, frame_step=1)))


def read_both(path: Path) -> None:
    for published in (False, True):
        read_annotations(path, published=published)


def samples(folder: Path) -> Path:
    path = folder / "samples.json"
    box = [[0, 1], [0, 1], [0, 1]]
    arkit = {**SAMPLE, "scene_dataset": "ARKitScenes", "gt_boxes": [box] * 5}
    part = {**SAMPLE, "scene_dataset": "ScanNet++", "entities": [[[1], ["4_mug"]]], "frames_used": [1, 2]}
    path.write_text(json.dumps([SAMPLE, arkit, part]))
    return path


def rows(folder: Path) -> Path:
    path = folder / "sr3d.csv"
    head = "scan_id,target_id,utterance,stimulus_id,instance_type,anchors_types,anchor_ids"
    row = 'scene0149_00,36,find the can near the desk,scene0149_00-can-2-36-35,can,"[\'desk\']","[5]"'
    path.write_text(f"{head}\n{row}\n{row}\n")
    return path


FORMATS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "stream": (lambda d: write_sens(d / "scene0000_00.sens", POSES), walk),
    "extracted": (lambda d: write_scannet_folder(d / "scene0000_00", POSES), walk),
    "posed images": (lambda d: write_posed_images(d / "scene0000_00", POSES), walk),
    "phone": (lambda d: write_scannetpp(d / "0a5c013435", POSES[:1], ("arkit", "colmap", "nerfstudio")), walk),
    "arkit": (lambda d: write_arkitscenes(d / "42444949", (10.05, 10.15), TRACK, (9, 9)), walk),
    "replica": (lambda d: write_replica(d / "Replica" / "room0", POSES), walk),
    "scannet objects": (
        lambda d: write_scannet_truth(d / "scene0000_00", POINTS, SEGMENTS, GROUPS),
        read_scannet_objects,
    ),
    "scannetpp objects": (
        lambda d: write_scannetpp_truth(d / "0a5c013435", POINTS, SEGMENTS, GROUPS),
        read_scannetpp_objects,
    ),
    "arkit objects": (
        lambda d: write_arkit_truth(d / "41069021", POINTS, [("bed", np.zeros(3), np.ones(3), 20.0)]),
        read_arkitscenes_objects,
    ),
    "samples": (samples, read_both),
    "rows": (rows, read_both),
}


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Cut a file off, lose a piece of it, or write over some of its bytes."""
    blob = bytearray(content)
    kind = rng.choice(["cut", "lose", "write", "write", "write"])
    if kind == "cut":
        return bytes(blob[: rng.randrange(len(blob) + 1)])
    if kind == "lose":
        start = rng.randrange(len(blob))
        return bytes(blob[:start] + blob[start + rng.randrange(1, 30) :])
    for _ in range(rng.choice([1, 3, 20])):
        place = rng.randrange(min(len(blob), rng.choice([40, 400, len(blob)])))
        blob[place] = rng.choice([rng.randrange(256), ord(rng.choice('0123456789-e.[]{}",nai '))])
    return bytes(blob)


@pytest.mark.parametrize("form", FORMATS)
def test_damage_is_never_a_traceback(tmp_path, form):
    write, read = FORMATS[form]
    whole = tmp_path / "whole"
    whole.mkdir()
    source = write(whole).relative_to(whole)
    read(whole / source)
    for seed in range(12 if form == "phone" else 40):
        rng = random.Random(seed)
        copy = tmp_path / f"copy{seed}"
        shutil.copytree(whole, copy)
        files = sorted(path for path in copy.rglob("*") if path.is_file())
        if form == "phone":
            files = [path for path in files if path.suffix[1:] in PHONE_FILES]
        victim = rng.choice(files)
        victim.write_bytes(damaged(victim.read_bytes(), rng))
        message = ""
        try:
            read(copy / source)
        except InputError as error:
            message = str(error)
        assert "\n" not in message, f"seed {seed}"
        shutil.rmtree(copy)

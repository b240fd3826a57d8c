"""Writes a small data set folder by hand: two boxes before a wall, seen by one straight camera."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT, FOCAL = 64, 48, 60.0
WALL, FRONT = 2.0, 1.5  # metres from the camera to the wall and to the boxes' faces
CRATES = {7: (8, 20, 24, 40), 9: (40, 20, 56, 40)}  # object id -> u0, v0, u1, v1 of its face, pixels
COLOURS = {7: (200, 40, 40), 9: (40, 60, 200)}  # RGB


def face_box(pixels: tuple[int, int, int, int], depth: float = FRONT) -> tuple[list[float], list[float]]:
    """Return min and max of a face's pixel centres in the camera frame, which is the map frame of frame 0."""
    u0, v0, u1, v1 = pixels
    x = [(u - (WIDTH - 1) / 2) / FOCAL * depth for u in (u0, u1 - 1)]
    y = [(v - (HEIGHT - 1) / 2) / FOCAL * depth for v in (v0, v1 - 1)]
    return [x[0], y[0], depth], [x[1], y[1], depth]


def write_scene(folder: Path, frames: int = 2) -> Path:
    """Write a scene of one view, `frames` times; the camera looks along z of the map."""
    rgb = np.full((HEIGHT, WIDTH, 3), 180, np.uint8)
    depth = np.full((HEIGHT, WIDTH), WALL * 1000, np.uint16)
    ids = np.zeros((HEIGHT, WIDTH), np.uint16)
    for number, (u0, v0, u1, v1) in CRATES.items():
        rgb[v0:v1, u0:u1], depth[v0:v1, u0:u1], ids[v0:v1, u0:u1] = COLOURS[number], FRONT * 1000, number
    for part in ("recording", "instances"):
        (folder / part).mkdir(parents=True)
    for index in range(frames):
        stem = folder / "recording" / f"{index:06d}"
        cv2.imwrite(str(stem) + ".color.png", rgb[..., ::-1])
        cv2.imwrite(str(stem) + ".depth.png", depth)
        Path(str(stem) + ".pose.txt").write_text("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
        cv2.imwrite(str(folder / "instances" / f"{index:06d}.png"), ids)
    color = {"fx": FOCAL, "fy": FOCAL, "cx": (WIDTH - 1) / 2, "cy": (HEIGHT - 1) / 2, "width": WIDTH, "height": HEIGHT}
    write_json(folder / "recording" / "camera.json", {"color": color, "frame_id": "map", "rate": 1.0})
    write_json(folder / "objects.json", [_object(number, pixels) for number, pixels in CRATES.items()])
    corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]]
    write_json(folder / "scene.json", {"id": folder.name, "rooms": [{"name": "hall", "polygon": corners}]})
    return folder


def write_dataset(folder: Path, scenes: tuple[str, ...] = ("a", "b"), split: str = "val") -> Path:
    """Write a data set of such scenes with a few sentences about each."""
    for name in scenes:
        write_scene(folder / "scenes" / name)
    (folder / "annotations").mkdir()
    lines = [json.dumps(sentence) for name in scenes for sentence in sentences(name)]
    (folder / "annotations" / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def sentences(scene_id: str) -> list[dict[str, object]]:
    """Return two sentences that are true of a scene and one that is not."""
    return [
        sentence(scene_id, "the red crate", "attribute", 7),
        sentence(scene_id, "the blue crate", "attribute", 9),
        sentence(scene_id, "the green crate", "absent"),
    ]


def sentence(scene_id: str, text: str, kind: str, target: int | None = None) -> dict[str, object]:
    """Return one line of annotations."""
    tokens, ids = text.split(), [] if target is None else [target]
    spans = [{"tokens": list(range(len(tokens))), "object_ids": ids}] if ids else []
    return {
        "text": text, "tokens": tokens, "spans": spans, "target_ids": ids, "scene_id": scene_id, "kind": kind,
    }  # fmt: skip


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


def _object(number: int, pixels: tuple[int, int, int, int]) -> dict[str, object]:
    low, high = face_box(pixels)
    return {
        "id": number, "name": f"crate {number}", "category": "crate", "room": "hall",
        "box_min": low, "box_max": [*high[:2], high[2] + 0.3], "seen_min": low, "seen_max": high,
        "pixels": 2 * (pixels[2] - pixels[0]) * (pixels[3] - pixels[1]),
        "attributes": {"colour": "red" if number == 7 else "blue"},
    }  # fmt: skip

"""Writes a small data set folder by hand: two crates before a wall, seen by one camera."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT, FOCAL = 128, 96, 120.0
WALL, FRONT, SLANT = 2.2, 1.5, 0.2  # metres: to the wall, to the crates' front edges, and how far their faces recede
CRATES = {7: (16, 40, 48, 80), 9: (80, 40, 112, 80)}  # object id -> u0, v0, u1, v1, pixels
COLOURS = {7: (200, 40, 40), 9: (40, 60, 200)}  # RGB
T_MAP_CAMERA = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 1], [0, 0, 0, 1]])  # looks along x, 1 m up


def crate_depth(pixels: tuple[int, int, int, int]) -> np.ndarray:
    """Return the depth [v, u] of a crate that turns an edge to the camera, millimetres."""
    u0, v0, u1, v1 = pixels
    away = np.abs(np.arange(u0, u1) - (u0 + u1 - 1) / 2) / ((u1 - u0) / 2)
    return np.tile(np.round(1000 * (FRONT + SLANT * away)), (v1 - v0, 1)).astype(np.uint16)


def seen_box(pixels: tuple[int, int, int, int]) -> np.ndarray:
    """Return the box [2, 3] of a crate's pixel centres in the map frame, metres."""
    u0, v0, u1, v1 = pixels
    z = crate_depth(pixels) / 1000.0
    v, u = np.mgrid[v0:v1, u0:u1]
    xyz = np.stack([(u - (WIDTH - 1) / 2) / FOCAL * z, (v - (HEIGHT - 1) / 2) / FOCAL * z, z], axis=-1).reshape(-1, 3)
    in_map = xyz @ T_MAP_CAMERA[:3, :3].T + T_MAP_CAMERA[:3, 3]
    return np.stack([in_map.min(axis=0), in_map.max(axis=0)])


def write_scene(folder: Path, frames: int = 2) -> Path:
    """Write a scene of one view, `frames` times."""
    rgb = np.full((HEIGHT, WIDTH, 3), 180, np.uint8)
    depth = np.full((HEIGHT, WIDTH), WALL * 1000, np.uint16)
    ids = np.zeros((HEIGHT, WIDTH), np.uint16)
    for number, pixels in CRATES.items():
        u0, v0, u1, v1 = pixels
        rgb[v0:v1, u0:u1], depth[v0:v1, u0:u1], ids[v0:v1, u0:u1] = COLOURS[number], crate_depth(pixels), number
    for part in ("recording", "instances"):
        (folder / part).mkdir(parents=True)
    for index in range(frames):
        stem = folder / "recording" / f"{index:06d}"
        cv2.imwrite(str(stem) + ".color.png", rgb[..., ::-1])
        cv2.imwrite(str(stem) + ".depth.png", depth)
        np.savetxt(str(stem) + ".pose.txt", T_MAP_CAMERA)
        cv2.imwrite(str(folder / "instances" / f"{index:06d}.png"), ids)
    color = {"fx": FOCAL, "fy": FOCAL, "cx": (WIDTH - 1) / 2, "cy": (HEIGHT - 1) / 2, "width": WIDTH, "height": HEIGHT}
    write_json(folder / "recording" / "camera.json", {"color": color, "frame_id": "map", "rate": 1.0})
    write_json(folder / "objects.json", [_object(number, pixels) for number, pixels in CRATES.items()])
    corners = [[0, -1], [3, -1], [3, 1], [0, 1]]
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
    low, high = seen_box(pixels).tolist()
    return {
        "id": number, "name": f"crate {number}", "category": "crate", "room": "hall",
        "box_min": low, "box_max": [high[0] + 0.3, *high[1:]], "seen_min": low, "seen_max": high,
        "pixels": 2 * (pixels[2] - pixels[0]) * (pixels[3] - pixels[1]),
        "attributes": {"colour": "red" if number == 7 else "blue"},
    }  # fmt: skip

"""A picture that shows frames of many scenes side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from locate3d_ros.errors import InputError
from locate3d_ros.files import whole_file

TILE = (240, 180)  # width and height of a frame in the sheet, pixels
SMALLEST = 60  # pixels: smaller objects are not named
Image = NDArray[np.uint8]


def write_sheet(dataset: Path, output: Path, size: tuple[int, int], objects: bool) -> int:
    """Write a PNG of `size` (scenes, frames of each); return how many scenes it shows.

    Raises InputError where the folder holds no scene or a picture cannot be read.
    """
    one = (dataset / "recording").is_dir()
    folders = [dataset] if one else sorted(p for p in (dataset / "scenes").glob("[!.]*") if p.is_dir())
    if not folders:
        raise InputError(f"{dataset}: no scenes; give a data set folder (or a scene) that `locate3d scenes` made")
    scenes = 1 if one else size[0]
    rows = [_row(folder, size[1] * (size[0] if one else 1), objects) for folder in folders[:scenes]]
    tiles = [tile for row in rows for tile in row]
    lines = [np.hstack(tiles[i : i + size[1]]) for i in range(0, len(tiles), size[1])]
    with whole_file(output) as unfinished:
        _, encoded = cv2.imencode(".png", np.vstack(lines))
        unfinished.write_bytes(encoded.tobytes())
    return len(rows)


def _row(folder: Path, columns: int, objects: bool) -> list[Image]:
    frames = sorted((folder / "recording").glob("*.color.jpg"))
    if len(frames) < 1:
        raise InputError(f"{folder}: no frames in recording/; make the scene again")
    names = _names(folder) if objects else {}
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, columns).round().astype(int)]
    return [_tile(frame, folder, names) for frame in chosen]


def _names(folder: Path) -> dict[int, str]:
    entries: list[dict[str, Any]] = json.loads((folder / "objects.json").read_text(encoding="utf-8"))
    return {entry["id"]: entry["name"] for entry in entries}


def _tile(path: Path, folder: Path, names: dict[int, str]) -> Image:
    image = cv2.imread(str(path))
    if image is None:
        raise InputError(f"{path}: cannot be read as a picture; make the scene again")
    if names:
        ids = cv2.imread(str(folder / "instances" / f"{path.name[:6]}.png"), cv2.IMREAD_UNCHANGED)
        _outline(np.asarray(image, dtype=np.uint8), np.asarray(ids, dtype=np.uint16), names)
    return np.asarray(cv2.resize(image, TILE, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _outline(image: Image, ids: NDArray[np.uint16], names: dict[int, str]) -> None:
    for number in np.unique(ids):
        mask = (ids == number).astype(np.uint8)
        if number == 0 or mask.sum() < SMALLEST:
            continue
        colour = tuple(int(c) for c in np.random.default_rng(int(number)).integers(90, 255, 3))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(image, contours, -1, colour, 1)
        v, u = (int(np.median(c)) for c in np.nonzero(mask))
        cv2.putText(image, names.get(int(number), "?"), (u - 20, v), cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, 1)

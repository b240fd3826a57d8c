"""One picture of several answers: a camera view each, beside the map from above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from locate3d_ros.errors import InputError
from locate3d_ros.files import write_file
from locate3d_ros.types import Instance, Localization, MapSnapshot, Status
from locate3d_ros.visualization.camera_view import best_view, draw_instances, split_roles
from locate3d_ros.visualization.drawing import PALETTE, Colour, Image, draw_text, fit_text
from locate3d_ros.visualization.top_view import BACKGROUND, draw_footprint, render_top_view

TILE_WIDTH = 480  # pixels
CAPTION_HEIGHT = 34
CAPTION_SIZE = 17
GREY: Colour = (90, 90, 90)
GAP = 6
MAX_TILES = 12
MARKED_TARGETS = 3  # further equally good ones are counted in the caption, not drawn


@dataclass(frozen=True)
class Answered:
    """A sentence, its answer, and the number and colour that it has in the picture."""

    number: int
    text: str
    answer: Localization

    @property
    def colour(self) -> Colour:
        """The sentence's colour in views and map."""
        return PALETTE[(self.number - 1) % len(PALETTE)]

    @property
    def caption(self) -> str:
        """The sentence and how it ended."""
        if self.answer.status is Status.FOUND:
            targets, _ = split_roles(self.answer.instances)
            more = f", {len(targets)} alike" if len(targets) > 1 else ""
            return f"{self.number}  “{self.text}”  {self.answer.best.score:.2f}{more}"
        return f"{self.number}  “{self.text}”  {self.answer.status.name.lower().replace('_', ' ')}"


def write_picture(path: Path, snapshot: MapSnapshot, results: Sequence[tuple[str, Localization]]) -> None:
    """Write the picture of all answers as a PNG, whole or not at all.

    Raises InputError where the file cannot be written.
    """
    ok, png = cv2.imencode(".png", cv2.cvtColor(draw_picture(snapshot, results), cv2.COLOR_RGB2BGR))
    if not ok:
        raise InputError(f"{path}: the picture could not be encoded as PNG")
    write_file(path, png.tobytes())


def draw_picture(snapshot: MapSnapshot, results: Sequence[tuple[str, Localization]]) -> Image:
    """Return [H, W, 3] uint8: up to 12 answers, a tile each, at the left; the map with their boxes at the right."""
    answered = [Answered(i, text, answer) for i, (text, answer) in enumerate(results[:MAX_TILES], start=1)]
    tiles = [_tile(snapshot, each) for each in answered]
    grid = _grid(tiles, columns=1 if len(tiles) <= 2 else 2 if len(tiles) <= 8 else 3)
    side = max(grid.shape[0], 640)
    top = render_top_view(snapshot, side, side)
    for each in answered:
        targets, _ = split_roles(each.answer.instances)
        for target in targets[:MARKED_TARGETS]:
            draw_footprint(top, target.box, each.colour, str(each.number))
    return np.hstack((_pad(grid, side), np.full((side, GAP, 3), 255, np.uint8), top.image))


def draw_view(snapshot: MapSnapshot, answer: Localization, width: int = 640) -> Image:
    """Return one answer [H, W, 3] uint8: in the keyframe that sees it best, or from above without keyframes."""
    if not snapshot.views:
        return _from_above(snapshot, answer, width)
    return _in_best_view(snapshot, answer, PALETTE[0], width)


def _tile(snapshot: MapSnapshot, each: Answered) -> Image:
    if snapshot.views:
        image = _in_best_view(snapshot, each.answer, each.colour, TILE_WIDTH)
    else:
        image = _from_above(snapshot, each.answer, TILE_WIDTH)
    bar = np.full((CAPTION_HEIGHT, TILE_WIDTH, 3), each.colour if each.answer.instances else GREY, np.uint8)
    caption = fit_text(each.caption, TILE_WIDTH - 16, CAPTION_SIZE)
    return np.vstack((draw_text(bar, caption, (8, 6), CAPTION_SIZE), image))


def _in_best_view(snapshot: MapSnapshot, answer: Localization, colour: Colour, width: int) -> Image:
    targets, anchors = split_roles(answer.instances)
    drawn: list[tuple[Instance, Colour]] = [(target, colour) for target in targets[:MARKED_TARGETS]]
    view = best_view(targets[0], snapshot.views) if targets else None
    return draw_instances(view or snapshot.views[-1], drawn, anchors, width)


def _from_above(snapshot: MapSnapshot, answer: Localization, width: int) -> Image:
    top = render_top_view(snapshot, width, width * 3 // 4)
    targets, _ = split_roles(answer.instances)
    for target in targets[:MARKED_TARGETS]:
        draw_footprint(top, target.box, PALETTE[0])
    return top.image


def _grid(tiles: list[Image], columns: int) -> Image:
    if not tiles:
        return np.full((CAPTION_HEIGHT, TILE_WIDTH, 3), BACKGROUND, np.uint8)
    height = max(tile.shape[0] for tile in tiles)
    padded = [_pad(tile, height) for tile in tiles]
    while len(padded) % columns:
        padded.append(np.full((height, TILE_WIDTH, 3), BACKGROUND, np.uint8))
    rows = [np.hstack(padded[i : i + columns]) for i in range(0, len(padded), columns)]
    return np.vstack(rows)


def _pad(image: Image, height: int) -> Image:
    return np.pad(image, ((0, height - image.shape[0]), (0, 0), (0, 0)), constant_values=BACKGROUND)

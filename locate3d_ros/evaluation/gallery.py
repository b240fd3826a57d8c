"""Pictures of the best and the worst answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.evaluation.outcomes import Outcome
from locate3d_ros.evaluation.scene_cache import CachedScene
from locate3d_ros.geometry.camera import scale_intrinsics
from locate3d_ros.types import Box, Instance, MapSnapshot, Role, View
from locate3d_ros.visualization.camera_view import best_view, draw_instances
from locate3d_ros.visualization.drawing import PALETTE, Colour, Image, draw_box
from locate3d_ros.visualization.top_view import draw_footprint, render_top_view

SHOWN = 6  # of each sort
WIDTH = 400  # pixels of a picture
ANSWER: Colour = PALETTE[0]
TRUTH: Colour = PALETTE[2]


@dataclass(frozen=True)
class Case:
    """One answer and its picture: the answer's box and mask, and the box of the truth."""

    outcome: Outcome
    image: Image


class Gallery:
    """Keeps a few answers of each sort, one per thing; only these are drawn."""

    def __init__(self) -> None:
        """Start without any."""
        self.best: list[Case] = []
        self.worst: list[Case] = []  # about things that are there, the surest first
        self.invented: list[Case] = []  # about things that are not there

    def show(self, scene: CachedScene, outcomes: Sequence[Outcome], guesses: Sequence[Instance | None]) -> None:
        """Take the answers about one scene."""
        shown = _Shown(scene, {id(outcome): guess for outcome, guess in zip(outcomes, guesses, strict=True)})
        present = [outcome for outcome in outcomes if outcome.question.present]
        absent = [outcome for outcome in outcomes if not outcome.question.present]
        self.best = _kept(self.best, sorted(present, key=_wrongness), shown, _wrongness)
        self.worst = _kept(self.worst, sorted(present, key=_rightness), shown, _rightness)
        self.invented = _kept(self.invented, sorted(absent, key=_rightness), shown, _rightness)


@dataclass(frozen=True)
class _Shown:
    scene: CachedScene
    guesses: dict[int, Instance | None]  # by the identity of the outcome


def _kept(
    cases: list[Case], ordered: Sequence[Outcome], shown: _Shown, key: Callable[[Outcome], tuple[float, float]]
) -> list[Case]:
    """Return the first few of the cases so far and of a scene's outcomes in order, each thing once."""
    things: dict[tuple[str, object], Outcome] = {}
    for outcome in ordered:
        question = outcome.question
        things.setdefault((question.scene_id, question.target_ids or question.text), outcome)
    images = {id(case.outcome): case.image for case in cases}
    first = sorted([*(case.outcome for case in cases), *things.values()], key=key)[:SHOWN]
    return [
        Case(outcome, images[id(outcome)])
        if id(outcome) in images
        else Case(outcome, draw_case(shown.scene, outcome, shown.guesses[id(outcome)]))
        for outcome in first
    ]


def _wrongness(outcome: Outcome) -> tuple[float, float]:
    return (-outcome.iou, outcome.score or 0.0)


def _rightness(outcome: Outcome) -> tuple[float, float]:
    """Order from wrong to right; of answers that are equally wrong, the surer one is worse."""
    return (outcome.iou, -(outcome.score or 0.0))


def draw_case(scene: CachedScene, outcome: Outcome, guess: Instance | None) -> Image:
    """Draw an answer and the truth into the view that shows the truth best, or from above without views."""
    snapshot, truth = scene.snapshot, _truth(scene, outcome)
    seen = truth or guess
    view = best_view(seen, snapshot.views) if seen is not None else None
    if view is None and snapshot.views:
        view = snapshot.views[-1]
    boxes = [_box(row) for row in outcome.question.boxes]
    if view is None:
        return _from_above(snapshot, guess, boxes)
    return _in_view(view, guess, boxes)


def _in_view(view: View, guess: Instance | None, boxes: Sequence[Box]) -> Image:
    image = draw_instances(view, [] if guess is None else [(guess, ANSWER)], (), WIDTH)
    intrinsics = scale_intrinsics(view.intrinsics, WIDTH, image.shape[0])
    for box in boxes:
        draw_box(image, box, intrinsics, view.T_map_camera, TRUTH)
    return image


def _from_above(snapshot: MapSnapshot, guess: Instance | None, boxes: Sequence[Box]) -> Image:
    top = render_top_view(snapshot, WIDTH, WIDTH * 3 // 4)
    if guess is not None:
        draw_footprint(top, guess.box, ANSWER)
    for box in boxes:
        draw_footprint(top, box, TRUTH)
    return top.image


def _truth(scene: CachedScene, outcome: Outcome) -> Instance | None:
    """Return the target as an instance, to look for a view of it; None where it has no voxel."""
    mask = torch.zeros(len(scene.snapshot), dtype=torch.bool)
    for number in outcome.question.target_ids:
        mask |= scene.object_ids == number
    if not bool(mask.any()):
        return None
    xyz, rgb = scene.snapshot.xyz[mask], scene.snapshot.rgb[mask]
    return Instance(0, outcome.question.text, Role.TARGET, 1.0, _box(outcome.question.boxes[0]), mask, xyz, rgb)


def _box(row: Tensor) -> Box:
    x0, y0, z0, x1, y1, z1 = row.tolist()
    return Box((x0, y0, z0), (x1, y1, z1))

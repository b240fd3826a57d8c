"""The sentences of a split with what is known of their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.data.annotations.grounded_expression import GroundedExpression
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.data.scene_folder import SceneObject
from locate3d_ros.errors import InputError

THINNEST = 0.01  # metres: a rug's box has at least this height, for a box without volume overlaps nothing


@dataclass(frozen=True)
class Question:
    """One sentence and the boxes that answer it."""

    scene_id: str
    text: str
    kind: str
    target_ids: tuple[int, ...]  # none: nothing in the scene is meant
    boxes: Tensor  # [t, 6] float32 of the seen parts of the targets, metres
    distractors: int  # other objects of the targets' category

    @property
    def present(self) -> bool:
        """Whether the scene holds what the sentence asks for."""
        return bool(self.target_ids)


def read_questions(dataset: DatasetFolder, split: str) -> dict[str, list[Question]]:
    """Return the questions of every scene, both in the scenes' and the file's order.

    Raises InputError for an unknown split, wrong files, and targets that a scene does not hold.
    """
    expressions: dict[str, list[GroundedExpression]] = {}
    for expression in dataset.expressions(split):
        expressions.setdefault(expression.scene_id, []).append(expression)
    questions = {}
    for scene_id in sorted(expressions):
        objects = {item.id: item for item in dataset.scene(scene_id).objects()}
        questions[scene_id] = [_question(expression, objects) for expression in expressions[scene_id]]
    return questions


def _question(expression: GroundedExpression, objects: Mapping[int, SceneObject]) -> Question:
    unknown = [number for number in expression.target_ids if number not in objects]
    if unknown:
        raise InputError(
            f"scene {expression.scene_id}: {expression.text!r} asks for object {unknown[0]}, which objects.json does "
            "not hold; correct the annotation"
        )
    targets = [objects[number] for number in expression.target_ids]
    categories = {target.category for target in targets}
    # What no frame shows can be confused with nothing.
    alike = [item for item in objects.values() if item.category in categories and item.pixels != 0]
    others = sum(item.id not in expression.target_ids for item in alike)
    boxes = _boxes(targets)
    return Question(expression.scene_id, expression.text, expression.kind, expression.target_ids, boxes, others)


def _boxes(targets: Sequence[SceneObject]) -> Tensor:
    if not targets:
        return torch.zeros((0, 6))
    boxes = torch.stack([torch.from_numpy(target.seen_box.reshape(6)) for target in targets]).to(torch.float32)
    boxes[:, 3:] = torch.maximum(boxes[:, 3:], boxes[:, :3] + THINNEST)
    return boxes

"""Answers compared with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.evaluation.contestants import LEVELS, Guess
from locate3d_ros.evaluation.measures import mask_iou
from locate3d_ros.evaluation.questions import Question
from locate3d_ros.geometry.boxes import box_iou, box_tensor

WRONG = (0.0, 0.0)


@dataclass(frozen=True)
class Outcome:
    """How good one contestant's best answer to one question is."""

    question: Question
    iou: float  # best box IoU with a target; 0 for absent things
    right: tuple[float, float]  # whether IoU >= 0.25 and 0.5; for a drawn answer, how likely a draw is
    mask_iou: float | None  # best voxel IoU with a target; None: absent, or no voxel is the target's
    score: float | None  # None: the contestant gives none
    seconds: float


def grade(question: Question, guess: Guess, object_ids: Tensor, seconds: float) -> Outcome:
    """Compare a guess with the truth; object_ids [N] of the map's voxels."""
    if not question.present:
        return Outcome(question, 0.0, WRONG, None, guess.score, seconds)
    truths = [object_ids == number for number in question.target_ids]
    known = [truth for truth in truths if bool(truth.any())]
    if guess.instance is None:
        return Outcome(question, 0.0, WRONG, 0.0 if known else None, guess.score, seconds)
    iou = float(box_iou(box_tensor(guess.instance.box)[None], question.boxes).max())
    mask = guess.instance.mask.to(torch.bool).cpu()
    overlap = max((mask_iou(mask, truth) for truth in known), default=None)
    right = guess.chances or (float(iou >= LEVELS[0]), float(iou >= LEVELS[1]))
    return Outcome(question, iou, right, overlap, guess.score, seconds)

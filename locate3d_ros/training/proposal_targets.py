"""What the proposal decoder is to say of sentences: choices, words and parts, from spans and overlaps.

Letters in shapes: n proposals, b sentences, t words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.model.proposal_decoder import OUTSIDE, PARTS, TARGET
from locate3d_ros.training.proposal_scenes import ProposalTruth
from locate3d_ros.training.targets import Offsets, word_places

RIGHT = 0.25  # IoU from which a proposal is an answer
SHOWS = 0.4  # IoU from which a proposal shows an object


@dataclass(frozen=True)
class ProposalTargets:
    """The truth about b sentences among n proposals."""

    places: Tensor  # [PARTS, b, n] IoU with the nearest object of each part; 0 where the part names none
    parts: Tensor  # [b, t] int64 part of each word
    words: Tensor  # [b, n, t] 1 where a word means an object that the proposal shows
    absent: Tensor  # [b] bool: nothing in the scene is meant
    boxes: Tensor  # [b, 6] of the first target; zeros where there is none


def targets_of(
    expressions: Sequence[GroundedExpression], offsets: Sequence[Offsets], truth: ProposalTruth, overlaps: Tensor
) -> ProposalTargets:
    """Return the truth about sentences with tokens at offsets; overlaps (n, o) of the proposals looked at."""
    count, longest = len(expressions), max(len(each) for each in offsets)
    places = torch.zeros(PARTS, count, len(overlaps))
    parts = torch.full((count, longest), OUTSIDE)
    words = torch.zeros(count, len(overlaps), longest)
    boxes = torch.zeros(count, 6)
    column = {number: place for place, number in enumerate(truth.ids)}
    for row, (expression, own) in enumerate(zip(expressions, offsets, strict=True)):
        seen = [column[number] for number in expression.target_ids if number in column]
        if seen:
            boxes[row] = truth.boxes[seen[0]]
            places[TARGET, row] = overlaps[:, seen].amax(dim=1)
        for part, tokens, numbers in _spans(expression):
            meant = [column[number] for number in numbers if number in column]
            hit = _token_columns(expression, own, tokens)
            parts[row, hit] = part
            if meant:
                overlap = overlaps[:, meant].amax(dim=1)
                places[part, row] = torch.maximum(places[part, row], overlap)
                words[row][:, hit] = torch.maximum(words[row][:, hit], (overlap > SHOWS).float()[:, None])
    absent = torch.tensor([not expression.target_ids for expression in expressions])
    return ProposalTargets(places, parts, words, absent, boxes)


def _spans(expression: GroundedExpression) -> list[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """Return (part, words, objects) of each span: the target's own, then anchors in the order of the text."""
    found, anchor = [], TARGET + 1
    for span in expression.spans:
        if set(span.object_ids) & set(expression.target_ids):
            found.append((TARGET, span.tokens, span.object_ids))
        else:
            found.append((min(anchor, PARTS - 1), span.tokens, span.object_ids))
            anchor += 1
    return found


def _token_columns(expression: GroundedExpression, offsets: Offsets, tokens: Sequence[int]) -> list[int]:
    places = [word_places(expression)[token] for token in tokens]
    return [
        column
        for column, (start, end) in enumerate(offsets)
        if end > start and any(start < stop and end > begin for begin, stop in places)
    ]

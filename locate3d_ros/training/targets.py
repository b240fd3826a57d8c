"""From a sentence's spans to what the model is to say: token positions, masks and boxes of every object named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.model.heads import TOKEN_COLUMNS
from locate3d_ros.training.criterion import SentenceTargets
from locate3d_ros.training.scene import Sample

Offsets = Sequence[tuple[int, int]]  # characters [start, end) of each token; (0, 0) for marks


def word_places(expression: GroundedExpression) -> list[tuple[int, int]]:
    """Return the characters [start, end) of each word; a word that is not found in the text has none, (0, 0)."""
    places, start = [], 0
    for word in expression.tokens:
        found = expression.text.find(word, start) if word else -1
        places.append((found, found + len(word)) if found >= 0 else (0, 0))
        start = max(start, places[-1][1])
    return places


def object_columns(expression: GroundedExpression, offsets: Offsets) -> dict[int, Tensor]:
    """Return for each object that the sentence names the token positions (77,) bool of all its spans.

    A target without a span is meant by all words: who writes sentences by hand need not mark them.
    """
    places = word_places(expression)
    columns: dict[int, Tensor] = defaultdict(lambda: torch.zeros(TOKEN_COLUMNS, dtype=torch.bool))
    named = {number for span in expression.spans for number in span.object_ids}
    unmarked = [number for number in expression.target_ids if number not in named]
    meanings = [(span.tokens, span.object_ids) for span in expression.spans]
    for tokens, numbers in (*meanings, (range(len(places)), unmarked)):
        words = [places[token] for token in tokens]
        hit = [i for i, offset in enumerate(offsets[:TOKEN_COLUMNS]) if any(_overlap(offset, w) for w in words)]
        for number in numbers:
            columns[number][hit] = True
    return dict(columns)


def targets_of(
    expression: GroundedExpression, offsets: Offsets, object_ids: Tensor, boxes: Mapping[int, Tensor]
) -> SentenceTargets:
    """Return what the sentence names among voxels of object_ids (n,); what no voxel shows is left out."""
    columns = object_columns(expression, offsets)
    masks = {number: object_ids == number for number in columns if number in boxes}
    shown = [number for number, mask in masks.items() if bool(mask.any()) and bool(columns[number].any())]
    if not shown:
        empty = torch.zeros(0, len(object_ids), dtype=torch.bool)
        return SentenceTargets(torch.zeros(0, TOKEN_COLUMNS, dtype=torch.bool), empty, torch.zeros(0, 6))
    return SentenceTargets(
        torch.stack([columns[number] for number in shown]),
        torch.stack([masks[number] for number in shown]),
        torch.stack([boxes[number] for number in shown]),
    )


def answerable(sample: Sample) -> list[GroundedExpression]:
    """Return the sentences whose targets the voxels still show, and those about absent things."""
    present = set(torch.unique(sample.voxels.object_ids).tolist()) & set(sample.boxes)
    return [e for e in sample.expressions if not e.target_ids or present.intersection(e.target_ids)]


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return max(a[0], b[0]) < min(a[1], b[1])

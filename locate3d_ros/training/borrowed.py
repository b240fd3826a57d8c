"""Sentences about things of other scenes, where nothing of the kind is to be found: no two steps have the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.training.proposal_scenes import ProposalSample, ProposalTruth

UNLIKE = 0.45  # cosine of two names' vectors, up to which they are not said of the same thing


class Borrower:
    """Lends the sentences of a step's scenes to one another."""

    def __init__(self, categories: Mapping[str, int], vectors: Tensor) -> None:
        """Take the number of each category, and the categories' unit vectors (c, d)."""
        self._categories = categories
        self._unlike = vectors @ vectors.T <= UNLIKE

    def borrow(self, samples: Sequence[ProposalSample], count: int) -> list[ProposalSample]:
        """Add up to `count` sentences of the other scenes to each scene, as ones about nothing there.

        All that such a sentence names is of kinds unlike every kind that the borrowing scene shows.
        """
        return [self._lent(sample, samples, count) for sample in samples]

    def _lent(self, sample: ProposalSample, samples: Sequence[ProposalSample], count: int) -> ProposalSample:
        strange = self._unlike[:, self._numbers(sample.truth.categories)].all(dim=1)
        offered = [
            replace(expression, spans=(), target_ids=(), scene_id=sample.scene_id)
            for other in samples
            if other.scene_id != sample.scene_id
            for expression in other.expressions
            if expression.target_ids and strange[self._named(expression, other.truth)].all()
        ]
        chosen = torch.randperm(len(offered))[:count].tolist()
        return replace(sample, expressions=(*sample.expressions, *(offered[place] for place in chosen)))

    def _named(self, expression: GroundedExpression, truth: ProposalTruth) -> list[int]:
        """Return the categories of all that a sentence names in its own scene."""
        category = dict(zip(truth.ids, truth.categories, strict=True))
        named = {number for span in expression.spans for number in span.object_ids} | set(expression.target_ids)
        return self._numbers([category[number] for number in named if number in category])

    def _numbers(self, names: Sequence[str]) -> list[int]:
        return [self._categories[name] for name in names]

"""The choice among regions that overlap: the box that overlaps best on average with what is meant.

Several proposals show the same thing, each with a share of its probability, so that the likeliest proposal may be a
part of something less likely. The mean IoU, each proposal weighed by its probability, is the expected score of an
answer (Kumar and Byrne, "Minimum Bayes-risk decoding", NAACL 2004, where answers are sentences).
"""

from __future__ import annotations

from torch import Tensor


def expected_overlap(logits: Tensor, overlaps: Tensor) -> Tensor:
    """Return the IoU (..., n) to expect of each proposal, by logits (..., n) of which is meant."""
    return logits.softmax(dim=-1) @ overlaps

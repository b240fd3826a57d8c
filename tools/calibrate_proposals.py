"""Shift a proposal decoder's doubt so that requests for absent things are refused as often as wanted.

python tools/calibrate_proposals.py MODEL DATASET [SPLIT]: on homes whose furniture the decoder was not trained on, the
least shift is found at which REFUSED of the requests for absent things fall below the default of `min_score`; the
model is written again with it. What is known furniture to the decoder looks surer to it than anything new does.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.special import logit

from locate3d_ros.config import LocalizationConfig
from locate3d_ros.model.proposal_checkpoint import load_proposal_checkpoint, save_proposal_checkpoint
from locate3d_ros.model.text import MiniLm
from locate3d_ros.training.proposal_scenes import MeasuredSource
from locate3d_ros.training.proposal_validation import answers
from locate3d_ros.training.words import Words

REFUSED = 0.7


def main(model: Path, dataset: Path, split: str = "val") -> None:
    """Calibrate a model folder in place, and print what it does to requests for present and absent things."""
    checkpoint = load_proposal_checkpoint(model)
    reader = MiniLm(torch.device("cpu"))

    @cache
    def read(text: str) -> Words:
        encoded = reader.token_states(text)
        return Words(encoded.offsets, encoded.states)

    source = MeasuredSource(dataset, split)
    doubts: dict[bool, list[float]] = {True: [], False: []}
    with torch.no_grad():
        for scene_id, said in source.expressions.items():
            _, doubt = answers(checkpoint.decoder, source.scene(scene_id), [read(each.text) for each in said])
            for expression, value in zip(said, doubt.tolist(), strict=True):
                doubts[bool(expression.target_ids)].append(value)
        # A request is refused where its doubt is above that of a score of min_score.
        wanted = -float(logit(LocalizationConfig().min_score))
        shift = wanted - float(np.quantile(doubts[False], 1 - REFUSED))
        checkpoint.decoder.doubt(shift)
    save_proposal_checkpoint(model, checkpoint.decoder, checkpoint.trained_on)
    refused = {present: np.mean(np.array(values) + shift > wanted) for present, values in doubts.items()}
    sys.stdout.write(f"shift {shift:+.2f}: {refused[False]:.0%} of absent, {refused[True]:.0%} of present refused\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:4])

"""How well the proposal decoder does on sentences that are not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from locate3d_ros.evaluation.measures import auroc
from locate3d_ros.geometry.boxes import box_iou
from locate3d_ros.localization.consensus import expected_overlap
from locate3d_ros.localization.proposal_localizer import MAX_IOU, shifted
from locate3d_ros.localization.proposal_measures import measure_pairs
from locate3d_ros.localization.proposal_points import GLANCED
from locate3d_ros.localization.suppression import sure_iou, thinned_best
from locate3d_ros.model.proposal_checkpoint import Decoder
from locate3d_ros.model.proposal_reader import padded
from locate3d_ros.training.proposal_scenes import MeasuredSource, ProposalSample
from locate3d_ros.training.words import Words

Read = Callable[[str], Words]


@torch.no_grad()
def measure(decoder: Decoder, sources: Sequence[MeasuredSource], read: Read) -> dict[str, float]:
    """Return Acc@25 and Acc@50 of the best choice, and the AUROC of its probability of being there."""
    overlaps: list[float] = []
    present: list[float] = []
    absent: list[float] = []
    for source in sources:
        for scene_id, said in source.expressions.items():
            sample = source.scene(scene_id)
            boxes, doubts = answers(decoder, sample, [read(each.text) for each in said])
            for expression, box, doubt in zip(said, boxes, doubts.tolist(), strict=True):
                (present if expression.target_ids else absent).append(-doubt)
                if expression.target_ids:
                    overlaps.append(_overlap(box, sample, expression.target_ids))
    found = np.array(overlaps)
    area = auroc(np.array(present), np.array(absent))
    right = {f"val_acc{level}": float((found >= level / 100).mean()) for level in (25, 50)} if len(found) else {}
    return right | ({} if area is None else {"val_auroc": area})


def answers(decoder: Decoder, sample: ProposalSample, words: Sequence[Words]) -> tuple[Tensor, Tensor]:
    """Return each sentence's box (b, 6), and the logit (b,) of there being no such thing."""
    things = decoder.things(decoder.embed(sample.proposals.glanced(GLANCED).full()))
    rows = thinned_best(things, sample.boxes_map, decoder.config.proposals, MAX_IOU)
    embedded = decoder.embed(sample.proposals.rows(rows).full())
    tokens = decoder.encode(embedded, measure_pairs(sample.boxes[rows], sample.viewpoint, sample.rooms[rows]))
    said = decoder(tokens, *padded([each.states for each in words]))
    boxes = shifted(sample.boxes_map[rows], tokens.box_shift)
    return boxes[expected_overlap(said.choice, sure_iou(boxes, boxes)).argmax(dim=1)], said.absent


def _overlap(box: Tensor, sample: ProposalSample, target_ids: Sequence[int]) -> float:
    shown = [place for place, number in enumerate(sample.truth.ids) if number in target_ids]
    return float(box_iou(box[None], sample.truth.boxes[shown]).max()) if shown else 0.0

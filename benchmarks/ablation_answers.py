"""What a trained model answers in rooms that it was not trained on."""

from __future__ import annotations

from collections import defaultdict

import torch
from ablation_world import RoomSource
from torch import Tensor

from locate3d_ros.geometry.boxes import box_iou
from locate3d_ros.localization.found import MASK_THRESHOLD
from locate3d_ros.model.decoder import Prediction
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.training.augmentation import tight_boxes
from locate3d_ros.training.config import LossConfig
from locate3d_ros.training.grounding import GroundingModule, grounding_batch
from locate3d_ros.training.scene import Sample, Voxels
from locate3d_ros.training.words import WordReader

CPU = torch.device("cpu")


@torch.no_grad()
def answers(model: Locate3DModel, rooms: RoomSource, reader: WordReader) -> dict[str, float]:
    """Return the mean of every figure over all sentences about the rooms."""
    module = GroundingModule(model, LossConfig()).eval()
    figures: dict[str, list[float]] = defaultdict(list)
    for scene_id, said in rooms.expressions.items():
        sample = Sample(scene_id, rooms.voxels(scene_id), rooms.boxes(scene_id), tuple(said))
        batch = grounding_batch([sample], reader, CPU)
        for prediction, target, expression in zip(
            module.predictions(batch)[-1], batch.scenes[0].targets, said, strict=True
        ):
            best = int(prediction.token_logits.sigmoid()[:, target.columns[0]].mean(dim=1).argmax())
            for name, value in graded(prediction, best, sample, expression.target_ids[0]).items():
                figures[name].append(value)
    return {name: sum(values) / len(values) for name, values in figures.items()}


def graded(prediction: Prediction, query: int, sample: Sample, wanted: int) -> dict[str, float]:
    """Return how right a query's mask and box are, and whether they lie on the wanted thing rather than another."""
    ids, things = sample.voxels.object_ids, sorted(sample.boxes)
    probability = prediction.mask_logits[query].sigmoid()
    mask, truth = probability > MASK_THRESHOLD, ids == wanted
    boxes = torch.stack([sample.boxes[thing] for thing in things])
    box, wanted_box = prediction.boxes[query][None], sample.boxes[wanted][None]
    by_head = float(box_iou(box, wanted_box))
    by_mask = float(box_iou(box_of_mask(sample.voxels, mask)[None], wanted_box))
    means = torch.stack([probability[ids == thing].mean() for thing in things])
    away = (middles(boxes) - middles(box)).square().sum(dim=1)
    return {
        "acc25_head": float(by_head >= 0.25),
        "acc25_mask": float(by_mask >= 0.25),
        "acc50_mask": float(by_mask >= 0.5),
        "mask_iou": float((mask & truth).sum() / (mask | truth).sum()),
        "on_thing_head": float(things[int(away.argmin())] == wanted),
        "on_thing_mask": float(things[int(means.argmax())] == wanted),
        "chance": 1 / len(things),
    }


def box_of_mask(voxels: Voxels, mask: Tensor) -> Tensor:
    """Return the tightest box (6,) around the voxels of a mask (n,), one without volume where there are none."""
    found = tight_boxes([1], Voxels(voxels.xyz, voxels.rgb, voxels.features, voxels.cells, mask.int()), voxels.xyz)
    return found.get(1, torch.zeros(6))


def middles(boxes: Tensor) -> Tensor:
    """Return the middles (n, 3) of boxes (n, 6)."""
    return (boxes[:, :3] + boxes[:, 3:]) / 2

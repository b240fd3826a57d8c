"""What frozen features tell about things: a linear probe that names them, fitted in some rooms and asked in others."""

from __future__ import annotations

from pathlib import Path

import torch
from ablation_training import Record, micro
from ablation_world import RoomSource
from linear_probe import Rows, confusion, mean_recall, probe

from locate3d_ros.model.checkpoint import load_encoder
from locate3d_ros.model.encoder import Encoder3DJepa

FITTED = 100  # rooms


@torch.no_grad()
def probed(name: str, rooms: tuple[RoomSource, RoomSource], seed: int, folder: Path | None) -> Record:
    """Name things by the mean of an encoder's features over their voxels; without a folder, by a new encoder's."""
    torch.manual_seed(seed)
    new = Encoder3DJepa(micro(rooms[0].width).encoder)
    encoder = (new if folder is None else load_encoder(folder)).eval()
    categories = sorted(set(rooms[0].categories()) & set(rooms[1].categories()))
    fitted, held_out = (rows_of(encoder, each, categories) for each in rooms)
    with torch.enable_grad():
        predicted = probe(fitted, held_out, len(categories))
    recall = mean_recall(confusion(predicted, held_out.labels, len(categories)))
    return Record(name, seed, {"recall": recall, "chance": 1 / len(categories)}, [])


def rows_of(encoder: Encoder3DJepa, rooms: RoomSource, categories: list[str]) -> Rows:
    """Return a row for every thing of the first rooms."""
    features, labels, scenes = [], [], []
    for number, scene_id in enumerate(list(rooms.expressions)[:FITTED]):
        voxels = rooms.voxels(scene_id)
        encoded = encoder(voxels.xyz, voxels.rgb, voxels.features, voxels.cells)
        for thing, category in rooms.things(scene_id).items():
            if category in categories:
                features.append(encoded[voxels.object_ids == thing].mean(dim=0))
                labels.append(categories.index(category))
                scenes.append(number)
    return Rows(torch.stack(features), torch.tensor(labels), torch.tensor(scenes))

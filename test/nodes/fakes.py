"""Stand-ins that are quick and know the truth: features that cost nothing, a localizer that finds colours."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from locate3d_ros.geometry.boxes import box_of_points
from locate3d_ros.types import (
    FrameFeatures,
    Instance,
    Localization,
    MapSnapshot,
    Role,
    Slot,
    Status,
    TokenTable,
)

COLOURS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0)}


class FakeExtractor:
    name = "fake"
    digest = "0" * 64
    slots = (Slot("image", 2),)

    def __init__(self, on_extract=lambda _: None):
        self.extracted = []
        self._on_extract = on_extract

    def extract(self, frame):
        self.extracted.append(frame)
        self._on_extract(frame)
        height, width = frame.rgb.shape[:2]
        index = torch.zeros(height, width, 1, dtype=torch.int32)
        table = TokenTable("image", torch.ones(1, 2), index, torch.ones(height, width, 1))
        return FrameFeatures((table,))


@dataclass(frozen=True)
class FakeScene:
    snapshot: MapSnapshot


class FakeLocalizer:
    """Finds the voxels of the colour that a text names; `on_answer` may dawdle or raise."""

    name = "fake"

    def __init__(self, on_answer=lambda _: None, on_prepare=lambda _: None):
        self._on_answer = on_answer
        self._on_prepare = on_prepare

    def prepare(self, snapshot):
        self._on_prepare(snapshot)
        return FakeScene(snapshot)

    def answer(self, scene, text, options):
        self._on_answer(text)
        snapshot = scene.snapshot
        colour = next((COLOURS[word] for word in text.split() if word in COLOURS), None)
        mask = torch.zeros(len(snapshot), dtype=torch.bool)
        if colour is not None:
            mask = (snapshot.rgb - torch.tensor(colour)).abs().amax(dim=1) < 0.4
        if not mask.any() or options.min_score > 0.9:
            return Localization(Status.NOT_FOUND, f"nothing looks like {text}", revision=snapshot.revision)
        xyz = snapshot.xyz[mask]
        instance = Instance(0, text, Role.TARGET, 0.9, box_of_points(xyz), mask, xyz, snapshot.rgb[mask])
        return Localization(Status.FOUND, "", (instance,), revision=snapshot.revision)

    def localize(self, snapshot, text, options):
        return self.answer(self.prepare(snapshot), text, options)

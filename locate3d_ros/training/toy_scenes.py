"""Toy scenes for the smoke preset and the tests: coloured boxes on a floor, made in memory within milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from locate3d_ros.data.annotations import GroundedExpression, Span
from locate3d_ros.model.checkpoint import TrainedOn
from locate3d_ros.training.scene import Voxels

VOXEL = 0.1  # metres
FLOOR = 30  # cells along each side
WIDTH = 16  # channels
NAMES = ("chair", "table", "sofa", "lamp", "plant", "box", "shelf", "bed")
ABSENT = ("bicycle", "piano", "ladder")
COLOURS = {"red": (0.8, 0.1, 0.1), "green": (0.1, 0.7, 0.2), "blue": (0.1, 0.2, 0.8), "white": (0.9, 0.9, 0.9)}


class ToySource:
    """Some toy scenes (implements `SceneSource`); the same seed gives the same scenes."""

    def __init__(self, scenes: int, seed: int = 0) -> None:
        """Make the scenes."""
        self._scenes = {f"toy{seed}-{number:03d}": _Scene(seed, number) for number in range(scenes)}
        self.expressions = {name: tuple(scene.expressions(name)) for name, scene in self._scenes.items()}
        self.trained_on = TrainedOn((("toy", WIDTH),), "toy")

    def lifted(self, scene_id: str) -> tuple[str, ...]:
        """Name the scene: there are no variants."""
        return (scene_id,)

    def voxels(self, lifted: str) -> Voxels:
        """Return a scene's voxels."""
        return self._scenes[lifted].voxels

    def boxes(self, scene_id: str) -> Mapping[int, Tensor]:
        """Return a scene's boxes (6,), metres, by object id."""
        return self._scenes[scene_id].boxes


class _Scene:
    """Five boxes at places of their own, two of which share a name but not the colour."""

    def __init__(self, seed: int, number: int) -> None:
        rng = np.random.default_rng([seed, number])
        names = rng.permutation(len(NAMES))[:4].tolist()
        self._kinds = [NAMES[place] for place in (*names, names[0])]
        colours = rng.integers(len(COLOURS), size=5)
        colours[4] = (colours[0] + 1) % len(COLOURS)
        self._colours = [list(COLOURS)[place] for place in colours]
        places = rng.permutation(9)[:5]
        low = np.stack([2 + 9 * (places // 3), 2 + 9 * (places % 3), np.ones(5, dtype=int)], axis=1)
        self._low = low + np.concatenate((rng.integers(0, 3, (5, 2)), np.zeros((5, 1), dtype=int)), axis=1)
        kinds = [NAMES.index(kind) for kind in self._kinds]
        self._high = self._low + np.stack([(2 + kind % 3, 2 + kind % 4, 2 + kind % 5) for kind in kinds])
        self.voxels = self._build(rng)
        self.boxes = {
            i + 1: torch.tensor(np.concatenate((self._low[i], self._high[i])) * VOXEL, dtype=torch.float32)
            for i in range(5)
        }

    def _build(self, rng: np.random.Generator) -> Voxels:
        floor = np.stack(np.meshgrid(np.arange(FLOOR), np.arange(FLOOR), [0], indexing="ij"), axis=-1).reshape(-1, 3)
        parts, ids = [floor], [np.zeros(len(floor), dtype=np.int32)]
        for i, (low, high) in enumerate(zip(self._low, self._high, strict=True)):
            axes = [np.arange(a, b) for a, b in zip(low, high, strict=True)]
            parts.append(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
            ids.append(np.full(len(parts[-1]), i + 1, dtype=np.int32))
        cells, owner = np.concatenate(parts), np.concatenate(ids)
        rgb = np.array([(0.5, 0.5, 0.5), *(COLOURS[colour] for colour in self._colours)])[owner]
        kind = np.array([len(NAMES), *(NAMES.index(kind) for kind in self._kinds)])[owner]
        features = prototypes()[kind] + rng.normal(0, 0.3, (len(cells), WIDTH))
        jitter = rng.uniform(-0.3, 0.3, cells.shape)
        return Voxels(
            torch.tensor((cells + 0.5 + jitter) * VOXEL, dtype=torch.float32),
            torch.tensor(rgb, dtype=torch.float32),
            torch.tensor(features, dtype=torch.float32),
            torch.tensor(cells),
            torch.tensor(owner),
            VOXEL,
        )

    def expressions(self, scene_id: str) -> list[GroundedExpression]:
        """Say every object's colour and name, the unique ones' names, what is where, and what is not there."""
        made = []
        for i, (colour, kind) in enumerate(zip(self._colours, self._kinds, strict=True)):
            made.append(_say(scene_id, "attribute", ((f"the {colour} {kind}", i + 1),)))
            if self._kinds.count(kind) == 1:
                made.append(_say(scene_id, "class", ((f"the {kind}", i + 1),)))
        made.append(
            _say(scene_id, "relation", ((f"the {self._kinds[1]}", 2), ("near", 0), (f"the {self._kinds[2]}", 3)))
        )
        missing = [name for name in (*NAMES, *ABSENT) if name not in self._kinds]
        return [*made, *(_say(scene_id, "absent", ((f"the {name}", 0),)) for name in missing[:2])]


@lru_cache(maxsize=1)
def prototypes() -> np.ndarray:  # type: ignore[type-arg]
    """Return the features [names + 1, WIDTH] of each kind and, last, of the floor."""
    return np.random.default_rng(7).normal(0, 1, (len(NAMES) + 1, WIDTH))


def _say(scene_id: str, kind: str, phrases: tuple[tuple[str, int], ...]) -> GroundedExpression:
    """Join phrases; each means the object with its number, 0 nothing. The first is the target."""
    tokens: list[str] = []
    spans = []
    for phrase, number in phrases:
        words = phrase.split()
        if number:
            spans.append(Span(tuple(range(len(tokens), len(tokens) + len(words))), (number,)))
        tokens += words
    target = (phrases[0][1],) if phrases[0][1] else ()
    return GroundedExpression(" ".join(tokens), tuple(tokens), tuple(spans), target, scene_id, kind)

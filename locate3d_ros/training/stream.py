"""The endless stream of samples: which scene and which sentences stand at each position, whoever loads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from torch.utils.data import Dataset

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.training.augmentation import augment, tight_boxes
from locate3d_ros.training.config import AugmentationConfig, DataConfig
from locate3d_ros.training.cropping import cropped, filled
from locate3d_ros.training.scene import Sample, Voxels
from locate3d_ros.training.scene_source import SceneSource

Chunk = tuple[str, tuple[int, ...]]  # scene, sentences


class SentenceSource(Protocol):
    """What has sentences about scenes."""

    @property
    def expressions(self) -> Mapping[str, Sequence[GroundedExpression]]:
        """The sentences about each scene, by scene id; scenes in order."""


Drawn = TypeVar("Drawn")
Source = TypeVar("Source", bound=SentenceSource)


class ChunkStream(Dataset[Drawn], Generic[Drawn, Source]):
    """Which scene and which of its sentences stand at each position; the same seed gives the same stream.

    Every epoch of a data set shows each of its sentences once, in chunks of one scene.
    """

    def __init__(self, sources: Sequence[Source], config: DataConfig, seed: int) -> None:
        """Take the data sets; `config` says how they are mixed and how many sentences a chunk has."""
        self._sources = tuple(sources)
        self._config = config
        self._seed = seed
        lengths = [sum(-(-len(each) // config.sentences) for each in s.expressions.values()) for s in self._sources]
        weights = np.array(config.mixing or lengths, dtype=float)
        self._bounds = np.cumsum(weights / weights.sum())
        self.chunks = sum(lengths)
        self._lengths = lengths
        self._epoch = lru_cache(maxsize=2 * len(self._sources))(self._shuffled)
        self._choices = np.zeros(0, dtype=np.int64)

    def __getstate__(self) -> dict[str, object]:
        """Leave behind what a loading process makes for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_epoch"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._epoch = lru_cache(maxsize=2 * len(self._sources))(self._shuffled)

    def _locate(self, position: int) -> tuple[Source, Chunk]:
        """Return the data set and the chunk at a position: draws of a data set walk through its epochs."""
        if position >= len(self._choices):
            # Drawn from the start again: a longer stream begins like a shorter one.
            draws = np.random.default_rng([self._seed, 0]).random(2 * position + 1024)
            self._choices = np.minimum(np.searchsorted(self._bounds, draws), len(self._bounds) - 1)
        which = int(self._choices[position])
        draw = int((self._choices[:position] == which).sum())
        epoch, place = divmod(draw, self._lengths[which])
        return self._sources[which], self._epoch(which, epoch)[place]

    def _shuffled(self, which: int, epoch: int) -> list[Chunk]:
        rng = np.random.default_rng([self._seed, 2, which, epoch])
        chunks: list[Chunk] = []
        for scene_id, expressions in self._sources[which].expressions.items():
            order = rng.permutation(len(expressions)).tolist()
            size = self._config.sentences
            chunks += [(scene_id, tuple(order[start : start + size])) for start in range(0, len(order), size)]
        return [chunks[place] for place in rng.permutation(len(chunks))]


class SampleStream(ChunkStream[Sample, SceneSource]):
    """Samples by their position in the stream, with any number of processes."""

    def __init__(
        self, sources: Sequence[SceneSource], config: DataConfig, augmentation: AugmentationConfig | None, seed: int
    ) -> None:
        """`augmentation` None shows the scenes as they are."""
        super().__init__(sources, config, seed)
        self._augmentation = augmentation

    def __getitem__(self, position: int) -> Sample:
        """Read and vary the sample at a position >= 0."""
        source, (scene_id, sentences) = self._locate(position)
        said = source.expressions[scene_id]
        chosen = tuple(said[place] for place in sentences)
        if self._augmentation is None:
            return Sample(scene_id, source.voxels(scene_id), source.boxes(scene_id), chosen)
        generator = torch.Generator().manual_seed(_seed_of(self._seed, 1, position))
        voxels, boxes = _drawn(source, scene_id, generator)
        sample = Sample(scene_id, voxels, boxes, chosen)
        sample = cropped(sample, self._augmentation.max_voxels, generator)
        sample = filled(sample, said, self._config.sentences, generator)
        return augment(sample, self._augmentation, generator)


def _drawn(source: SceneSource, scene_id: str, generator: torch.Generator) -> tuple[Voxels, Mapping[int, torch.Tensor]]:
    """Read the scene as it was recorded or one of its variants; a variant's boxes hold what it still shows."""
    lifted, boxes = source.lifted(scene_id), source.boxes(scene_id)
    if len(lifted) == 1:
        return source.voxels(scene_id), boxes
    which = int(torch.randint(len(lifted), (1,), generator=generator))
    voxels = source.voxels(lifted[which])
    return voxels, tight_boxes(boxes, voxels, voxels.xyz) if which else boxes


def whole_scenes(config: DataConfig) -> DataConfig:
    """Return a configuration whose chunks are whole scenes, as pretraining takes them."""
    return replace(config, sentences=1_000_000)


def _seed_of(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)

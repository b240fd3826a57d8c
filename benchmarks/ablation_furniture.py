"""Furniture for small rooms: cut out of rendered homes that are lifted once, with 2D features at three scales."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from common import log
from torch import Tensor
from torch.nn import functional

from locate3d_ros.config import Config, MappingConfig
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.data.scene_folder import SceneObject
from locate3d_ros.data.synthetic.dataset import generate
from locate3d_ros.data.synthetic.options import DatasetOptions, SceneOptions
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.scene_cache import lift_scene, read_cached_scene, write_cached_scene
from locate3d_ros.features.bilinear import bilinear_table
from locate3d_ros.features.efficientnet import STRIDE
from locate3d_ros.features.embedded import EmbeddedExtractor, input_size
from locate3d_ros.training.scene import Voxels
from locate3d_ros.training.toy_scenes import COLOURS, NAMES, prototypes
from locate3d_ros.types import Frame, FrameFeatures, Slot, TokenTable

LIFTED = 0.1  # metres: the voxels of a home
VOXEL = 0.2  # metres: the voxels of a room, so that it has few
SCALES = {"fine": 1, "middle": 2, "coarse": 4}  # slot -> what the picture's sides are divided by
CHANNELS = 64  # of a scale that rooms keep: the first ones, which vary most
LEAST_VOXELS, MOST_VOXELS = 20, 350  # of a piece
HIGHEST_FOOT = 0.3  # metres: higher things hang or stand on others
LONGEST = 2.2  # metres
LEAST_PIECES = (9, 3)  # of a category, in the homes to train on and in the others


@dataclass(frozen=True)
class Piece:
    """One thing as the cameras of a home saw it, its least cell at 0, 0, 0."""

    category: str
    colour: str  # "" where none can be said
    voxels: Voxels


@dataclass(frozen=True)
class Furniture:
    """What rooms are made of."""

    pieces: tuple[Piece, ...]
    floors: tuple[Voxels, ...]  # of one home each
    slots: tuple[tuple[str, int], ...]  # name and channels of each scale


class ThreeScales:
    """The embedded features of the whole picture, of half and of a quarter of its pixels (a `FeatureExtractor`)."""

    name = "embedded-three-scales"

    def __init__(self) -> None:
        """Load the network. Raises InputError for missing or damaged weights."""
        self._network = EmbeddedExtractor("fast", torch.device("cpu"))
        self.digest = self._network.digest
        self.slots = tuple(Slot(name, self._network.slots[0].width) for name in SCALES)

    def extract(self, frame: Frame) -> FrameFeatures:
        """Compute one token table for each scale, over the whole picture's pixels."""
        return FrameFeatures(tuple(self._table(frame, name, divisor) for name, divisor in SCALES.items()))

    def _table(self, frame: Frame, name: str, divisor: int) -> TokenTable:
        whole = (frame.rgb.shape[0], frame.rgb.shape[1])
        sides = (whole[0] // divisor, whole[1] // divisor)
        pixels = frame.rgb.permute(2, 0, 1)[None].float()
        smaller = functional.interpolate(pixels, sides, mode="area")[0].permute(1, 2, 0).round().to(torch.uint8)
        tokens = self._network.extract(replace(frame, rgb=smaller)).slots[0].tokens
        rows, columns = (side // STRIDE + 1 for side in input_size(sides, 1.5))
        index, weight = bilinear_table(whole, (rows, columns), torch.device("cpu"))
        return TokenTable(name, tokens, index, weight)


def homes(folder: Path, count: int, seed: int) -> Furniture:
    """Make and lift homes, but for what is there already, and cut them up. Raises InputError where a home fails."""
    options = SceneOptions(min_rooms=2, max_rooms=2, frames=24, sentences=0)
    for done in generate(DatasetOptions(folder, count, seed, scenes=options)):
        if done.error:
            raise InputError(f"{done.scene_id}: {done.error}")
    dataset, config, extractor = DatasetFolder(folder), Config(mapping=MappingConfig(voxel_size=LIFTED)), ThreeScales()
    furniture = []
    for scene_id in dataset.scene_ids():
        file = folder / "lifted" / f"{scene_id}.safetensors"
        if not file.is_file():
            file.parent.mkdir(exist_ok=True)
            write_cached_scene(file, lift_scene(dataset.scene(scene_id), extractor, config, torch.device("cpu")))
            log(f"{scene_id}: lifted")
        cached = read_cached_scene(file)
        snapshot = cached.snapshot
        features = torch.cat([scale[:, :CHANNELS] for scale in snapshot.features.values()], dim=1)
        home = Voxels(snapshot.xyz, snapshot.rgb, features, snapshot.cells.long(), cached.object_ids, LIFTED)
        furniture.append(cut(home, dataset.scene(scene_id).objects()))
    slots = tuple((name, CHANNELS) for name in SCALES)
    pieces, floors = zip(*furniture, strict=True)
    return Furniture(tuple(piece for each in pieces for piece in each), floors, slots)


def cut(home: Voxels, objects: Sequence[SceneObject]) -> tuple[list[Piece], Voxels]:
    """Return the things that stand on the floor of a home, and its floor."""
    pieces = []
    for item in objects:
        rows = home.object_ids == item.id
        standing = item.box[0, 2] < HIGHEST_FOOT and float((item.box[1] - item.box[0]).max()) < LONGEST
        if standing and LEAST_VOXELS <= int(rows.sum()) <= MOST_VOXELS:
            pieces.append(Piece(item.category, item.attributes.get("colour", ""), coarser(home.rows(rows))))
    lowest = (home.object_ids == 0) & (home.cells[:, 2] == 0)
    return pieces, coarser(home.rows(lowest))


def coarser(voxels: Voxels) -> Voxels:
    """Return the means of a thing's voxels in cells of VOXEL, its least cell at 0, 0, 0."""
    xyz = voxels.xyz - voxels.cells.amin(dim=0) * voxels.voxel_size
    cells, owner = torch.unique(torch.floor(xyz / VOXEL).long(), dim=0, return_inverse=True)
    count = torch.bincount(owner)[:, None].float()

    def mean(rows: Tensor) -> Tensor:
        return torch.zeros(len(cells), rows.shape[1]).index_add_(0, owner, rows.float()) / count

    low = cells.amin(dim=0)
    ids = torch.zeros(len(cells), dtype=torch.int32)
    features = mean(voxels.features).half()
    return Voxels(mean(xyz) - low * VOXEL, mean(voxels.rgb), features, cells - low, ids, VOXEL)


def shared(*furniture: Furniture) -> tuple[Furniture, ...]:
    """Keep what both have enough of. Doors are left out: they belong to walls."""
    counts = [Counter(piece.category for piece in each.pieces) for each in furniture]
    names = {name for name in counts[0] if all(count[name] >= n for count, n in zip(counts, LEAST_PIECES, strict=True))}
    names -= {"door"}
    log(f"furniture: {', '.join(sorted(names))}")
    return tuple(replace(each, pieces=tuple(p for p in each.pieces if p.category in names)) for each in furniture)


def toy_furniture(seed: int) -> Furniture:
    """Return coloured blocks with made-up features, within milliseconds."""
    rng = np.random.default_rng(seed)
    pieces = []
    for number, name in enumerate(NAMES):
        for colour, rgb in COLOURS.items():
            block = toy_block((1 + number % 3, 1 + number % 2, 1 + number % 4), rgb, prototypes()[number], rng)
            pieces.append(Piece(name, colour, block))
    floor = toy_block((4, 4, 1), (0.5, 0.5, 0.5), prototypes()[-1], rng)
    third = len(prototypes()[0]) // 4
    return Furniture(tuple(pieces), (floor,), (("fine", 2 * third), ("middle", third), ("coarse", third)))


def toy_block(
    size: tuple[int, int, int], rgb: tuple[float, float, float], features: np.ndarray, rng: np.random.Generator
) -> Voxels:
    """Fill a block of cells."""
    cells = torch.cartesian_prod(*(torch.arange(side) for side in size))
    noisy = torch.tensor(features + rng.normal(0, 0.3, (len(cells), len(features))), dtype=torch.float16)
    ids = torch.zeros(len(cells), dtype=torch.int32)
    return Voxels((cells + 0.5) * VOXEL, torch.tensor(rgb).repeat(len(cells), 1), noisy, cells, ids, VOXEL)

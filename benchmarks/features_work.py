"""What the foundation features ask of a device: python benchmarks/features_work.py [DATASET].

Nothing is computed: the released networks are walked through without numbers, and their multiplications and additions
are counted (tflop_…, for one 640 x 480 frame of 100 segments). With a data set folder of rendered scenes also, of the
objects that a frame shows, the share that a question to SAM falls on: no other can come out as a segment
(asked_…; small: less than a thousandth of the picture, medium: less than a hundredth).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from common import Case, arguments, emit, log, parser
from features import SEGMENTS
from numpy.typing import NDArray
from segment_anything.utils.amg import build_all_layer_point_grids, generate_crop_boxes
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.features.clip import make_clip, released_config
from locate3d_ros.features.dinov2 import make_dino
from locate3d_ros.features.quality import FAST, PAPER, Quality
from locate3d_ros.features.sam import CROP_OVERLAP, POINTS_SHRINK, make_sam

SIZES = {"small": 1e-3, "medium": 1e-2, "large": 1.0}  # shares of the picture, at most
LEAST_PIXELS = 20
META = torch.device("meta")
PADDED = (490, 644)  # what DINOv2 sees of 640 x 480


def main() -> int:
    """Count, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("dataset", type=Path, nargs="?")
    parsed = arguments(__doc__, options)
    cases = list(work_cases())
    if parsed.dataset is not None:
        cases += asked_cases(parsed.dataset)
    emit("features_work", parsed, cases)
    return 0


def work_cases() -> Iterator[Case]:
    """Yield the arithmetic of every network, for one pass and for a frame of each quality."""
    with META:
        clip, dino = make_clip(released_config(), META), make_dino()
        encoders = {size: make_sam(size) for size in ("vit_h", "vit_l", "vit_b")}
    crop = tflop(lambda: clip.encode_image(empty(1, 3, 224, 224)))
    patches = tflop(lambda: dino.forward_features(empty(1, 3, *PADDED)))
    yield Case("tflop_crop", crop, "TFLOP")
    yield Case("tflop_dino", patches, "TFLOP")
    for size, sam in encoders.items():
        image = tflop(lambda sam=sam: sam.image_encoder(empty(1, 3, 1024, 1024)))
        question = tflop(lambda sam=sam: ask(sam, 64)) / 64
        yield Case(f"tflop_{size}_image", image, "TFLOP")
        yield Case(f"tflop_{size}_question", question, "TFLOP")
        for quality in (PAPER, FAST):
            images, questions = looks(quality)
            segment = images * image + questions * question
            total = segment + (1 + SEGMENTS) * crop + patches
            yield Case(f"tflop_frame_{quality.name}_{size}", total, "TFLOP", None, {"segment": round(segment, 3)})


def tflop(work: Callable[[], object]) -> float:
    """Return the multiplications and additions of a call, in 10^12."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        work()
    return counter.get_total_flops() / 1e12


def ask(sam: torch.nn.Module, count: int) -> object:
    """Decode the masks of `count` points."""
    decoder = sam.get_submodule("mask_decoder")
    place = empty(1, 256, 64, 64)
    return decoder(
        image_embeddings=place,
        image_pe=place,
        sparse_prompt_embeddings=empty(count, 2, 256),
        dense_prompt_embeddings=empty(count, 256, 64, 64),
        multimask_output=True,
    )


def empty(*shape: int) -> Tensor:
    """Return a tensor without numbers."""
    return torch.empty(shape, device=META)


def looks(quality: Quality) -> tuple[int, int]:
    """Return how often SAM encodes an image for a frame, and how many points it is asked at."""
    places = question_pixels(quality, (480, 640))
    return len(places), sum(len(points) for points in places)


def question_pixels(quality: Quality, size: tuple[int, int]) -> list[NDArray[np.int64]]:
    """Return the pixels [n, 2] (row, column) that each look at an image (height, width) asks about."""
    grids = build_all_layer_point_grids(quality.points_per_side, quality.crop_layers, POINTS_SHRINK)
    parts, layers = generate_crop_boxes(size, quality.crop_layers, CROP_OVERLAP)
    pixels = []
    for (x0, y0, x1, y1), layer in zip(parts, layers, strict=True):
        points = grids[layer] * [x1 - x0, y1 - y0] + [x0, y0]
        pixels.append(np.floor(points[:, ::-1]).astype(np.int64))
    return pixels


def asked_cases(dataset: Path) -> list[Case]:
    """Return the shares of visible objects, by their size in the picture, that at least one question falls on."""
    folder = DatasetFolder(dataset)
    asked: dict[tuple[str, str], list[bool]] = {(q.name, size): [] for q in (PAPER, FAST) for size in SIZES}
    for name in folder.scene_ids():
        scene = folder.scene(name)
        for path in sorted((scene.path / "instances").glob("*.png")):
            ids = np.asarray(scene.instance_ids(int(path.stem)), dtype=np.int64)
            counts = np.bincount(ids.ravel())
            for quality in (PAPER, FAST):
                hit = ids_asked(ids, quality)
                for each in np.flatnonzero(counts >= LEAST_PIXELS):
                    if each > 0:
                        asked[quality.name, size_of(counts[each] / ids.size)].append(bool(hit[each]))
        log(f"{scene.id}: {sum(map(len, asked.values())) // 2} objects")
    return [
        Case(f"asked_{size}_{quality}", sum(hits) / max(1, len(hits)), "share", None, {"n": len(hits)})
        for (quality, size), hits in asked.items()
    ]


def ids_asked(ids: NDArray[np.int64], quality: Quality) -> NDArray[np.bool_]:
    """Return for every object id whether a question falls on it."""
    hit = np.zeros(int(ids.max()) + 1, dtype=bool)
    for points in question_pixels(quality, (ids.shape[0], ids.shape[1])):
        hit[ids[points[:, 0], points[:, 1]]] = True
    return hit


def size_of(share: float) -> str:
    """Return the size class of an object that takes a share of the picture."""
    return next((size for size, most in SIZES.items() if share < most), "large")


if __name__ == "__main__":
    sys.exit(main())

"""What compressed features cost the similarity localizer: python benchmarks/compression.py [MAP…] [--texts FILE].

Maps are those of `locate3d map` or of `locate3d cache`; without one the demo room is mapped. For every factor a map
is compressed by a projection fitted on itself, and asked the same sentences (default: 40 everyday things).
image_…: share of the features' squared length that is kept, and the median cosine of a voxel's features with what is
stored of them. answers_…: share of sentences whose best instance is the same (box IoU of 0.9 or more), box_iou_… the
mean IoU of the two best boxes, score_… the mean difference of their scores, status_… how often both find or both
refuse. memory_…: times less memory of a map's voxels, finer grid not counted; memory_fine_… with it.
`foundation_…`: memory of a map with two slots of 768 channels of random features.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from common import Case, arguments, emit, log, parser
from torch import Tensor
from torch.nn.functional import cosine_similarity

from locate3d_ros import Locate3D, load_recording
from locate3d_ros.build import build_localizer
from locate3d_ros.config import Config, MappingConfig
from locate3d_ros.geometry.boxes import box_iou, box_tensor
from locate3d_ros.mapping.compression import compressed, fit_projections
from locate3d_ros.mapping.map_file import load_any_map
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import (
    FineCloud,
    Frame,
    FrameFeatures,
    Localization,
    LocalizeOptions,
    Localizer,
    MapSnapshot,
    Slot,
)

DEMO_ROOM = Path(__file__).resolve().parent.parent / "locate3d_ros" / "data" / "demo_room" / "recording"
THINGS = (
    "chair", "table", "sofa", "bed", "lamp", "plant", "cupboard", "shelf", "desk", "television", "laptop", "mug",
    "bowl", "book", "vase", "mirror", "picture", "clock", "sink", "stove", "fridge", "toaster", "kettle", "bin",
    "the red chair", "the white mug", "the wooden table", "the black chair", "the mug on the table",
    "the chair next to the table", "the plant in the corner", "the lamp on the desk", "the largest cupboard",
    "the book on the shelf", "the picture on the wall", "the box under the table", "a bicycle", "a piano",
    "a bathtub", "a guitar",
)  # fmt: skip
SAME_BOX = 0.9


@dataclass(frozen=True)
class StoredAs:
    """The extractor that a map names."""

    name: str
    digest: str
    slots: tuple[Slot, ...]

    def extract(self, frame: Frame) -> FrameFeatures:
        """Never asked for."""
        raise NotImplementedError


@dataclass(frozen=True)
class Comparison:
    """One map, whole and compressed."""

    kept: float
    cosine: float
    iou: list[float]  # of the best boxes, a sentence each; 1 where neither has one
    score: list[float]  # differences
    agreed: list[bool]  # both found it, or both refused


def main() -> int:
    """Compare, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("maps", type=Path, nargs="*")
    options.add_argument("--texts", type=Path, help="a file with one sentence a line")
    options.add_argument("--factors", type=int, nargs="+", default=[2, 4, 5, 8])
    parsed = arguments(__doc__, options)
    config = Config(device=parsed.device, threads=parsed.threads)
    texts = tuple(parsed.texts.read_text(encoding="utf-8").splitlines()) if parsed.texts else THINGS
    localizer = build_localizer(config, torch.device(parsed.device))
    results: dict[int, list[Comparison]] = {factor: [] for factor in parsed.factors}
    cases = []
    for number, snapshot in enumerate(maps(parsed.maps, config)):
        whole = answers(localizer, snapshot, texts)
        for factor in parsed.factors:
            small = compressed(snapshot, fit_projections(snapshot, factor))
            results[factor].append(compare(snapshot, small, whole, answers(localizer, small, texts)))
            log(f"map {number}, a {factor}th: kept {results[factor][-1].kept:.3f}")
            cases += memory_cases("", snapshot, small, factor) if number == 0 else []
    wide = wide_map()
    for factor in parsed.factors:
        cases += memory_cases("foundation_", wide, compressed(wide, any_projections(wide, factor)), factor)
    emit("compression", parsed, [*[case for factor in results for case in loss(factor, results[factor])], *cases])
    return 0


def maps(paths: Sequence[Path], config: Config) -> Iterator[MapSnapshot]:
    """Yield the maps of the files, or the demo room's."""
    yield from (load_any_map(path) for path in paths)
    if not paths:
        robot = Locate3D.create(config)
        for frame in load_recording(DEMO_ROOM):
            robot.add(frame)
        yield robot.snapshot()


def answers(localizer: Localizer, snapshot: MapSnapshot, texts: Sequence[str]) -> list[Localization]:
    """Ask without a threshold: the best guess, whatever its score."""
    scene = localizer.prepare(snapshot)
    return [localizer.answer(scene, text, LocalizeOptions(0.0, 1)) for text in texts]


def compare(whole: MapSnapshot, small: MapSnapshot, a: Sequence[Localization], b: Sequence[Localization]) -> Comparison:
    """Compare a map's features and answers with those of its compressed form."""
    name = next(iter(whole.features))
    features = whole.features[name][whole.has_features].float()
    back = small.features[name][whole.has_features].float() @ small.projections[name].T
    kept = 1.0 - float((features - back).square().sum() / features.square().sum())
    least = Config().localization.min_score
    scores = [(best_score(one), best_score(two)) for one, two in zip(a, b, strict=True)]
    return Comparison(
        kept=kept,
        cosine=float(cosine_similarity(features, back).median()),
        iou=[overlap(one, two) for one, two in zip(a, b, strict=True)],
        score=[abs(one - two) for one, two in scores],
        agreed=[(one >= least) == (two >= least) for one, two in scores],
    )


def best_score(answer: Localization) -> float:
    """Return the score of the best guess; 0 where there is none."""
    return answer.best.score if answer.instances else 0.0


def overlap(a: Localization, b: Localization) -> float:
    """Return the IoU of the best guesses' boxes."""
    if not a.instances or not b.instances:
        return float(bool(a.instances) == bool(b.instances))
    boxes: Tensor = box_iou(box_tensor(a.best.box)[None], box_tensor(b.best.box)[None])
    return float(boxes)


def loss(factor: int, results: Sequence[Comparison]) -> list[Case]:
    """Return the figures of one factor over all maps."""
    iou = [value for result in results for value in result.iou]
    score = [value for result in results for value in result.score]
    agreed = [value for result in results for value in result.agreed]
    return [
        Case(f"kept_{factor}", statistics.mean(result.kept for result in results), "share"),
        Case(f"cosine_{factor}", statistics.mean(result.cosine for result in results), "cosine"),
        Case(f"answers_{factor}", sum(value >= SAME_BOX for value in iou) / len(iou), "share", None, {"n": len(iou)}),
        Case(f"box_iou_{factor}", statistics.mean(iou), "iou"),
        Case(f"score_{factor}", statistics.mean(score), "score"),
        Case(f"status_{factor}", sum(agreed) / len(agreed), "share"),
    ]


def memory_cases(prefix: str, whole: MapSnapshot, small: MapSnapshot, factor: int) -> list[Case]:
    """Return how many times less memory the compressed map's grids take, without and with the finer grid."""
    cases = []
    for name, fine in (("memory", False), ("memory_fine", True)):
        before, after = (bytes_a_voxel(each, fine) for each in (whole, small))
        cases.append(Case(f"{prefix}{name}_{factor}", before / after, "times", None, {"bytes": round(after)}))
    return cases


def bytes_a_voxel(snapshot: MapSnapshot, fine: bool) -> float:
    """Return what a live map with this content takes for a voxel."""
    none = FineCloud(snapshot.fine.xyz[:0], snapshot.fine.rgb[:0], snapshot.fine.voxel_size)
    widths = {name: values.shape[1] for name, values in snapshot.features.items()}
    widths |= {name: len(columns) for name, columns in snapshot.projections.items()}
    extractor = StoredAs(snapshot.extractor, snapshot.digest, tuple(Slot(*pair) for pair in widths.items()))
    voxel_map = VoxelFeatureMap(MappingConfig(), extractor, torch.device("cpu"))
    voxel_map.restore(snapshot if fine else replace(snapshot, fine=none))
    return voxel_map.nbytes / len(voxel_map)


def any_projections(snapshot: MapSnapshot, factor: int) -> dict[str, Tensor]:
    """Return projections of the width that a fit would give: for memory it is the same."""
    generator = torch.Generator().manual_seed(0)
    shapes = {name: (values.shape[1], values.shape[1] // factor) for name, values in snapshot.features.items()}
    return {name: torch.linalg.qr(torch.randn(shape, generator=generator))[0] for name, shape in shapes.items()}


def wide_map() -> MapSnapshot:
    """Return a floor of 200 x 200 voxels, each with the finer ones of a surface, and foundation-sized features."""
    config, slots = MappingConfig(), (Slot("clip", 768), Slot("dino", 768))
    empty = VoxelFeatureMap(config, StoredAs("benchmark", "0" * 64, slots), torch.device("cpu")).snapshot()
    cells = torch.cartesian_prod(torch.arange(200), torch.arange(200), torch.zeros(1, dtype=torch.int64))
    count = len(cells)
    points = torch.cartesian_prod(torch.arange(0.01, 10.0, 0.02), torch.arange(0.01, 10.0, 0.02), torch.tensor([0.01]))
    generator = torch.Generator().manual_seed(0)
    return replace(
        empty,
        cells=cells.to(torch.int32),
        xyz=(cells + 0.5) * config.voxel_size,
        rgb=torch.zeros(count, 3),
        features={slot.name: torch.randn(count, slot.width, generator=generator).half() for slot in slots},
        has_features=torch.ones(count, dtype=torch.bool),
        weight=torch.ones(count),
        last_seen=torch.zeros(count, dtype=torch.float64),
        fine=FineCloud(points, torch.zeros_like(points), config.fine_voxel_size),
    )


if __name__ == "__main__":
    sys.exit(main())

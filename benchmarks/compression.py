"""What compressed features cost the similarity localizer: python benchmarks/compression.py [DATASET] [--factors 5].

DATASET is a folder of annotated scenes (default: the demo room); scenes that `locate3d cache` has lifted are not lifted
again. For every factor each scene's map is compressed by a projection fitted on itself, and asked the same sentences.
kept_…: share of the features' squared length that is kept; cosine_…: median of a voxel's features with what is stored
of them. acc25_…, acc50_…: share of sentences about something there whose best guess has a box IoU of 0.25 (0.5); the
baseline is the whole map's. same_…: share of all sentences with the same best guess (box IoU of 0.9 or more),
score_…: mean difference of their scores, status_…: how often both find or both refuse.
memory_…: times less memory of the first map's voxels; memory_fine_…: with those of the finer grid, which holds no
features. foundation_…: the same of a floor with two slots of 768 channels.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch
from common import Case, arguments, emit, log, parser
from torch import Tensor
from torch.nn.functional import cosine_similarity

from locate3d_ros.build import build_extractor, build_similarity
from locate3d_ros.config import Config, MappingConfig
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.evaluation.contestants import Guess, LocalizerContestant
from locate3d_ros.evaluation.outcomes import Outcome, grade
from locate3d_ros.evaluation.questions import Question, read_questions
from locate3d_ros.evaluation.scene_cache import CachedScene, cache_folder, cached_path, lift_scene, read_cached_scene
from locate3d_ros.geometry.boxes import box_iou, box_tensor
from locate3d_ros.mapping.compression import compressed, fit_projections
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import FineCloud, Frame, FrameFeatures, MapSnapshot, Slot

DEMO_ROOM = Path(__file__).resolve().parent.parent / "locate3d_ros" / "data" / "demo_room"
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
class Answered:
    """One map with the best guess for every sentence."""

    guesses: list[Guess]
    outcomes: list[Outcome]


@dataclass(frozen=True)
class Comparison:
    """One map, compressed, beside the whole one."""

    kept: float
    cosine: float
    whole: Answered
    small: Answered


def main() -> int:
    """Compare, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("dataset", type=Path, nargs="?", default=DEMO_ROOM)
    options.add_argument("--split", default="val")
    options.add_argument("--scenes", type=int, help="ask about the first so many alone")
    options.add_argument("--factors", type=int, nargs="+", default=[2, 5, 10])
    parsed = arguments(__doc__, options)
    contestant = LocalizerContestant(build_similarity(Config(), torch.device(parsed.device)))
    results: dict[int, list[Comparison]] = {factor: [] for factor in parsed.factors}
    cases: list[Case] = []
    for scene, asked in islice(scenes(parsed.dataset, parsed.split), parsed.scenes):
        whole = answered(contestant, scene, asked)
        for factor in parsed.factors:
            snapshot = compressed(scene.snapshot, fit_projections(scene.snapshot, factor))
            small = answered(contestant, replace(scene, snapshot=snapshot), asked)
            kept, cosine = what_is_kept(scene.snapshot, snapshot)
            results[factor].append(Comparison(kept, cosine, whole, small))
            cases += memory_cases("", scene.snapshot, snapshot, factor) if len(results[factor]) == 1 else []
        log(f"{len(results[parsed.factors[0]])} scenes, {len(asked)} sentences about the last")
    wide = wide_map()
    for factor in parsed.factors:
        cases += memory_cases("foundation_", wide, compressed(wide, any_projections(wide, factor)), factor)
    emit("compression", parsed, [*[case for factor in results for case in loss(factor, results[factor])], *cases])
    return 0


def scenes(dataset: Path, split: str) -> Iterator[tuple[CachedScene, Sequence[Question]]]:
    """Yield the lifted scenes of a split with the sentences about them."""
    folder, config, device = DatasetFolder(dataset), Config(), torch.device("cpu")
    extractor = build_extractor(config, device)
    cache = cache_folder(dataset / "cache", config, extractor)
    for scene_id, asked in read_questions(folder, split).items():
        path = cached_path(cache, scene_id)
        lifted = path.is_file()
        yield (
            (read_cached_scene(path) if lifted else lift_scene(folder.scene(scene_id), extractor, config, device)),
            asked,
        )


def answered(contestant: LocalizerContestant, scene: CachedScene, asked: Sequence[Question]) -> Answered:
    """Return the best guesses, whatever their scores, and how good they are."""
    contestant.prepare(scene.snapshot)
    guesses = [contestant.guess(question) for question in asked]
    graded = [grade(question, guess, scene.object_ids, 0.0) for question, guess in zip(asked, guesses, strict=True)]
    return Answered(guesses, graded)


def what_is_kept(whole: MapSnapshot, small: MapSnapshot) -> tuple[float, float]:
    """Return the share of the first slot's squared length, and the median cosine of its voxels."""
    name = next(iter(whole.features))
    features = whole.features[name][whole.has_features].float()
    back = small.features[name][whole.has_features].float() @ small.projections[name].T
    lost = float((features - back).square().sum() / features.square().sum())
    return 1.0 - lost, float(cosine_similarity(features, back).median())


def overlap(a: Guess, b: Guess) -> float:
    """Return the IoU of two guesses' boxes; 1 where neither has one."""
    if a.instance is None or b.instance is None:
        return float(a.instance is b.instance)
    return float(box_iou(box_tensor(a.instance.box)[None], box_tensor(b.instance.box)[None]))


def loss(factor: int, results: Sequence[Comparison]) -> list[Case]:
    """Return the figures of one factor over all maps."""
    pairs = [pair for each in results for pair in zip(each.whole.guesses, each.small.guesses, strict=True)]
    scores = [(a.score or 0.0, b.score or 0.0) for a, b in pairs]
    least, count = Config().localization.min_score, {"n": float(len(pairs))}
    same = sum(overlap(a, b) >= SAME_BOX for a, b in pairs) / len(pairs)
    agreed = sum((a >= least) == (b >= least) for a, b in scores) / len(pairs)
    cases = [
        Case(f"kept_{factor}", statistics.mean(each.kept for each in results), "share"),
        Case(f"cosine_{factor}", statistics.mean(each.cosine for each in results), "cosine"),
    ]
    for level, name in enumerate(("acc25", "acc50")):
        whole, small = (
            [outcome.right[level] for part in parts for outcome in part.outcomes if outcome.question.present]
            for parts in ([each.whole for each in results], [each.small for each in results])
        )
        lost_and_won = {"lost": float(sum(a > b for a, b in zip(whole, small, strict=True)))}
        lost_and_won |= {"won": float(sum(a < b for a, b in zip(whole, small, strict=True))), "n": float(len(whole))}
        cases.append(Case(f"{name}_{factor}", statistics.mean(small), "share", statistics.mean(whole), lost_and_won))
    return [
        *cases,
        Case(f"same_{factor}", same, "share", None, count),
        Case(f"score_{factor}", statistics.mean(abs(a - b) for a, b in scores), "score"),
        Case(f"status_{factor}", agreed, "share", None, count),
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

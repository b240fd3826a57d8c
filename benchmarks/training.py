"""Training steps on random scenes: python benchmarks/training.py [--presets smoke tiny locate3d] [--sentences 8].

One step is forward, backward, clipping and the optimizer's step, of one scene, with the encoder learning. Peak memory
is the device's, and is not told on a CPU.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from common import Case, arguments, emit, log, parser
from torch import nn

from locate3d_ros.model.config import ModelConfig
from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.model.heads import TOKEN_COLUMNS
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.training.checkpointing import recompute_activations
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.criterion import SentenceTargets
from locate3d_ros.training.grounding import GroundingBatch, GroundingModule, GroundingScene
from locate3d_ros.training.jepa import JepaBatch, JepaModule, JepaScene
from locate3d_ros.training.masking import hidden_voxels
from locate3d_ros.training.presets import MODELS, PRESETS
from locate3d_ros.training.scene import Voxels

TOKENS = 12


def main() -> int:
    """Measure both tasks of every preset, print the JSON object."""
    options = parser(__doc__)
    options.add_argument("--presets", nargs="+", choices=tuple(PRESETS), default=["smoke", "tiny"])
    options.add_argument("--sentences", type=int, default=8, help="sentences of a grounding step")
    options.add_argument("--voxels", type=int, default=12_000, help="voxels of the scene")
    parsed = arguments(__doc__, options)
    device = torch.device(parsed.device)
    cases = []
    for name in parsed.presets:
        config = PRESETS[name]
        voxels = scene(parsed.voxels, MODELS[config.run.model], device)
        for task, make in (("jepa", jepa), ("grounding", grounding)):
            module, batch = make(config, voxels, parsed.sentences)
            case = measured(f"{task}_{name}", module, batch, config, parsed.repeats)
            log(f"{case.name}: {case.value:.0f} ms, {len(voxels)} voxels")
            cases.append(case)
    emit("training", parsed, cases)
    return 0


def scene(count: int, model: ModelConfig, device: torch.device) -> Voxels:
    """Return `count` voxels of a floor and blocks on it, features at random."""
    generator = torch.Generator().manual_seed(0)
    side = int((count / 2) ** 0.5) + 1
    cells = torch.unique(
        torch.randint(0, side, (8 * count, 3), generator=generator) % torch.tensor([side, side, 8]), dim=0
    )
    cells = cells[torch.randperm(len(cells), generator=generator)[:count]]
    xyz = (cells + 0.5) * 0.05
    rgb = torch.rand(len(cells), 3, generator=generator)
    features = torch.randn(len(cells), model.encoder.feature_dim, generator=generator)
    return Voxels(xyz, rgb, features, cells, torch.zeros(len(cells), dtype=torch.int32)).to(device)


def jepa(config: TrainingConfig, voxels: Voxels, sentences: int) -> tuple[nn.Module, JepaBatch]:  # noqa: ARG001
    """Return the module and a batch of pretraining."""
    module = JepaModule(Encoder3DJepa(MODELS[config.run.model].encoder), config.jepa).to(voxels.xyz.device)
    hidden = hidden_voxels(voxels.cells.cpu(), config.jepa, torch.Generator().manual_seed(0))
    return module, JepaBatch((JepaScene(voxels, hidden.to(voxels.xyz.device)),), ("random",))


def grounding(config: TrainingConfig, voxels: Voxels, sentences: int) -> tuple[nn.Module, GroundingBatch]:
    """Return the module and a batch of grounding: two objects in every sentence."""
    sizes = MODELS[config.run.model]
    sizes = replace(sizes, decoder=replace(sizes.decoder, dropout=config.run.dropout))
    device = voxels.xyz.device
    module = GroundingModule(Locate3DModel(sizes).to(device), config.losses)
    columns = torch.zeros(2, TOKEN_COLUMNS, dtype=torch.bool, device=device)
    columns[0, 2] = columns[1, 5] = True
    masks = torch.stack([(voxels.xyz[:, 0] - x).abs() < 0.3 for x in (0.5, 1.5)])
    boxes = torch.tensor([[0.2, 0, 0, 0.8, 1, 1], [1.2, 0, 0, 1.8, 1, 1]], device=device)
    words = tuple(torch.randn(TOKENS, sizes.decoder.text.width, device=device) for _ in range(sentences))
    targets = tuple(SentenceTargets(columns, masks, boxes) for _ in range(sentences))
    return module, GroundingBatch((GroundingScene(voxels, words, targets),), ("random",))


def measured(name: str, module: nn.Module, batch: object, config: TrainingConfig, repeats: int) -> Case:
    """Time whole steps."""
    if config.run.checkpointing:
        recompute_activations(module)
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5)
    device = trained[0].device
    dtype, on_gpu = config.run.train_precision, device.type == "cuda"

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
            loss, _ = module(batch, 1.0)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    value = 1e3 * median_seconds(step, repeats, device)
    peak = {"peak_memory_mb": torch.cuda.max_memory_allocated(device) / 1e6} if on_gpu else {}
    return Case(name, value, "ms", extra={"parameters": float(sum(p.numel() for p in trained)), **peak})


def median_seconds(run: Callable[[], None], repeats: int, device: torch.device) -> float:
    """Return the median time of a call, after one that is not timed."""
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


if __name__ == "__main__":
    sys.exit(main())

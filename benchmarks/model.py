"""Speed and memory of the full-size model on random weights: python benchmarks/model.py [--voxels N ...].

`gflop` counts multiplications and additions of matrix products and attention (occupied pairs only for the
convolutions); `gemm_share` is the time that these would take at this machine's matrix-product rate over the time
taken. The rate is measured before every timed run, so that both share the machine's state. The baseline is the released
code's time on a machine of 350 GFLOP/s fp32, at equal rate.
"""

from __future__ import annotations

import resource
import statistics
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass

import torch
from common import Case, arguments, emit, log, parser
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from locate3d_ros.model.config import ModelConfig
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.model.precision import lower_precision

VOXELS = 12_000  # the released code's times are known for this many
TOKENS = 12  # a sentence of ten words with its marks
GEMM_SIZE = 4096
REFERENCE_MS = {"encode": 2_500.0, "decode": 11_100.0}  # MODEL_SPEC §18, per 350 GFLOP/s of fp32 products
REFERENCE_GFLOPS = 350.0
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Timing:
    """One stage in one precision; medians over the repeats."""

    milliseconds: float
    gflop: float
    rate: float  # of matrix products in this precision, GFLOP/s
    rate_fp32: float
    device: str  # its type


def main() -> None:
    """Measure products, encode and decode in both precisions and print the JSON object."""
    parsed = parser(__doc__)
    parsed.add_argument("--voxels", type=int, nargs="+", default=[VOXELS], help="sizes of the scene")
    options = arguments(__doc__, parsed)
    device = torch.device(options.device)
    before = memory_mb(device) if device.type == "cpu" else 0.0
    model = random_model(device)
    weights_mb = sum(p.numel() * p.element_size() for p in model.state_dict().values()) / 2**20
    log(f"weights {weights_mb:.0f} MB on {device}")
    words = torch.randn(TOKENS, model.config.decoder.text.width, device=device)
    cases, peak = [], 0.0
    for name in PRECISIONS:
        model = lower_precision(model, PRECISIONS[name])
        for voxels in options.voxels:
            forget_peak(device)
            cases += measure(model, room(voxels, device), words, name, options)
            held = memory_mb(device) - before
            if (name, voxels) == ("fp32", VOXELS):
                peak = held
            if device.type == "cuda":
                cases.append(Case(f"memory_{label(voxels)}{suffix(name)}", held, "MB"))
    cases.append(Case("peak_memory", peak, "MB", extra={"weights": round(weights_mb)}))
    emit("model", options, cases)


@torch.inference_mode()
def measure(
    model: Locate3DModel, inputs: tuple[Tensor, ...], words: Tensor, precision: str, options: Namespace
) -> list[Case]:
    """Time encode and decode in one precision."""
    device, voxels = words.device, len(inputs[0])
    encoding = model.encode(*inputs)
    encode = timed(lambda: model.encode(*inputs), precision, options.repeats, device)
    decode = timed(lambda: next(iter(model.decode(encoding, [words]))), precision, options.repeats, device)
    rate = statistics.median((encode.rate, decode.rate))
    log(f"gemm_{precision} {rate:.0f} GFLOP/s")
    rates = [Case(f"gemm_{precision}", rate, "GFLOP/s")] if voxels == options.voxels[0] else []
    return [*rates, case_of("encode", voxels, precision, encode), case_of("decode", voxels, precision, decode)]


def label(voxels: int) -> str:
    """Name a scene's size: 12k."""
    return f"{round(voxels / 1000)}k"


def suffix(precision: str) -> str:
    """Name a precision other than the model's own."""
    return "" if precision == "fp32" else f"_{precision}"


def case_of(stage: str, voxels: int, precision: str, timing: Timing) -> Case:
    """Compare a stage with the released code at equal fp32 rate, where that code's time is known."""
    known = voxels == VOXELS and timing.device == "cpu"
    baseline = REFERENCE_MS[stage] * REFERENCE_GFLOPS / timing.rate_fp32 if known else None
    share = timing.gflop / timing.rate / (timing.milliseconds / 1e3)
    name = f"{stage}_{label(voxels)}{suffix(precision)}"
    log(f"{name} {timing.milliseconds:.1f} ms, {timing.gflop:.0f} GFLOP, gemm_share {share:.2f}")
    extra = {"gflop": round(timing.gflop, 1), "gemm_share": round(share, 3)}
    return Case(name, timing.milliseconds, "ms", baseline, extra)


def timed(run: Callable[[], object], precision: str, repeats: int, device: torch.device) -> Timing:
    """Time a stage, and matrix products just before it; the first run counts the operations."""
    gflop = count_gflop(run)
    rates: dict[str, list[float]] = {name: [] for name in PRECISIONS}
    times = []
    for _ in range(repeats):
        for name in {"fp32", precision}:
            rates[name].append(gemm_rate(device, PRECISIONS[name]))
        times.append(milliseconds(run, device))
    medians = {name: statistics.median(each) for name, each in rates.items() if each}
    return Timing(statistics.median(times), gflop, medians[precision], medians["fp32"], device.type)


def count_gflop(run: Callable[[], object]) -> float:
    """Count the operations of matrix products and attention in one run, 10^9."""
    counted = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention_flop}
    with FlopCounterMode(display=False, custom_mapping=counted) as counter:
        run()
    return float(counter.get_total_flops()) / 1e9


def attention_flop(query: tuple[int, ...], key: tuple[int, ...], *_: object, **__: object) -> int:
    """Count attention's two products; torch leaves them out on a CPU."""
    batch, heads, rows, channels = query
    return 4 * batch * heads * rows * key[2] * channels


def milliseconds(run: Callable[[], object], device: torch.device) -> float:
    """Return the time of one call, the device's queue included."""
    started = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return 1e3 * (time.perf_counter() - started)


def gemm_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Return the rate of a 4096³ matrix product, GFLOP/s, the better of two."""
    a, b = (torch.randn(GEMM_SIZE, GEMM_SIZE, device=device).to(dtype) for _ in range(2))
    return 2 * GEMM_SIZE**3 / 1e6 / min(milliseconds(lambda: a @ b, device) for _ in range(2))


def random_model(device: torch.device) -> Locate3DModel:
    """Build the full size with random weights, without a second copy."""
    torch.manual_seed(0)
    with torch.device("meta"):
        model = Locate3DModel(ModelConfig())
    model = model.to_empty(device=device).eval()
    for name, tensor in model.state_dict().items():
        if tensor.ndim >= 2:
            tensor.normal_(std=tensor[0].numel() ** -0.5)
        else:
            tensor.fill_(1.0 if name.endswith(("weight", "running_var")) else 0.0)
    return model


def room(voxels: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Make the surfaces of a furnished room: floor, two walls and boxes, cut to so many voxels of 5 cm."""
    generator = torch.Generator().manual_seed(0)
    long, wide = (round(side * (voxels / VOXELS) ** 0.5) for side in (80, 70))
    cells = [torch.cartesian_prod(torch.arange(long), torch.arange(wide), torch.tensor([0]))]
    cells.append(torch.cartesian_prod(torch.tensor([0]), torch.arange(wide), torch.arange(1, 48)))
    cells.append(torch.cartesian_prod(torch.arange(1, long), torch.tensor([0]), torch.arange(1, 48)))
    unique = torch.unique(torch.cat(cells), dim=0)
    while len(unique) < voxels:
        shells = [unique]
        for _ in range(voxels // 2000):
            corner = torch.randint(4, wide - 10, (3,), generator=generator) * torch.tensor([1, 1, 0])
            size = torch.randint(6, 18, (3,), generator=generator)
            shells.append(box_shell(size) + corner + torch.tensor([0, 0, 1]))
        unique = torch.unique(torch.cat(shells), dim=0)
    kept = unique[torch.randperm(len(unique), generator=generator)[:voxels]]
    rgb = torch.rand(len(kept), 3, generator=generator)
    features = torch.randn(len(kept), ModelConfig().encoder.feature_dim, generator=generator)
    xyz = (kept + 0.5) * 0.05
    return xyz.to(device), rgb.to(device), features.to(device), kept.to(device)


def box_shell(size: Tensor) -> Tensor:
    """Return the surface cells (n, 3) of a box."""
    cells = torch.cartesian_prod(*(torch.arange(int(s)) for s in size))
    return cells[((cells == 0) | (cells == size - 1)).any(dim=1)]


def forget_peak(device: torch.device) -> None:
    """Begin a new peak where the device counts one; a process's own peak cannot be forgotten."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def memory_mb(device: torch.device) -> float:
    """Return the peak memory so far: of the process on a CPU, of torch's allocations on a GPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main()

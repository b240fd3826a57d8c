"""Where the full-size model's time goes, stage by stage: python benchmarks/model_stages.py [--precision bf16].

Every stage's `value` is its time, `gflop` what it multiplies and adds, `gemm_share` the time of that at this machine's
matrix-product rate over the time taken. The device is waited for around every stage, so the sum is above the whole.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable

import torch
from common import Case, arguments, emit, log, parser
from model import PRECISIONS, TOKENS, VOXELS, attention_flop, gemm_rate, random_model, room
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.model.point_transformer import build_pyramid
from locate3d_ros.model.precision import lower_precision


class Stages:
    """Times the calls of named methods, and waits for the device around each."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.runs: dict[str, list[float]] = defaultdict(list)  # seconds of one run each
        self.gflop: dict[str, float] = defaultdict(float)
        self._seconds: dict[str, float] = defaultdict(float)

    def watch(self, name: str, module: nn.Module, method: str) -> None:
        """Count every call of a module's method under a name."""
        inner = getattr(module, method)
        setattr(module, method, lambda *args, **kwargs: self.timed(name, lambda: inner(*args, **kwargs)))

    def timed(self, name: str, run: Callable[[], Tensor]) -> Tensor:
        """Run something under a name."""
        self._wait()
        started = time.perf_counter()
        result = run()
        self._wait()
        self._seconds[name] += time.perf_counter() - started
        return result

    def end_run(self) -> None:
        """Close one run of the whole model."""
        for name, seconds in self._seconds.items():
            self.runs[name].append(seconds)
        self._seconds.clear()

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class Counted(Stages):
    """Counts operations instead of time."""

    def timed(self, name: str, run: Callable[[], Tensor]) -> Tensor:
        """Run something and add what it multiplies and adds."""
        counted = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention_flop}
        with FlopCounterMode(display=False, custom_mapping=counted) as counter:
            result = run()
        self.gflop[name] += counter.get_total_flops() / 1e9
        return result


def main() -> None:
    """Measure every stage and print the JSON object."""
    parsed = parser(__doc__)
    parsed.add_argument("--voxels", type=int, default=VOXELS, help="size of the scene")
    parsed.add_argument("--precision", choices=list(PRECISIONS), default="fp32")
    options = arguments(__doc__, parsed)
    device, dtype = torch.device(options.device), PRECISIONS[options.precision]
    model, inputs = lower_precision(random_model(device), dtype), room(options.voxels, device)
    words = torch.randn(TOKENS, model.config.decoder.text.width, device=device)
    counted, stages = Counted(device), Stages(device)
    observe(model, counted, lambda: run(model, inputs, words, counted))
    rates = []

    def repeat() -> None:
        for _ in range(options.repeats):
            rates.append(gemm_rate(device, dtype))
            run(model, inputs, words, stages)

    observe(model, stages, repeat)
    cases = [case_of(name, stages, counted, statistics.median(rates)) for name in stages.runs]
    emit("model_stages", options, cases)


def case_of(name: str, stages: Stages, counted: Stages, rate: float) -> Case:
    """Describe one stage."""
    seconds, gflop = statistics.median(stages.runs[name]), counted.gflop[name]
    share = gflop / rate / seconds
    log(f"{name:28s} {1e3 * seconds:9.2f} ms {gflop:8.1f} GFLOP, gemm_share {share:.2f}")
    return Case(name, 1e3 * seconds, "ms", extra={"gflop": round(gflop, 1), "gemm_share": round(share, 3)})


def watched(model: Locate3DModel) -> list[tuple[str, nn.Module, str]]:
    """Name the stages that do not contain one another: name, module, method."""
    backbone, decoder = model.encoder.point_transformer_v3, model.decoder
    named: list[tuple[str, nn.Module, str]] = [("encode: stem", backbone.embedding["stem"], "forward")]
    for half in (backbone.enc, backbone.dec):
        named += [(f"encode: {key}", stage, "forward") for key, stage in half.items()]
    for layer in decoder.layers:
        named.append(("decode: words and queries", layer.query_self_attn, "forward"))
        named.append(("decode: keys of points", layer.query_ptc_feat_attn.attn, "keys_values"))
        named.append(("decode: queries to points", layer.query_ptc_feat_attn, "forward"))
        named.append(("decode: points to queries", layer.ptc_feat_query_attn, "forward"))
    named += [("decode: masks", head, "forward") for head in decoder.mask_prediction_heads]
    return [*named, ("decode: boxes", decoder.bbox_head, "forward")]


def observe(model: Locate3DModel, stages: Stages, run: Callable[[], None]) -> None:
    """Run with every stage watched."""
    for name, module, method in watched(model):
        stages.watch(name, module, method)
    run()
    for _, module, method in watched(model):
        delattr(module, method)  # the class's own shows again


@torch.inference_mode()
def run(model: Locate3DModel, inputs: tuple[Tensor, ...], words: Tensor, stages: Stages) -> None:
    """Encode and decode once, and what no module does beside."""
    xyz, rgb, features, cells = inputs
    stages.timed("encode: order and neighbours", lambda: build_pyramid(cells.long(), model.config.encoder.backbone))
    stages.timed("encode: embed", lambda: model.encoder.embed(rgb, features))
    encoding = model.encode(xyz, rgb, features, cells)
    stages.timed("encode: project", lambda: model.decoder.project_scene(encoding.features, xyz))
    next(iter(model.decode(encoding, [words])))
    stages.end_run()


if __name__ == "__main__":
    main()

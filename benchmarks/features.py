"""Time the foundation features on one 640 x 480 image: python benchmarks/features.py [--device cuda] [--networks full].

Weights are random, so SAM is told to be sure of every mask: all are enlarged and judged, more than with real weights,
and next to none of them stays. The segments of the later stages are drawn, the same for both qualities. `assign` is
what happens between the networks and the map; its baseline is the same written out as in the released preprocessing,
dense [H, W, 768] and one segment after another.
"""

from __future__ import annotations

import statistics
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from common import Case, arguments, emit, log, parser
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from locate3d_ros.features.clip import Clip, ClipConfig, make_clip, released_config
from locate3d_ros.features.clip_sam import Blend, ClipSegments, painted
from locate3d_ros.features.dinov2 import DinoOptions, DinoPatches, half_pixel_taps, make_dino, unit_weights
from locate3d_ros.features.embedded_segments import EmbeddedSegmenter
from locate3d_ros.features.quality import FAST, PAPER, Quality
from locate3d_ros.features.sam import PIXEL_MEAN, PIXEL_STD, SamSegmenter, make_sam
from locate3d_ros.features.segmenters import with_area

HEIGHT, WIDTH = 480, 640
SEGMENTS = 100
CHANNELS = 768  # of both slots, whatever the networks
GRID = (35, 46)  # patches of DINOv2
STAGES = ("segment", "crop", "encode", "assign", "frame", "embedded")
SMALL_CLIP = ClipConfig(
    256,
    {"image_size": 224, "patch_size": 14, "width": 256, "head_width": 64, "layers": 3, "mlp_ratio": 4},
    {"context_length": 77, "vocab_size": 1000, "width": 64, "heads": 1, "layers": 1},
)
SMALL_DINO = {"embed_dim": 192, "depth": 3, "num_heads": 3}


@dataclass(frozen=True)
class Networks:
    """The three networks, and how they are called in the figures."""

    clip: Clip
    dino: nn.Module
    sam: nn.Module
    is_full: bool


def main() -> None:
    """Measure every stage at both qualities."""
    options = parser(__doc__)
    options.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES, help="time these alone")
    options.add_argument("--networks", choices=("small", "full"), help="sizes; default: full on CUDA, else small")
    parsed = arguments(__doc__, options)
    device = torch.device(parsed.device)
    is_full = (parsed.networks or ("full" if device.type == "cuda" else "small")) == "full"
    log(f"making {'full-size' if is_full else 'small'} networks with random weights")
    networks = make_networks(is_full, device)
    rgb, masks = make_image(device), make_masks(device)
    cases = []
    with torch.inference_mode():
        for quality in (PAPER, FAST):
            cases += stage_cases(networks, quality, rgb, masks, parsed)
        cases += segmenter_cases(rgb, parsed) if "embedded" in parsed.stages else []
    emit("features", parsed, cases)


def stage_cases(networks: Networks, quality: Quality, rgb: Tensor, masks: Tensor, options: Namespace) -> list[Case]:
    """Time the stages of one quality, and all of them together."""
    segmenter = SamSegmenter(networks.sam, "sam", quality)
    segments = ClipSegments(networks.clip, segmenter, quality)
    patches = DinoPatches(networks.dino, DinoOptions(), quality)
    kept, boxes = with_area(masks)
    crops = segments.crops(rgb, boxes)
    image, embedded, tokens = wide_vectors(rgb.device)

    def encode() -> None:
        segments.embed(crops)
        patches.patch_tokens(rgb)

    def frame() -> None:
        segmenter.segment(rgb)
        segments.embed(segments.crops(rgb, with_area(masks)[1]))
        patches.table(rgb)
        painted("clip", kept, Blend.of(image, embedded).vectors())

    stages: dict[str, Callable[[], object]] = {
        "segment": partial(segmenter.segment, rgb),
        "crop": partial(segments.crops, rgb, boxes),
        "encode": encode,
        "assign": partial(assign, kept, image, embedded, tokens),
    }
    extra = {"full_size": float(networks.is_full)}
    cases = []
    for name in (each for each in stages if each in options.stages):
        log(f"{name}_{quality.name}")
        value, baseline = median_ms(stages[name], rgb.device, options.repeats), None
        if name == "assign":
            literal = partial(literal_assign, kept, image, embedded, tokens)
            baseline = median_ms(literal, rgb.device, min(options.repeats, 3))
        cases.append(Case(f"{name}_{quality.name}", value, "ms", baseline, extra))
    if "frame" not in options.stages:
        return cases
    if rgb.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(rgb.device)
    cases.append(Case(f"frame_{quality.name}", median_ms(frame, rgb.device, options.repeats), "ms", None, extra))
    if rgb.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(rgb.device) / 1e6
        cases.append(Case(f"peak_memory_{quality.name}", peak, "MB", None, extra))
    return cases


def segmenter_cases(rgb: Tensor, options: Namespace) -> list[Case]:
    """Time the segmenter that needs no weights."""
    value = median_ms(partial(EmbeddedSegmenter().segment, rgb), rgb.device, options.repeats)
    return [Case("segment_embedded", value, "ms")]


def assign(masks: Tensor, image: Tensor, segments: Tensor, tokens: Tensor) -> None:
    """Do what the product does between the networks and the map."""
    painted("clip", masks, Blend.of(image, segments).vectors())
    unit_weights(tokens, half_pixel_taps((HEIGHT, WIDTH), GRID, tokens.device), GRID)


def literal_assign(masks: Tensor, image: Tensor, segments: Tensor, tokens: Tensor) -> None:
    """Do the same densely, one segment after another (FEATURES_SPEC 2.7 to 2.9, 3.5)."""
    whole = normalize(normalize(image, dim=0), dim=0).half()
    units = [normalize(segment, dim=0) for segment in segments]
    likeness = torch.stack([torch.cosine_similarity(whole.float(), unit, dim=0) for unit in units])
    dense = torch.zeros(HEIGHT, WIDTH, CHANNELS, dtype=torch.float16, device=masks.device)
    for mask, share, unit in zip(masks, likeness.softmax(dim=0), units, strict=True):
        dense[mask] = normalize((share * whole.float()).half().float() + (1 - share) * unit, dim=0).half()
    normalize(dense.float(), dim=-1).half()
    del dense
    planes = interpolate(tokens.T.reshape(1, CHANNELS, *GRID), (HEIGHT, WIDTH), mode="bilinear", align_corners=False)
    normalize(planes, dim=1)[0].permute(1, 2, 0)


def median_ms(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Return the median time of a call, after one that is not counted."""
    seconds = []
    for _ in range(repeats + 1):
        synchronize(device)
        begin = time.perf_counter()
        work()
        synchronize(device)
        seconds.append(time.perf_counter() - begin)
    return 1000 * statistics.median(seconds[1:])


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def make_networks(is_full: bool, device: torch.device) -> Networks:
    """Make the networks with random weights."""
    torch.manual_seed(0)
    clip = make_clip(released_config() if is_full else SMALL_CLIP, device).eval()
    dino = make_dino(**({} if is_full else SMALL_DINO)).eval().to(device)
    sam = (make_sam("vit_h") if is_full else small_sam()).eval().to(device)
    sam.get_submodule("mask_decoder.iou_prediction_head").layers[-1].bias.data.fill_(2.0)
    return Networks(Clip(clip, device), dino, sam, is_full)


def small_sam() -> nn.Module:
    """Make Segment Anything for images of 256 pixels."""
    edge, width = 256 // 16, 64
    encoder = ImageEncoderViT(img_size=256, embed_dim=width, depth=2, num_heads=2, out_chans=width, use_rel_pos=True)
    transformer = TwoWayTransformer(depth=2, embedding_dim=width, mlp_dim=128, num_heads=4)
    decoder = MaskDecoder(transformer_dim=width, transformer=transformer, iou_head_hidden_dim=64)
    prompts = PromptEncoder(width, (edge, edge), (256, 256), 16)
    return Sam(encoder, prompts, decoder, PIXEL_MEAN, PIXEL_STD)


def make_image(device: torch.device) -> Tensor:
    """Return a smooth random image [480, 640, 3] uint8."""
    coarse = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(0)) * 255
    pixels = interpolate(coarse, (HEIGHT, WIDTH), mode="bilinear")[0].permute(1, 2, 0)
    return pixels.to(torch.uint8).contiguous().to(device)


def make_masks(device: torch.device) -> Tensor:
    """Return ellipses [100, 480, 640] bool, from large to small."""
    generator = torch.Generator().manual_seed(0)
    v, u = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    masks = []
    for i in range(SEGMENTS):
        x, y, shape = torch.rand(3, generator=generator).tolist()
        radius = 150 * 0.97**i
        masks.append(((u - x * WIDTH) / (0.5 + shape)) ** 2 + (v - y * HEIGHT) ** 2 < radius**2)
    return torch.stack(masks).to(device)


def wide_vectors(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return random embeddings of the image and of its segments, and patch tokens, of the released width."""
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(1 + SEGMENTS + GRID[0] * GRID[1], CHANNELS, generator=generator).to(device)
    return rows[0], rows[1 : 1 + SEGMENTS], rows[1 + SEGMENTS :]


if __name__ == "__main__":
    main()

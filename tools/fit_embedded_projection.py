"""Fit and write the embedded backend's projection: python tools/fit_embedded_projection.py [--images FOLDER].

Features are measured on images of nothing in particular (`procedural_images.py`) and, where given, on rendered frames.
The kept subspace is the best of its width under two aims: to predict the classifier's logits and to keep the features
themselves. Both the aim and the expected spread of features lean on the classifier's own directions, because made
images excite few of them. The same arguments give the same file on the same machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import torch
from procedural_images import procedural_image
from safetensors.torch import save
from torch import Tensor

from locate3d_ros.features.efficientnet import DenseEfficientNet, load_efficientnet, weights_path
from locate3d_ros.features.embedded import input_size, resized
from locate3d_ros.features.projection import PROJECTION_PATH
from locate3d_ros.files import write_file

WIDTH = 256
SCALES = (1.0, 1.5, 2.0)
TOKENS_PER_IMAGE = 150
PROCEDURAL_IMAGES = 240
HELD_OUT_IMAGES = 24
FEATURE_SHARE = 0.1  # of the aim that goes to the features themselves; the rest goes to the logits
CLASSIFIER_SHARE = 0.6  # of the expected spread that follows the classifier's directions, not the images


def images(folders: list[Path], seeds: range) -> Iterator[Tensor]:
    """Yield the RGB images [H, W, 3] uint8 of the folders and the procedural ones of the seeds."""
    for path in sorted(path for folder in folders for path in folder.rglob("*.color.jpg")):
        yield torch.from_numpy(cv2.imread(str(path))[..., ::-1].copy())
    for seed in seeds:
        yield torch.from_numpy(procedural_image(seed))


def sample_channels(network: DenseEfficientNet, pictures: Iterator[Tensor]) -> Tensor:
    """Return penultimate channels [n, 1280] float64 at random tokens of every image, scales taken in turn."""
    generator = torch.Generator().manual_seed(0)
    samples = []
    for number, rgb in enumerate(pictures):
        scale = SCALES[number % len(SCALES)]
        tokens = network(resized(rgb, input_size((rgb.shape[0], rgb.shape[1]), scale)))[0].flatten(1).T
        samples.append(tokens[torch.randperm(len(tokens), generator=generator)[:TOKENS_PER_IMAGE]])
    return torch.cat(samples).double()


def fit(channels: Tensor, class_weight: Tensor, width: int) -> dict[str, Tensor]:
    """Return mean [1280], encoder [D, 1280] and decoder [1280, D] of the best subspace of D = width.

    With expected spread C and aim M (the squared error e weighs e' M e), the best encoder is the principal
    components of the features in the metric M: whiten by M, take the leading eigenvectors of the spread, undo.
    """
    mean = channels.mean(dim=0)
    centered = channels - mean
    spread = centered.T @ centered
    directions = class_weight - class_weight.mean(dim=0)  # a shift of all logits changes no probability
    logits = directions.T @ directions
    spread = (1 - CLASSIFIER_SHARE) * spread / spread.trace() + CLASSIFIER_SHARE * logits / logits.trace()
    identity = torch.eye(len(spread), dtype=spread.dtype)
    aim = (1 - FEATURE_SHARE) * logits / (logits * spread).sum() + FEATURE_SHARE * identity / spread.trace()
    values, vectors = torch.linalg.eigh(aim)
    root, inverse_root = vectors * values.sqrt() @ vectors.T, vectors * values.rsqrt() @ vectors.T
    leading = torch.linalg.eigh(root @ spread @ root)[1][:, -width:].flip(1)
    encoder, decoder = leading.T @ root, inverse_root @ leading
    # Unit spread on average over the stored channels: float16 maps then keep their precision.
    unit = (centered @ encoder.T).pow(2).mean().sqrt()
    return {"mean": mean, "encoder": encoder / unit, "decoder": decoder * unit}


def report(tensors: dict[str, Tensor], network: DenseEfficientNet, channels: Tensor) -> str:
    """Say how well class log-probabilities of single held-out tokens survive the projection."""
    weight, bias = network.classifier.weight.double(), network.classifier.bias.double()
    features = (channels - tensors["mean"]) @ tensors["encoder"].T
    exact = (channels @ weight.T + bias).log_softmax(dim=1)
    kept = ((features @ tensors["decoder"].T + tensors["mean"]) @ weight.T + bias).log_softmax(dim=1)
    unexplained = (exact - kept).var(dim=0).sum() / exact.var(dim=0).sum()
    top1 = (exact.argmax(dim=1) == kept.argmax(dim=1)).double().mean()
    return f"{len(channels)} held-out tokens: log-probabilities explained {1 - unexplained:.3f}, same top-1 {top1:.3f}"


def main() -> None:
    """Measure, fit, report and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=Path, action="append", default=[], help="folder of rendered *.color.jpg")
    parser.add_argument("--held-out", type=Path, action="append", default=[], help="rendered frames to report on")
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--output", type=Path, default=PROJECTION_PATH)
    options = parser.parse_args()
    network = load_efficientnet(weights_path()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    channels = sample_channels(network, images(options.images, range(PROCEDURAL_IMAGES)))
    tensors = fit(channels, network.classifier.weight.double(), options.width)
    write_file(options.output, save({name: tensor.half().contiguous() for name, tensor in tensors.items()}))
    held_out = range(PROCEDURAL_IMAGES, PROCEDURAL_IMAGES + HELD_OUT_IMAGES)
    print(report(tensors, network, sample_channels(network, images(options.held_out, held_out))))


if __name__ == "__main__":
    main()

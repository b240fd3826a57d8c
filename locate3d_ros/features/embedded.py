"""The embedded backend: dense EfficientNet-Lite2 features, projected, and the classifier that reads them after fusion.

The network averages its penultimate map and then applies a linear classifier. An average over a voxel or an object
therefore may take the place of the average over an image, and classifying it afterwards is exact.
"""

from __future__ import annotations

import hashlib
from math import sqrt
from pathlib import Path

import torch
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.features.bilinear import bilinear_table
from locate3d_ros.features.efficientnet import CLASSES, STRIDE, load_efficientnet, weights_path
from locate3d_ros.features.projection import PROJECTION_PATH, load_projection, load_tensors
from locate3d_ros.types import Frame, FrameFeatures, Slot, TokenTable

SLOT = "image"
SCALES = {"fast": 1.5, "paper": 2.0}  # input pixels per image pixel
REFERENCE_PIXELS = 640 * 480  # larger frames are scaled to the cost of this size
CLASS_NAMES_PATH = Path(__file__).with_name("imagenet_classes.txt")
CLASS_VECTORS_PATH = Path(__file__).with_name("class_vectors.safetensors")


class EmbeddedExtractor:
    """Turns an image of any size into one dense slot of D channels per token (implements `FeatureExtractor`)."""

    def __init__(self, quality: str, device: torch.device) -> None:
        """Load the network. Raises InputError for an unknown quality and for missing or damaged weights."""
        if quality not in SCALES:
            raise InputError(f"quality = {quality!r}: unknown; give {' or '.join(SCALES)}")
        path = weights_path()
        self._quality = quality
        self._device = device
        self._projection = load_projection(device)
        network = load_efficientnet(path).to(device)
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._digest = _digest(path, PROJECTION_PATH)

    @property
    def name(self) -> str:
        """The backend with its quality: tokens of different input scales do not mix."""
        return f"embedded-{self._quality}"

    @property
    def digest(self) -> str:
        """The sha256 over network and projection."""
        return self._digest

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The one slot and its width."""
        return (Slot(SLOT, self._projection.width),)

    @torch.no_grad()
    def extract(self, frame: Frame) -> FrameFeatures:
        """Compute the frame's token table. Raises InputError for an image that is not [H, W, 3] uint8."""
        rgb = frame.rgb
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != torch.uint8 or 0 in rgb.shape:
            raise InputError(f"camera {frame.camera!r}: image {tuple(rgb.shape)} {rgb.dtype}; give [H, W, 3] uint8")
        image = (rgb.shape[0], rgb.shape[1])
        channels = self._network(resized(rgb.to(self._device), input_size(image, SCALES[self._quality])))[0]
        grid = (channels.shape[1], channels.shape[2])
        tokens = self._projection.encode(channels.permute(1, 2, 0).flatten(0, 1))
        index, weight = bilinear_table(image, grid, self._device)
        return FrameFeatures((TokenTable(SLOT, tokens, index, weight),))


class EmbeddedClassHead:
    """The network's classifier, for features of the embedded slot or averages of them."""

    def __init__(self, device: torch.device) -> None:
        """Load classifier and class names. Raises InputError for missing or damaged files."""
        classifier = load_efficientnet(weights_path()).classifier.to(device)
        projection = load_projection(device)
        self._weight = classifier.weight @ projection.decoder  # [1000, D]
        self._bias = classifier.bias + classifier.weight @ projection.mean  # [1000]
        self.lemmas = class_lemmas()  # all words for each class
        self.names = tuple(words[0] for words in self.lemmas)
        vectors = load_tensors(CLASS_VECTORS_PATH, ("vectors",))["vectors"].float()
        self.name_vectors = torch.nn.functional.normalize(vectors, dim=-1).to(device)  # [1000, 384]

    @property
    def width(self) -> int:
        """The number of channels that features must have."""
        return self._weight.shape[1]

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Return the class logits [n, 1000] float32 of features [n, D]. Raises InputError for another width."""
        if features.ndim != 2 or features.shape[1] != self.width:
            raise InputError(
                f"features {tuple(features.shape)}: the embedded classifier reads [n, {self.width}]; "
                "build the map with the embedded backend of this version"
            )
        return torch.nn.functional.linear(features.float(), self._weight, self._bias)

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Return the logarithms [n, 1000] of the class probabilities of features [n, D]."""
        return self.logits(features).log_softmax(dim=-1)


def input_size(image: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return the network's input (height, width) for an image (height, width), each 32 n + 1 pixels."""
    bounded = scale * min(1.0, sqrt(REFERENCE_PIXELS / (image[0] * image[1])))
    height, width = (max(1, round(side * bounded / STRIDE)) * STRIDE + 1 for side in image)
    return height, width


def resized(rgb: Tensor, size: tuple[int, int]) -> Tensor:
    """Return an image [H, W, 3] uint8 as [1, 3, *size] float32 in [0, 255], corner pixels on corner pixels."""
    pixels = rgb.permute(2, 0, 1)[None].float()
    shrinks = rgb.shape[0] > size[0] or rgb.shape[1] > size[1]
    scaled = torch.nn.functional.interpolate(pixels, size, mode="bilinear", align_corners=True, antialias=shrinks)
    return scaled.contiguous(memory_format=torch.channels_last)


def class_lemmas() -> tuple[tuple[str, ...], ...]:
    """Return the words for each of the 1000 classes, in the classifier's order; the first is the class's name."""
    try:
        lines = CLASS_NAMES_PATH.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{CLASS_NAMES_PATH}: {error.strerror}; reinstall locate3d_ros") from None
    lemmas = tuple(tuple(line.split(", ")) for line in lines if line and not line.startswith("#"))
    if len(lemmas) != CLASSES:
        raise InputError(f"{CLASS_NAMES_PATH}: {len(lemmas)} classes, not {CLASSES}; reinstall locate3d_ros")
    return lemmas


def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()

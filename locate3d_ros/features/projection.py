"""The fixed linear projection between the network's 1280 channels and the features that a map stores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from locate3d_ros.errors import InputError

PROJECTION_PATH = Path(__file__).with_name("embedded_projection.safetensors")


@dataclass(frozen=True)
class Projection:
    """Affine both ways, so that it may be applied before or after any average whose weights sum to 1."""

    mean: Tensor  # [1280]
    encoder: Tensor  # [D, 1280]
    decoder: Tensor  # [1280, D]

    @property
    def width(self) -> int:
        """The number of stored channels D."""
        return len(self.encoder)

    def encode(self, channels: Tensor) -> Tensor:
        """Map channels [n, 1280] to features [n, D]."""
        return torch.nn.functional.linear(channels, self.encoder, -self.encoder @ self.mean)

    def decode(self, features: Tensor) -> Tensor:
        """Map features [n, D] to the channels [n, 1280] that they stand for."""
        return torch.nn.functional.linear(features, self.decoder, self.mean)


def load_projection(device: torch.device, path: Path = PROJECTION_PATH) -> Projection:
    """Load the projection as float32. Raises InputError where the file is missing or is something else."""
    tensors = load_tensors(path, ("mean", "encoder", "decoder"))
    mean, encoder, decoder = (tensors[name].float().to(device) for name in ("mean", "encoder", "decoder"))
    if encoder.shape != decoder.T.shape or mean.shape != encoder.shape[1:]:
        raise InputError(f"{path}: tensors do not fit one another; reinstall locate3d_ros")
    return Projection(mean, encoder, decoder)


def load_tensors(path: Path, names: tuple[str, ...]) -> dict[str, Tensor]:
    """Load the named tensors of a file that ships with the package. Raises InputError where it cannot."""
    try:
        tensors = load_file(path)
        return {name: tensors[name] for name in names}
    except (OSError, SafetensorError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not readable ({reason}); reinstall locate3d_ros") from None

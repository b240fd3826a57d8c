"""The visual slot: DINOv2 patch tokens with registers (Oquab et al. 2023, Darcet et al. 2023), bilinear, unit length.

The pixel's length comes from the Gram matrix of its four tokens, so that nothing of size H x W x D is made
(FEATURES_SPEC §3; DESIGN §6).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from locate3d_ros.errors import InputError
from locate3d_ros.features.quality import Quality
from locate3d_ros.types import Slot, TokenTable
from locate3d_ros.weights.state_dict import State, assemble, read_tensors

SLOT = "dino"
RELEASED = "vit_base_patch14_reg4_dinov2"  # timm's word for the released size
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_EPSILON = 1e-12


@dataclass(frozen=True)
class DinoOptions:
    """How the network is fed and read; both together are what the released Locate 3D weights were trained with."""

    scale_255: bool = False  # pixels in 0..255 where the network was trained with 0..1
    memory_layout: bool = False  # tokens [N, C] read as [C, N] without a transpose


class DinoPatches:
    """Turns an image of any size into the visual slot."""

    def __init__(self, model: nn.Module, options: DinoOptions, quality: Quality) -> None:
        """Take a loaded model, on its device."""
        self._model: Any = model
        self._options = options
        self._quality = quality

    @property
    def slot(self) -> Slot:
        """The slot's name and width."""
        return Slot(SLOT, int(self._model.embed_dim))

    @property
    def patch(self) -> int:
        """The edge of a token's square, pixels (14 as released)."""
        return int(self._model.patch_embed.patch_size[0])

    def table(self, rgb: Tensor) -> TokenTable:
        """Return the token table of an image [H, W, 3] uint8 on the device."""
        image = (rgb.shape[0], rgb.shape[1])
        tokens = self.patch_tokens(rgb)
        if self._options.memory_layout:
            tokens = tokens.reshape(tokens.shape[1], -1).T.contiguous()
        grid = (-(-image[0] // self.patch), -(-image[1] // self.patch))
        taps = half_pixel_taps(image, grid, rgb.device)
        return TokenTable(SLOT, tokens, taps.index, unit_weights(tokens, taps, grid))

    @torch.no_grad()
    def patch_tokens(self, rgb: Tensor) -> Tensor:
        """Return the patch tokens [N, C] float32 after the last normalisation, in row order."""
        pixels = prepared(rgb, self._options.scale_255, self.patch)
        half = self._quality.half_precision and rgb.device.type == "cuda"
        with torch.autocast(rgb.device.type, torch.float16, enabled=half):
            tokens: Tensor = self._model.forward_features(pixels)
        return tokens[0, self._model.num_prefix_tokens :].float()


def prepared(rgb: Tensor, scale_255: bool, patch: int) -> Tensor:
    """Return the network's input [1, 3, a patch, b patch]: zeros added at right and bottom, then normalised."""
    pixels = rgb.permute(2, 0, 1).float()
    if not scale_255:
        pixels = pixels / 255.0
    height, width = pixels.shape[1:]
    padded = nn.functional.pad(pixels, (0, -width % patch, 0, -height % patch))
    mean, std = (torch.tensor(values, device=rgb.device).view(3, 1, 1) for values in (MEAN, STD))
    return ((padded - mean) / std)[None]


@dataclass(frozen=True)
class Taps:
    """Which four tokens a pixel lies between, and how much of each it takes before normalisation."""

    index: Tensor  # [H, W, 4] int32: upper left, upper right, lower left, lower right
    share: Tensor  # [H, W, 4] float32
    row: Tensor  # [H] int64 of the upper tokens
    column: Tensor  # [W] int64 of the left tokens


# A camera's images have one size.
@lru_cache(maxsize=2)
def half_pixel_taps(image: tuple[int, int], grid: tuple[int, int], device: torch.device) -> Taps:
    """Return the taps of bilinear enlargement with align_corners=False from a grid to an image; shared, do not write.

    The grid covers the padded image and is laid over the unpadded one, as in the released preprocessing.
    """
    row, lower, down = _axis(image[0], grid[0], device)
    column, right, across = _axis(image[1], grid[1], device)
    rows, columns = torch.stack((row, lower), dim=1), torch.stack((column, right), dim=1)
    index = rows[:, None, :, None] * grid[1] + columns[None, :, None, :]
    share = down[:, None, :, None] * across[None, :, None, :]
    return Taps(index.reshape(*image, 4).to(torch.int32), share.reshape(*image, 4).float(), row, column)


def _axis(pixels: int, tokens: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return the two tokens [pixels] of each pixel along one axis, and their shares [pixels, 2]."""
    place = (torch.arange(pixels, dtype=torch.float64, device=device) + 0.5) * tokens / pixels - 0.5
    place = place.clamp(min=0.0)
    first = place.floor().long()
    share = place - first
    return first, (first + 1).clamp(max=tokens - 1), torch.stack((1.0 - share, share), dim=1)


def unit_weights(tokens: Tensor, taps: Taps, grid: tuple[int, int]) -> Tensor:
    """Return the weights [H, W, 4] with which every pixel's sum of tokens [N, C] has length 1."""
    gram = _gram(tokens, grid)[taps.row[:, None], taps.column[None, :]]  # [H, W, 4, 4]
    share = taps.share
    squared = ((gram * share[..., None, :]).sum(dim=-1) * share).sum(dim=-1)
    return share / squared.clamp(min=0.0).sqrt().clamp(min=_EPSILON)[..., None]


def _gram(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return the products [rows, columns, 4, 4] of every token with its right, lower and lower right neighbours.

    Beyond the last row and column the border's own tokens stand in, as in the taps.
    """
    table = tokens.reshape(*grid, -1)
    right = torch.cat((table[:, 1:], table[:, -1:]), dim=1)
    below = [torch.cat((part[1:], part[-1:])) for part in (table, right)]
    corners = torch.stack((table, right, *below), dim=2)
    return corners @ corners.transpose(2, 3)


def load_dino(path: Path, device: torch.device, name: str = RELEASED) -> nn.Module:
    """Load the network. Raises InputError where the file is not that model."""
    return assemble(lambda: make_dino(name), dino_state(read_tensors(path)), path).to(device)


def make_dino(name: str = RELEASED, **sizes: Any) -> nn.Module:  # noqa: ANN401 - timm's own words
    """Make the network with untrained weights, for images of any size."""
    try:
        timm = import_module("timm")
    except ImportError as error:
        raise InputError(f"foundation backend: {error}; pip install 'locate3d_ros[foundation]'") from None
    sizes = {"img_size": 518, **sizes}
    model: nn.Module = timm.create_model(name, num_classes=0, dynamic_img_size=True, **sizes)
    return model


def dino_state(state: State) -> State:
    """Return a state dict under timm's names, from those or from the names of facebookresearch/dinov2."""
    if "register_tokens" not in state:
        return state
    renamed = {key: tensor for key, tensor in state.items() if key not in ("register_tokens", "mask_token")}
    places = renamed["pos_embed"]
    # timm adds the class token's place to the token itself, and keeps places of patches alone.
    renamed["cls_token"] = renamed["cls_token"] + places[:, :1]
    renamed["pos_embed"] = places[:, 1:]
    renamed["reg_token"] = state["register_tokens"]
    return renamed

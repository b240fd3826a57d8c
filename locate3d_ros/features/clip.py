"""CLIP (Radford et al. 2021) through open_clip: one model for the crops of images and for sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from locate3d_ros.errors import InputError
from locate3d_ros.weights.state_dict import State, assemble, read_tensors

RELEASED = "ViT-L-14-quickgelu"  # open_clip's word for OpenAI's ViT-L/14 with its own activation
CACHED_SENTENCES = 512
BATCH = 64
# Entries of OpenAI's own archives that say sizes, and no weights.
_SIZES = ("input_resolution", "context_length", "vocab_size")


@dataclass(frozen=True)
class ClipConfig:
    """The sizes of a CLIP model, in open_clip's words."""

    embed_dim: int
    vision_cfg: Mapping[str, Any]
    text_cfg: Mapping[str, Any]
    quick_gelu: bool = True


class Clip:
    """Image and text tower. Safe to call from several threads."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        """Take a loaded model; on CUDA it computes in half precision, as in the released preprocessing."""
        self._library = library()
        self._device = device
        self._dtype = torch.float16 if device.type == "cuda" else torch.float32
        if self._dtype is torch.float16:
            self._library.model.convert_weights_to_lp(model, dtype=self._dtype)
        self.model: Any = model.to(device)
        self._cached_vector = lru_cache(maxsize=CACHED_SENTENCES)(lambda text: self._text_vectors([text])[0])

    @property
    def width(self) -> int:
        """The number of channels that images and sentences share."""
        return int(self.model.visual.proj.shape[1])

    @property
    def image_size(self) -> int:
        """The edge of the square that the image tower sees, pixels."""
        size = self.model.visual.image_size
        return int(size[0] if isinstance(size, tuple) else size)

    @torch.no_grad()
    def image_vectors(self, pixels: Tensor) -> Tensor:
        """Return the embeddings [n, E] float32, not normalised, of prepared images [n, 3, S, S]."""
        vectors: Tensor = self.model.encode_image(pixels.to(self._device, self._dtype))
        return vectors.float()

    def sentence_vectors(self, texts: Sequence[str]) -> Tensor:
        """Return unit vectors [n, E] float32 of n texts; a text longer than 75 word pieces is cut there."""
        if isinstance(texts, str):
            raise TypeError("sentence_vectors takes a sequence of texts, not one text")
        if not texts:
            return torch.zeros(0, self.width, device=self._device)
        if len(texts) <= CACHED_SENTENCES // 8:
            return torch.stack([self._cached_vector(text) for text in texts])
        return torch.cat([self._text_vectors(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)])

    @torch.no_grad()
    def _text_vectors(self, texts: Sequence[str]) -> Tensor:
        tokens = self._library.tokenize(list(texts), context_length=self.model.context_length)
        vectors: Tensor = self.model.encode_text(tokens.to(self._device))
        return nn.functional.normalize(vectors.float(), dim=-1)


def released_config() -> ClipConfig:
    """Return the sizes of the released ViT-L/14."""
    sizes = library().get_model_config(RELEASED)
    return ClipConfig(sizes["embed_dim"], sizes["vision_cfg"], sizes["text_cfg"], sizes["quick_gelu"])


def make_clip(config: ClipConfig, device: torch.device) -> nn.Module:
    """Make a model with untrained weights; layer norms compute in float32 where the rest will be half."""
    cast = torch.float16 if device.type == "cuda" else None
    model: nn.Module = library().CLIP(
        config.embed_dim, dict(config.vision_cfg), dict(config.text_cfg), quick_gelu=config.quick_gelu, cast_dtype=cast
    )
    return model


# Nodes of one process make their parts one by one: they get the same model.
@lru_cache(maxsize=1)
def load_clip(path: Path, device: torch.device, config: ClipConfig | None = None) -> Clip:
    """Load CLIP. Raises InputError where the file is not a model of these sizes (None: the released ones)."""
    config = config or released_config()
    model = assemble(lambda: make_clip(config, device), clip_state(read_tensors(path)), path)
    positions = len(model.get_parameter("positional_embedding"))
    # No state dict holds the causal mask, and the model was assembled without numbers.
    model.attn_mask = torch.full((positions, positions), float("-inf")).triu(1)
    return Clip(model, device)


def clip_state(state: State) -> State:
    """Return a state dict of OpenAI's or open_clip's as float32 tensors, without the entries that only say sizes."""
    return {key: tensor.float() for key, tensor in state.items() if key not in _SIZES}


def library() -> Any:  # noqa: ANN401 - a module without types
    """Import open_clip. Raises InputError where it is missing."""
    try:
        return import_module("open_clip")
    except ImportError as error:
        raise InputError(f"foundation backend: {error}; pip install 'locate3d_ros[foundation]'") from None

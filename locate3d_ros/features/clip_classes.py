"""What the similarity localizer reads CLIP features with: sentences and class names from CLIP's own text tower."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from locate3d_ros.errors import InputError
from locate3d_ros.features.clip import Clip
from locate3d_ros.features.embedded import class_lemmas

PROMPT = "a photo of a {}"
SHARPNESS = 100.0  # CLIP's own scale of likenesses, the largest it was allowed in training


class ClipText:
    """Text vectors without what all of them share (implements the localizer's text encoder).

    Cosines between CLIP's text vectors are all high. Without the mean over the class names, words that have nothing to
    do with one another come out near 0, as the localizer expects.
    """

    def __init__(self, clip: Clip) -> None:
        """Take the one CLIP of the process."""
        self._clip = clip
        self.names = tuple(words[0] for words in class_lemmas())
        self.class_vectors = clip.sentence_vectors([PROMPT.format(name) for name in self.names])  # [1000, E]
        self._mean = self.class_vectors.mean(dim=0)

    @property
    def name_vectors(self) -> Tensor:
        """The centred vectors [1000, E] of the class names."""
        return normalize(self.class_vectors - self._mean, dim=1)

    def sentence_vectors(self, texts: Sequence[str]) -> Tensor:
        """Return centred unit vectors [n, E] float32 of n words or phrases."""
        return normalize(self._clip.sentence_vectors([PROMPT.format(text) for text in texts]) - self._mean, dim=1)


class ClipClassHead:
    """Classifies features of the text-aligned slot by their likeness to class names (the localizer's class head)."""

    def __init__(self, text: ClipText) -> None:
        """Take the text encoder with its class vectors."""
        self.names = text.names
        self.name_vectors = text.name_vectors
        self._vectors = text.class_vectors

    def logits(self, features: Tensor) -> Tensor:
        """Return the class logits [n, 1000] float32 of features [n, E]. Raises InputError for another width."""
        if features.ndim != 2 or features.shape[1] != self._vectors.shape[1]:
            raise InputError(
                f"features {tuple(features.shape)}: CLIP's classifier reads [n, {self._vectors.shape[1]}]; "
                "build the map with the foundation backend"
            )
        return SHARPNESS * normalize(features.float(), dim=1).to(self._vectors.device) @ self._vectors.T


def share_text_tower(clip: Clip, tower: torch.nn.Module) -> bool:
    """Let another text tower, named as transformers' CLIP is, use this CLIP's memory where all weights are equal.

    Returns whether they were; otherwise nothing changes. Its parameters become views of CLIP's.
    """
    ours = dict(clip.model.named_parameters())
    theirs = dict(tower.named_parameters())
    pairs = {name: part for name in theirs if (part := _counterpart(name, ours)) is not None}
    if len(pairs) < len(theirs) or not all(_equal(theirs[name], part) for name, part in pairs.items()):
        return False
    for name, part in pairs.items():
        owner, _, leaf = name.rpartition(".")
        setattr(tower.get_submodule(owner), leaf, torch.nn.Parameter(part, requires_grad=False))
    return True


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)


_PLACES = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
}
_PARTS = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
_PARTS |= {"self_attn.out_proj": "attn.out_proj"}
_QUERIES = ("q_proj", "k_proj", "v_proj")  # in the order in which open_clip stacks them


def _counterpart(name: str, ours: dict[str, Tensor]) -> Tensor | None:
    """Return the part of open_clip's parameters that stands for a parameter of transformers' text tower."""
    if name in _PLACES:
        return ours[_PLACES[name]].detach()
    if name == "text_projection.weight":
        return ours["text_projection"].detach().T
    layer, _, rest = name.removeprefix("text_model.encoder.layers.").partition(".")
    part, _, leaf = rest.rpartition(".")
    block = f"transformer.resblocks.{layer}"
    if part in _PARTS:
        return ours[f"{block}.{_PARTS[part]}.{leaf}"].detach()
    if part.removeprefix("self_attn.") in _QUERIES:
        stacked = ours[f"{block}.attn.in_proj_{leaf}"].detach()
        return stacked.chunk(3)[_QUERIES.index(part.removeprefix("self_attn."))]
    return None

"""A loaded model with its text encoder: scenes in, the instances that a sentence names out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.model.checkpoint import Checkpoint, TrainedOn
from locate3d_ros.model.locate3d_model import Locate3DModel, SceneEncoding
from locate3d_ros.model.postprocess import PredictedInstance, to_instances
from locate3d_ros.model.precision import lower_precision
from locate3d_ros.model.sparse_conv import ConvolutionBackend
from locate3d_ros.model.spconv_backend import require_spconv
from locate3d_ros.model.text import TextTokens
from locate3d_ros.model.tokenizer import tokenise
from locate3d_ros.types import MapSnapshot


class TokenEncoder(Protocol):
    """A frozen text encoder outside the model, such as MiniLM."""

    def token_states(self, text: str) -> TextTokens:
        """Return a sentence's tokens with their states and character offsets."""


@dataclass(frozen=True)
class Grounding:
    """What the model says about one sentence."""

    offsets: tuple[tuple[int, int], ...]  # characters [start, end) of each token; (0, 0) for marks
    probability: Tensor  # [q, 77] of every query for every token position
    instances: tuple[PredictedInstance, ...]  # in query order


class Grounder:
    """Encodes scenes and grounds sentences in them."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        dtype: torch.dtype,
        text_encoder: TokenEncoder | None = None,
        convolution: ConvolutionBackend = "portable",
    ) -> None:
        """Take a loaded checkpoint; `text_encoder` is needed where the model has no tower of its own.

        Raises InputError where the tower's vocabulary is not installed or is another one, and where spconv cannot run.
        """
        _require_words(checkpoint.model, text_encoder)
        if convolution == "spconv":
            require_spconv(checkpoint.model.encoder.zero_token.device)
        checkpoint.model.encoder.convolution = convolution
        self._model: Locate3DModel = lower_precision(checkpoint.model, dtype)
        self._text_encoder = text_encoder
        self._name = checkpoint.name
        self.trained_on: TrainedOn = checkpoint.trained_on

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._model.encoder.zero_token.device

    @property
    def name(self) -> str:
        """The checkpoint's name, as replies record it."""
        return self._name

    def features_of(self, snapshot: MapSnapshot) -> Tensor:
        """Join a map's slots (n, feature_dim) in the order that the model was trained with.

        Raises InputError, one line, for a map whose slots, widths or extractor the model does not know, and for a
        compressed one: what projections leave out is small for the similarity localizer, and unknown for a model.
        """
        if snapshot.projections:
            raise InputError("model: reads whole features, this map is compressed; use a map as it was built")
        given = tuple((name, tensor.shape[1]) for name, tensor in snapshot.features.items())
        require_features(self.trained_on, given, snapshot.digest, self._model.config.encoder.feature_dim)
        names = [name for name, _ in self.trained_on.slots or given]
        return torch.cat([snapshot.features[name] for name in names], dim=1)

    @torch.inference_mode()
    def encode(self, scene: tuple[Tensor, Tensor, Tensor, Tensor], compact: bool) -> SceneEncoding:
        """Encode a map's voxels (xyz, rgb, features, cells) as `Locate3DModel.encode` does, in the chosen precision.

        `compact` keeps the encoder's result alone, a fraction of the memory; every sentence then takes a little longer.
        """
        xyz, rgb, features, cells = (tensor.to(self.device) for tensor in scene)
        encoding = self._model.encode(xyz.float(), rgb.float(), features.float(), cells)
        return replace(encoding, scene=None) if compact else encoding

    @torch.inference_mode()
    def ground(self, encoding: SceneEncoding, text: str) -> Grounding:
        """Decode one sentence."""
        offsets, states = self._read(text)
        prediction = next(iter(self._model.decode(encoding, [states])))
        probability = prediction.token_logits.float().sigmoid()
        instances = to_instances(prediction)
        if self._model.config.decoder.boxes == "mask":
            instances = [replace(instance, box=None) for instance in instances]
        return Grounding(offsets, probability, tuple(instances))

    def _read(self, text: str) -> tuple[tuple[tuple[int, int], ...], Tensor]:
        tower = self._model.decoder.text_encoder
        if tower is not None:
            tokens = tokenise(text)
            return tokens.offsets, tower(torch.tensor(tokens.ids, device=self.device))
        assert self._text_encoder is not None  # the constructor's rule  # noqa: S101
        encoded = self._text_encoder.token_states(text)
        return encoded.offsets, encoded.states.to(self.device)


def _require_words(model: Locate3DModel, text_encoder: TokenEncoder | None) -> None:
    words = model.config.decoder.text
    if model.decoder.text_encoder is None:
        if text_encoder is None:
            raise ValueError("this model reads token states of a text encoder: give it one")
    elif max(tokenise("any word").ids) >= words.vocabulary:
        raise InputError(f"model: its text tower knows {words.vocabulary} tokens, not CLIP's; give another checkpoint")


def require_features(trained_on: TrainedOn, given: Sequence[tuple[str, int]], digest: str, feature_dim: int) -> None:
    """Refuse features that a model was not trained on. Raises InputError, one line, saying which it wants."""
    if trained_on.slots and sorted(given) != sorted(trained_on.slots):
        wanted, offered = (_names(pairs) for pairs in (trained_on.slots, given))
        raise InputError(f"model: trained on the features {wanted}, the map has {offered}; map with that backend")
    if trained_on.digest and digest != trained_on.digest:
        raise InputError("model: trained on another version of this extractor; map with that version")
    width = sum(width for _, width in given)
    if width != feature_dim:
        raise InputError(f"model: wants {feature_dim} feature channels, the map has {width}; map with its backend")


def _names(slots: Sequence[tuple[str, int]]) -> str:
    return " + ".join(f"{name} ({width})" for name, width in slots) or "none"

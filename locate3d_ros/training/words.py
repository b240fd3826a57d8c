"""Reads sentences for training: token offsets, and the states of the frozen text encoder."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.model.text import MiniLm
from locate3d_ros.model.tokenizer import tokenise

CACHED_SENTENCES = 50_000  # some 20 kB each


class Words(NamedTuple):
    """One sentence as the decoder reads it."""

    offsets: tuple[tuple[int, int], ...]
    states: Tensor  # [t, text width]


class WordReader:
    """Sentences -> token states; every sentence is read once. Text encoders are not trained."""

    def __init__(self, model: Locate3DModel, device: torch.device) -> None:
        """Use the model's own tower, or MiniLM where it has none. Raises InputError where that is not installed."""
        self._tower = model.decoder.text_encoder
        self.minilm = None if self._tower is not None else MiniLm(device)
        self._device = device
        self.read = lru_cache(maxsize=CACHED_SENTENCES)(self._read)

    @torch.no_grad()
    def _read(self, text: str) -> Words:
        if self._tower is not None:
            tokens = tokenise(text)
            return Words(tokens.offsets, self._tower(torch.tensor(tokens.ids, device=self._device)))
        assert self.minilm is not None  # the constructor's rule  # noqa: S101
        encoded = self.minilm.token_states(text)
        return Words(encoded.offsets, encoded.states.to(self._device))

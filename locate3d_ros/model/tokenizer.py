"""CLIP's byte-pair tokenizer with character offsets. Source: MODEL_SPEC §8.1, §16.4; Radford et al. 2021 (CLIP)."""

from __future__ import annotations

import gzip
import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from locate3d_ros.errors import InputError

START_ID, END_ID = 49406, 49407
MAX_TOKENS = 77
MERGES = 48894  # of the vocabulary's file; with twice 256 bytes and two marks they make 49,408 entries
WORD_END = "</w>"
PIECES = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


@dataclass(frozen=True)
class TokenisedText:
    """A sentence as the text tower reads it, and where each token stands in the sentence."""

    text: str
    ids: tuple[int, ...]  # with start and end marks, at most 77
    offsets: tuple[tuple[int, int], ...]  # half-open character spans; marks have (0, 0)


def tokenise(text: str) -> TokenisedText:
    """Tokenise a sentence, cut to 77 tokens. Raises InputError where the vocabulary is not installed."""
    encoded = _clip_bpe().encode(text, add_special_tokens=False)
    room = MAX_TOKENS - 2
    ids = (START_ID, *encoded.ids[:room], END_ID)
    return TokenisedText(text, ids, ((0, 0), *encoded.offsets[:room], (0, 0)))


@lru_cache(maxsize=1)
def _clip_bpe() -> tokenizers.Tokenizer:
    merges = _read_merges()
    alphabet = _byte_alphabet()
    symbols = [*alphabet, *(s + WORD_END for s in alphabet), *(a + b for a, b in merges)]
    vocabulary = {symbol: i for i, symbol in enumerate(symbols)}
    bpe = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix=WORD_END))
    bpe.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(tokenizers.Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    split = pre_tokenizers.Split(tokenizers.Regex(PIECES), behavior="removed", invert=True)
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([split, to_bytes])
    return bpe


def _read_merges() -> list[tuple[str, str]]:
    package = importlib.util.find_spec("open_clip")  # found, not imported: only its vocabulary file is wanted here
    if package is None or not package.submodule_search_locations:
        raise InputError("CLIP vocabulary: not installed; run `pip install open_clip_torch`")
    path = Path(package.submodule_search_locations[0]) / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    first, second = zip(*(line.split() for line in lines[1 : MERGES + 1]), strict=True)
    return list(zip(first, second, strict=True))


def _byte_alphabet() -> list[str]:
    """Return the 256 byte symbols in the vocabulary's order: printable bytes first, the others after them."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = 256 - len(printable)
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(hidden)]

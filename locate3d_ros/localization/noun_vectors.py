"""The text vectors of the vocabulary's names, computed beforehand: thousands of names take seconds to encode."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from locate3d_ros.localization.encoders import TextEncoder

VECTORS_PATH = Path(__file__).with_name("noun_vectors.safetensors")
DIGEST_KEY = "names_sha256"
_SAME = 0.999  # cosine with the encoder's own vector: half precision loses less


def noun_vectors(names: Sequence[str], encoder: TextEncoder) -> Tensor:
    """Return the unit vectors (n, E) of names: the stored ones where they are of these names and this encoder."""
    stored = _stored(names_digest(names))
    if stored is not None:
        probe = encoder.sentence_vectors(names[:1])
        stored = torch.nn.functional.normalize(stored.to(probe), dim=1)
        if stored.shape[1] == probe.shape[1] and float(stored[0] @ probe[0]) > _SAME:
            return stored
    return encoder.sentence_vectors(names)


def names_digest(names: Sequence[str]) -> str:
    """Return the sha256 of the names in their order."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _stored(digest: str) -> Tensor | None:
    """Return the stored vectors (n, E) float16; None where there are none of these names."""
    try:
        with safe_open(VECTORS_PATH, framework="pt") as file:
            if (file.metadata() or {}).get(DIGEST_KEY) != digest:
                return None
            vectors: Tensor = file.get_tensor("vectors")
            return vectors
    except (OSError, SafetensorError):
        return None

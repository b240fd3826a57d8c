"""Write the text vectors of the size table's names, after every change of it: python tools/make_noun_vectors.py."""

from __future__ import annotations

import torch
from safetensors.torch import save

from locate3d_ros.files import write_file
from locate3d_ros.localization.lexicon.size_table import load_sizes
from locate3d_ros.localization.noun_vectors import DIGEST_KEY, VECTORS_PATH, names_digest
from locate3d_ros.model.text import MiniLm


def main() -> None:
    """Encode all names and write the file."""
    names = [name for entry in load_sizes() for name in entry.names]
    vectors = MiniLm(torch.device("cpu")).sentence_vectors(names)
    write_file(VECTORS_PATH, save({"vectors": vectors.half().contiguous()}, {DIGEST_KEY: names_digest(names)}))
    print(f"{VECTORS_PATH}: {tuple(vectors.shape)}")


if __name__ == "__main__":
    main()

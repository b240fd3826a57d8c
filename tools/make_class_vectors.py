"""Write the text vectors of the ImageNet classes: python tools/make_class_vectors.py GLOSSES.txt.

GLOSSES.txt holds one WordNet 3.0 definition a line, in the classifier's order (for example made from the synset files
of the package `timm`). A class vector is the direction half-way between the mean of its lemmas and its definition:
lemmas alone miss everyday words for a thing, definitions alone blur its name.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import normalize

from locate3d_ros.features.embedded import CLASS_VECTORS_PATH, class_lemmas
from locate3d_ros.files import write_file
from locate3d_ros.model.text import MiniLm


def class_vectors(lemmas: tuple[tuple[str, ...], ...], glosses: list[str]) -> Tensor:
    """Return unit vectors [n, 384] of n classes from their names and definitions."""
    if len(lemmas) != len(glosses):
        raise SystemExit(f"{len(glosses)} definitions for {len(lemmas)} classes; give one a line")
    text = MiniLm(torch.device("cpu"))
    names = torch.stack([normalize(text.sentence_vectors(words).mean(dim=0), dim=0) for words in lemmas])
    return normalize(names + text.sentence_vectors(glosses), dim=1)


def main() -> None:
    """Read the definitions and write the vectors."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("glosses", type=Path)
    parser.add_argument("--output", type=Path, default=CLASS_VECTORS_PATH)
    options = parser.parse_args()
    vectors = class_vectors(class_lemmas(), options.glosses.read_text(encoding="utf-8").splitlines())
    write_file(options.output, save({"vectors": vectors.half().contiguous()}))
    print(f"{options.output}: {tuple(vectors.shape)}")


if __name__ == "__main__":
    main()

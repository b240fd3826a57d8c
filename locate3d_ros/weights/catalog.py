"""Every weight file that can be loaded: what for, how large, under which licence, from where, with which checksum.

The checksums of Segment Anything are those against which several public projects verify Meta's own files (the files'
names carry the beginning of their MD5). Of the others none is published beforehand: the hub names the sha256 of its
large files, and what it named at the fetch is kept. Sizes of SAM are the files' own, the others follow from the
models' parameters in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

from locate3d_ros.errors import InputError


@dataclass(frozen=True)
class WeightFile:
    """One file."""

    name: str  # what commands call it
    purpose: str
    repository: str  # on the Hugging Face hub
    path: str  # inside the repository
    file: str  # its name in a folder of the user's
    gigabytes: float  # about, 1e9 bytes
    licence: str
    sha256: str = ""  # "": none is published


CLIP = "clip-vit-l14"
DINO = "dinov2-vitb14-reg"
SAM = {"sam-vit-h": "vit_h", "sam-vit-l": "vit_l", "sam-vit-b": "vit_b"}  # name -> the library's word for the size
LOCATE3D = ("locate-3d", "locate-3d-plus")
FOUNDATION = (CLIP, DINO, "sam-vit-h")  # what `--backend foundation` loads as it is configured at first

_SAM_MIRROR = "ybelkada/segment-anything"  # on the hub: the files of Meta, told by their checksums
_CC_BY_NC = "CC-BY-NC 4.0: non-commercial use only"

CATALOG = (
    WeightFile(
        name=CLIP,
        purpose="CLIP ViT-L/14 of OpenAI: image tower for segments, text tower for sentences",
        repository="timm/vit_large_patch14_clip_224.openai",
        path="open_clip_model.safetensors",
        file="vit_large_patch14_clip_224.openai.safetensors",
        gigabytes=1.71,
        licence="MIT",
    ),
    WeightFile(
        name=DINO,
        purpose="DINOv2 ViT-B/14 with registers: visual features",
        repository="timm/vit_base_patch14_reg4_dinov2.lvd142m",
        path="model.safetensors",
        file="vit_base_patch14_reg4_dinov2.lvd142m.safetensors",
        gigabytes=0.35,
        licence="Apache-2.0",
    ),
    WeightFile(
        name="sam-vit-h",
        purpose="Segment Anything ViT-H: segments, as the paper's",
        repository=_SAM_MIRROR,
        path="checkpoints/sam_vit_h_4b8939.pth",
        file="sam_vit_h_4b8939.pth",
        gigabytes=2.56,
        licence="Apache-2.0",
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
    ),
    WeightFile(
        name="sam-vit-l",
        purpose="Segment Anything ViT-L: segments, half the memory",
        repository=_SAM_MIRROR,
        path="checkpoints/sam_vit_l_0b3195.pth",
        file="sam_vit_l_0b3195.pth",
        gigabytes=1.25,
        licence="Apache-2.0",
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
    ),
    WeightFile(
        name="sam-vit-b",
        purpose="Segment Anything ViT-B: segments on small machines",
        repository=_SAM_MIRROR,
        path="checkpoints/sam_vit_b_01ec64.pth",
        file="sam_vit_b_01ec64.pth",
        gigabytes=0.38,
        licence="Apache-2.0",
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
    ),
    WeightFile(
        name="locate-3d",
        purpose="Locate 3D as released: answers requests",
        repository="facebook/locate-3d",
        path="model.safetensors",
        file="locate-3d.safetensors",
        gigabytes=2.3,
        licence=_CC_BY_NC,
    ),
    WeightFile(
        name="locate-3d-plus",
        purpose="Locate 3D+ as released: answers requests, trained on more data",
        repository="facebook/locate-3d-plus",
        path="model.safetensors",
        file="locate-3d-plus.safetensors",
        gigabytes=2.3,
        licence=_CC_BY_NC,
    ),
)


def entry(name: str) -> WeightFile:
    """Return a file of the table. Raises InputError for a name that is not in it."""
    for known in CATALOG:
        if known.name == name:
            return known
    raise InputError(f"weights {name!r}: unknown; give one of {', '.join(known.name for known in CATALOG)}")

"""What `paper` and `fast` mean for the foundation features."""

from __future__ import annotations

from dataclasses import dataclass

from locate3d_ros.errors import InputError


@dataclass(frozen=True)
class Quality:
    """How much work goes into one frame."""

    name: str
    points_per_side: int  # of SAM's grid of questions
    crop_layers: int  # SAM also looks at 4 enlarged parts for each
    points_per_batch: int
    crop_batch: int  # crops that CLIP sees at once
    half_precision: bool  # SAM and DINOv2 on CUDA; CLIP is half there anyway, as in the released preprocessing
    exact_crops: bool  # Pillow's bicubic crops, bit for bit; else on the device


PAPER = Quality("paper", 32, 1, 64, 64, half_precision=False, exact_crops=True)  # FEATURES_SPEC §2.2
FAST = Quality("fast", 16, 0, 256, 128, half_precision=True, exact_crops=False)


def quality_of(name: str) -> Quality:
    """Return a quality by its name. Raises InputError for an unknown one."""
    for quality in (PAPER, FAST):
        if quality.name == name:
            return quality
    raise InputError(f"quality = {name!r}: unknown; give paper or fast")

"""The text-aligned slot: CLIP of every segment's crop, blended with CLIP of the whole image (FEATURES_SPEC §2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from locate3d_ros.features.clip import Clip
from locate3d_ros.features.crops import crop_images, whole_image_box
from locate3d_ros.features.quality import Quality
from locate3d_ros.features.segmenters import Segmenter, with_area
from locate3d_ros.types import Slot, TokenTable

SLOT = "clip"


class ClipSegments:
    """Gives every pixel the vector of the last segment that covers it, and none where no segment does."""

    def __init__(self, clip: Clip, segmenter: Segmenter, quality: Quality) -> None:
        """Take the parts as they are."""
        self._clip = clip
        self._segmenter = segmenter
        self._quality = quality

    @property
    def slot(self) -> Slot:
        """The slot's name and width."""
        return Slot(SLOT, self._clip.width)

    def table(self, rgb: Tensor) -> TokenTable:
        """Return the token table of an image [H, W, 3] uint8 on the device."""
        masks, boxes = with_area(self._segmenter.segment(rgb).to(rgb.device))
        crops = self.crops(rgb, boxes)
        image, segments = self.embed(crops)
        return painted(SLOT, masks, Blend.of(image, segments).vectors())

    def crops(self, rgb: Tensor, boxes: Tensor) -> Tensor:
        """Return what CLIP sees [1 + M, 3, S, S]: the whole image, then each box [M, 4]."""
        every = torch.cat((whole_image_box(rgb), boxes.cpu()))
        return crop_images(rgb, every, self._clip.image_size, self._quality.exact_crops)

    def embed(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embeddings of the whole image [E] and of the segments [M, E], not normalised."""
        batches = torch.split(crops, self._quality.crop_batch)
        vectors = torch.cat([self._clip.image_vectors(batch) for batch in batches])
        return vectors[0], vectors[1:]


@dataclass(frozen=True)
class Blend:
    """How segments are mixed with the whole image; half precision where the released preprocessing rounds."""

    image: Tensor  # [E] float32, unit length, rounded to half precision
    segments: Tensor  # [M, E] float32, unit length
    likeness: Tensor  # [M] float32 cosines
    share: Tensor  # [M] float32, the image's: the softmax of the likenesses, so about 1 / M

    @classmethod
    def of(cls, image: Tensor, segments: Tensor) -> Blend:
        """Compare the embeddings [E] and [M, E]."""
        whole = normalize(normalize(image.float(), dim=0), dim=0).half().float()
        parts = normalize(segments.float(), dim=1)
        likeness = cosine_similarity(whole[None], parts, dim=1)
        return cls(whole, parts, likeness, likeness.softmax(dim=0))

    def mixed(self) -> Tensor:
        """Return the unit vectors [M, E] float32 between the image and each segment."""
        share = self.share[:, None]
        return normalize((share * self.image).half().float() + (1.0 - share) * self.segments, dim=1)

    def vectors(self) -> Tensor:
        """Return the unit vectors as they are stored: float32 numbers that half precision holds exactly."""
        return normalize(self.mixed().half().float(), dim=1).half().float()


def painted(name: str, masks: Tensor, vectors: Tensor) -> TokenTable:
    """Return the table in which every pixel takes the vector [M, E] of the last of the masks [M, H, W] over it."""
    index = torch.full(masks.shape[1:], -1, dtype=torch.int32, device=masks.device)
    for place, mask in enumerate(masks.unbind()):
        index.masked_fill_(mask, place)
    return TokenTable(name, vectors, index[..., None], (index >= 0).float()[..., None])

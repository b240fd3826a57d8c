"""Segments of Segment Anything's automatic mode (Kirillov et al. 2023), kept as booleans on the device.

The library's own generator turns every mask into run lengths and back on the CPU; here the same steps in the same order
give the same masks. Settings that the quality does not name are the library's defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from locate3d_ros.errors import InputError
from locate3d_ros.features.quality import Quality
from locate3d_ros.weights.state_dict import assemble, read_tensors

MIN_PREDICTED_IOU = 0.86
MIN_STABILITY = 0.95
STABILITY_OFFSET = 1.0
MAX_OVERLAP = 0.7  # box IoU above which the worse of two masks goes
CROP_OVERLAP = 512 / 1500
POINTS_SHRINK = 2  # of the grid on enlarged parts
PIXEL_MEAN, PIXEL_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class _Found:
    """Masks of one look at the image or at a part of it."""

    masks: Tensor  # [m, H, W] bool, of the whole image
    boxes: Tensor  # [m, 4] float32 x0, y0, x1, y1
    scores: Tensor  # [m] predicted IoU
    area: int  # of the part


class SamSegmenter:
    """SAM asked at a grid of points (implements `Segmenter`)."""

    def __init__(self, model: nn.Module, name: str, quality: Quality) -> None:
        """Take a loaded model, on its device."""
        library = _library()
        self._predictor = library.SamPredictor(model)
        self._amg = import_module("segment_anything.utils.amg")
        self._nms = import_module("torchvision.ops").batched_nms
        self._name = name
        self._quality = quality
        self._grids = self._amg.build_all_layer_point_grids(quality.points_per_side, quality.crop_layers, POINTS_SHRINK)

    @property
    def name(self) -> str:
        """The size of the model."""
        return self._name

    @torch.no_grad()
    def segment(self, rgb: Tensor) -> Tensor:
        """Return the masks [M, H, W] bool: those found in the smallest parts first, the whole image's last.

        A black image has none: the model answers it with noise, and the released preprocessing stops at it.
        """
        image = rgb.cpu().numpy()
        size = image.shape[:2]
        none = torch.zeros((0, *size), dtype=torch.bool, device=self._predictor.device)
        if not image.any():
            return none
        parts, layers = self._amg.generate_crop_boxes(size, self._quality.crop_layers, CROP_OVERLAP)
        found = [self._look(image, part, layer) for part, layer in zip(parts, layers, strict=True)]
        found = [part for part in found if len(part.masks)]
        if not found:
            return none
        masks, boxes = torch.cat([f.masks for f in found]), torch.cat([f.boxes for f in found])
        if len(parts) == 1:
            return masks
        scores = torch.cat([torch.full_like(f.scores, 1.0 / f.area, dtype=torch.float32) for f in found])
        return masks[self._best(boxes, scores)]

    def _look(self, image: np.ndarray, part: list[int], layer: int) -> _Found:
        """Ask at every point of one part (x0, y0, x1, y1)."""
        x0, y0, x1, y1 = part
        seen = image[y0:y1, x0:x1]
        with self._precision():
            self._predictor.set_image(seen)
            points = self._grids[layer] * np.array([[x1 - x0, y1 - y0]])
            answers = [self._ask(batch, image.shape[:2], part) for batch in _batches(points, self._quality)]
        self._predictor.reset_image()
        masks, boxes, scores = (torch.cat(tensors) for tensors in zip(*answers, strict=True))
        kept = self._best(boxes.float(), scores)
        offset = torch.tensor([x0, y0, x0, y0], device=boxes.device)
        return _Found(masks[kept], (boxes[kept] + offset).float(), scores[kept], (x1 - x0) * (y1 - y0))

    def _ask(self, points: np.ndarray, size: tuple[int, int], part: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Return masks, boxes in the part and predicted IoUs for points (n, 2) of one part."""
        device = self._predictor.device
        placed = self._predictor.transform.apply_coords(points, (part[3] - part[1], part[2] - part[0]))
        placed = torch.as_tensor(placed, device=device)[:, None]
        labels = torch.ones(len(placed), 1, dtype=torch.int, device=device)
        logits, scores = self._sure_logits(placed, labels)
        stable = self._amg.calculate_stability_score(logits, 0.0, STABILITY_OFFSET) >= MIN_STABILITY
        masks, scores = logits[stable] > 0.0, scores[stable]
        boxes = self._amg.batched_mask_to_box(masks)
        inside = ~self._amg.is_box_near_crop_edge(boxes, part, [0, 0, size[1], size[0]])
        return self._amg.uncrop_masks(masks[inside], part, *size), boxes[inside], scores[inside]

    def _sure_logits(self, points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits [m, h, w] of the part and the predicted IoUs [m] of the masks that the model believes in.

        The library enlarges all masks before it looks at their IoUs; most of that is for nothing.
        """
        model, predictor = self._predictor.model, self._predictor
        sparse, dense = model.prompt_encoder(points=(points, labels), boxes=None, masks=None)
        low, scores = model.mask_decoder(
            image_embeddings=predictor.features,
            image_pe=model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )
        low, scores = low.flatten(0, 1), scores.flatten(0, 1).float()
        sure = scores > MIN_PREDICTED_IOU
        logits = model.postprocess_masks(low[sure][:, None], predictor.input_size, predictor.original_size)
        return logits[:, 0], scores[sure]

    def _best(self, boxes: Tensor, scores: Tensor) -> Tensor:
        """Return the masks that survive where boxes overlap, best score first."""
        kept: Tensor = self._nms(boxes, scores, torch.zeros(len(boxes), device=boxes.device), MAX_OVERLAP)
        return kept

    def _precision(self) -> AbstractContextManager[Any]:
        if not self._quality.half_precision or self._predictor.device.type != "cuda":
            return nullcontext()
        return torch.autocast("cuda", torch.float16)


def _batches(points: np.ndarray, quality: Quality) -> Iterator[np.ndarray]:
    for start in range(0, len(points), quality.points_per_batch):
        yield points[start : start + quality.points_per_batch]


def load_sam(path: Path, size: str, device: torch.device) -> nn.Module:
    """Load SAM of a size (vit_h, vit_l, vit_b). Raises InputError where the file is not that model."""
    return finish_sam(assemble(lambda: make_sam(size), read_tensors(path), path), device)


def make_sam(size: str) -> nn.Module:
    """Make SAM of a size with untrained weights."""
    build: Callable[[], nn.Module] = _library().sam_model_registry[size]
    return build()


def finish_sam(model: nn.Module, device: torch.device) -> nn.Module:
    """Give an assembled model the constants that no state dict holds, and move it."""
    model.pixel_mean = torch.tensor(PIXEL_MEAN).view(-1, 1, 1)
    model.pixel_std = torch.tensor(PIXEL_STD).view(-1, 1, 1)
    return model.to(device)


def _library() -> Any:  # noqa: ANN401 - a module without types
    try:
        return import_module("segment_anything")
    except ImportError as error:
        raise InputError(f"foundation backend: {error}; pip install 'locate3d_ros[foundation]'") from None
